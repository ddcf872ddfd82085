// Range search through faiss::IndexBinary, with the inclusive-radius rule in one place.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/fingerprint.h"
#include "engine/base/status.h"

namespace faiss {
struct IndexBinary;
}

namespace vigie {

// A row found by one query: `position` counts from 0 in the order of adding.
struct RangeHit {
  uint32_t query = 0;
  int64_t position = 0;
  int distance = 0;
};

// Appends to `hits` every row of `index` at most `max_distance` (inclusive) from a query, in no
// particular order. FAISS means "strictly less than"; the conversion happens here and nowhere else.
// INTERNAL, reason INDEX_FAILED, when FAISS throws. Thread-safe as far as the index is.
absl::Status RangeSearch(const faiss::IndexBinary& index, std::span<const Pdq256> queries,
                         int max_distance, std::vector<RangeHit>* hits);

}  // namespace vigie
