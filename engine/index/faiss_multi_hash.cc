#include "engine/index/faiss_multi_hash.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "engine/base/fingerprint.h"

namespace vigie {
namespace {

// `n` codes from `codes`, with one more behind them that nobody looks at.
std::vector<uint8_t> Padded(faiss::IndexBinary::idx_t n, const uint8_t* codes) {
  std::vector<uint8_t> padded((static_cast<size_t>(n) + 1) * sizeof(Pdq256));
  if (n > 0) std::memcpy(padded.data(), codes, static_cast<size_t>(n) * sizeof(Pdq256));
  return padded;
}

}  // namespace

FaissMultiHash::FaissMultiHash() : IndexBinaryMultiHash(256, kSubstrings, 256 / kSubstrings) {
  nflip = 1;
}

void FaissMultiHash::add(idx_t n, const uint8_t* codes) {
  constexpr idx_t kAtOnce = 4096;  // so that the copy stays small
  for (idx_t begin = 0; begin < n; begin += kAtOnce) {
    const idx_t count = std::min(kAtOnce, n - begin);
    const auto offset = static_cast<size_t>(begin) * sizeof(Pdq256);
    IndexBinaryMultiHash::add(count, Padded(count, codes + offset).data());
  }
}

void FaissMultiHash::range_search(idx_t n, const uint8_t* queries, int radius,
                                  faiss::RangeSearchResult* result,
                                  const faiss::SearchParameters* params) const {
  IndexBinaryMultiHash::range_search(n, Padded(n, queries).data(), radius, result, params);
}

void FaissMultiHash::search(idx_t n, const uint8_t* queries, idx_t k, int32_t* distances,
                            idx_t* labels, const faiss::SearchParameters* params) const {
  IndexBinaryMultiHash::search(n, Padded(n, queries).data(), k, distances, labels, params);
}

}  // namespace vigie
