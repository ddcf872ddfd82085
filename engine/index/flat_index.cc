#include "engine/index/flat_index.h"

#include <faiss/impl/AuxIndexStructures.h>
#include <faiss/impl/FaissAssert.h>

#include <utility>

#include "engine/index/hamming_scan.h"

namespace vigie {

void FillResult(size_t queries, std::vector<RangeHit> hits, faiss::RangeSearchResult* result) {
  for (size_t q = 0; q <= queries; ++q) result->lims[q] = 0;
  if (hits.empty()) return;  // most searches
  for (const RangeHit& hit : hits) ++result->lims[hit.query];
  result->do_allocation();  // turns the counts in lims into offsets
  std::vector<size_t> next(result->lims, result->lims + queries);
  for (const RangeHit& hit : hits) {
    const size_t at = next[hit.query]++;
    result->labels[at] = hit.position;
    result->distances[at] = static_cast<float>(hit.distance);
  }
}

void RangeOnlyIndex::add(idx_t, const uint8_t*) { FAISS_THROW_MSG("this index is built at once"); }
void RangeOnlyIndex::reset() { FAISS_THROW_MSG("this index is replaced, not emptied"); }
void RangeOnlyIndex::search(idx_t, const uint8_t*, idx_t, int32_t*, idx_t*,
                            const faiss::SearchParameters*) const {
  FAISS_THROW_MSG("this index answers range searches only");
}

void RangeOnlyIndex::range_search(idx_t n, const uint8_t* queries, int radius,
                                  faiss::RangeSearchResult* result,
                                  const faiss::SearchParameters*) const {
  std::vector<RangeHit> hits;
  const auto count = static_cast<size_t>(n);
  if (radius > 0) Find({reinterpret_cast<const Pdq256*>(queries), count}, radius - 1, &hits);
  FillResult(count, std::move(hits), result);
}

FlatIndex::FlatIndex(HugeVector<Pdq256> codes) : codes_(std::move(codes)) {
  ntotal = static_cast<idx_t>(codes_.size());
}

void FlatIndex::Find(std::span<const Pdq256> queries, int max_distance,
                     std::vector<RangeHit>* hits) const {
  ScanWithin(codes_, queries, max_distance, hits);
}

}  // namespace vigie
