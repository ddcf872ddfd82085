// Our own exact indexes behind faiss::IndexBinary: the flat scan, and what it shares with the
// multi-index hash.
#pragma once

#include <faiss/IndexBinary.h>

#include <span>
#include <vector>

#include "engine/base/fingerprint.h"
#include "engine/index/huge_vector.h"
#include "engine/index/range_search.h"

namespace vigie {

// Fills a FAISS result from `hits`, in any order, of `queries` queries.
void FillResult(size_t queries, std::vector<RangeHit> hits, faiss::RangeSearchResult* result);

// A faiss::IndexBinary that answers range searches only: adding, resetting and k-nearest search
// throw, as FAISS does for what an index does not support.
class RangeOnlyIndex : public faiss::IndexBinary {
 public:
  RangeOnlyIndex() : faiss::IndexBinary(256) {}
  void add(idx_t n, const uint8_t* codes) override;
  void reset() override;
  void search(idx_t n, const uint8_t* queries, idx_t k, int32_t* distances, idx_t* labels,
              const faiss::SearchParameters* params = nullptr) const override;
  // `radius` is FAISS's: strictly less. Calls Find() with the inclusive distance.
  void range_search(idx_t n, const uint8_t* queries, int radius, faiss::RangeSearchResult* result,
                    const faiss::SearchParameters* params = nullptr) const final;

 protected:
  virtual void Find(std::span<const Pdq256> queries, int max_distance,
                    std::vector<RangeHit>* hits) const = 0;
};

// Compares all codes: 32 bytes a code. Immutable, thread-safe.
class FlatIndex final : public RangeOnlyIndex {
 public:
  explicit FlatIndex(HugeVector<Pdq256> codes);
  std::span<const Pdq256> codes() const { return codes_; }

 private:
  void Find(std::span<const Pdq256> queries, int max_distance,
            std::vector<RangeHit>* hits) const override;

  const HugeVector<Pdq256> codes_;
};

}  // namespace vigie
