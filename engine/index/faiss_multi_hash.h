// FAISS's multi-index hash, kept inside the memory it is given.
#pragma once

#include <faiss/IndexBinaryHash.h>

#include <cstdint>

namespace vigie {

// faiss::IndexBinaryMultiHash over 256 bits in 16 substrings of 16. Two hashes within 31 bits
// agree within 1 bit on at least one of them (pigeonhole: 16 substrings with 2 or more differences
// each make 32), so the one flip it starts with finds every hash up to that distance.
//
// FAISS 1.7.3 reads each substring as 8 bytes from its first one, so for the last it reads 6 bytes
// past the code; at the end of a mapping that is a crash. Here it reads copies with room behind.
class FaissMultiHash final : public faiss::IndexBinaryMultiHash {
 public:
  static constexpr int kSubstrings = 16;
  static constexpr int kExactRadius = 31;  // with the one flip; 16 more for each further one

  FaissMultiHash();
  void add(idx_t n, const uint8_t* codes) override;
  void range_search(idx_t n, const uint8_t* queries, int radius, faiss::RangeSearchResult* result,
                    const faiss::SearchParameters* params = nullptr) const override;
  void search(idx_t n, const uint8_t* queries, idx_t k, int32_t* distances, idx_t* labels,
              const faiss::SearchParameters* params = nullptr) const override;
};

}  // namespace vigie
