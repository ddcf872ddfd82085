// Every code within a distance, by comparing them all: the definition of a right answer, and the
// fastest way for few codes. SIMD through Highway, one source for all instruction sets.
#pragma once

#include <span>
#include <vector>

#include "engine/base/fingerprint.h"
#include "engine/index/range_search.h"

namespace vigie {

// Appends to `hits` every code at most `max_distance` (0 to 256, inclusive) from a query, in no
// particular order. Queries are compared in groups of up to 8 while a block of codes is in
// registers, so many at once cost less each. Thread-safe.
void ScanWithin(std::span<const Pdq256> codes, std::span<const Pdq256> queries, int max_distance,
                std::vector<RangeHit>* hits);

}  // namespace vigie
