#include "engine/index/head_index.h"

#include "engine/index/hamming_scan.h"

namespace vigie {

HeadIndex::HeadIndex(size_t capacity) : codes_(capacity), rows_(capacity) {}

bool HeadIndex::Append(const Pdq256& hash, RowId row) {
  const size_t i = size_.load(std::memory_order_relaxed);
  if (i == codes_.size()) return false;
  codes_[i] = hash;
  rows_[i] = row;
  size_.store(i + 1, std::memory_order_release);
  return true;
}

void HeadIndex::Find(std::span<const Pdq256> queries, int max_distance,
                     std::vector<RangeHit>* hits) const {
  ScanWithin(codes(), queries, max_distance, hits);
}

}  // namespace vigie
