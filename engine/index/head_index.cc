#include "engine/index/head_index.h"

#include <faiss/impl/AuxIndexStructures.h>
#include <faiss/impl/FaissAssert.h>

#include <utility>

namespace vigie {

HeadIndex::HeadIndex(size_t capacity)
    : faiss::IndexBinary(256), codes_(capacity), rows_(capacity) {}

bool HeadIndex::Append(const Pdq256& hash, RowId row) {
  const size_t i = size_.load(std::memory_order_relaxed);
  if (i == codes_.size()) return false;
  codes_[i] = hash;
  rows_[i] = row;
  size_.store(i + 1, std::memory_order_release);
  return true;
}

void HeadIndex::add(idx_t, const uint8_t*) { FAISS_THROW_MSG("rows are added with their ids"); }
void HeadIndex::reset() { FAISS_THROW_MSG("a head is replaced, not emptied"); }
void HeadIndex::search(idx_t, const uint8_t*, idx_t, int32_t*, idx_t*,
                       const faiss::SearchParameters*) const {
  FAISS_THROW_MSG("a head answers range searches only");
}

void HeadIndex::range_search(idx_t n, const uint8_t* queries, int radius,
                             faiss::RangeSearchResult* result,
                             const faiss::SearchParameters*) const {
  const auto rows = codes();
  const auto* wanted = reinterpret_cast<const Pdq256*>(queries);
  std::vector<std::pair<idx_t, float>> found;
  for (idx_t q = 0; q < n; ++q) {
    const size_t before = found.size();
    for (size_t i = 0; i < rows.size(); ++i) {
      const int distance = HammingDistance(wanted[q], rows[i]);
      if (distance < radius) found.emplace_back(i, static_cast<float>(distance));
    }
    result->lims[q] = found.size() - before;
  }
  result->do_allocation();  // turns the counts in lims into offsets
  for (size_t i = 0; i < found.size(); ++i) {
    result->labels[i] = found[i].first;
    result->distances[i] = found[i].second;
  }
}

}  // namespace vigie
