// The inner loop of the multi-index hash: looks up, gathers, compares. SIMD targets through
// Highway only for their population count; the time goes into memory, and the order of the loop
// is there to have many cache misses under way at once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/fingerprint.h"
#include "engine/index/multi_index_hash.h"

namespace vigie {

// What to look up in one table.
struct TableProbe {
  const SubstringTable* table = nullptr;
  std::span<const uint32_t> flips;  // words to XOR with the query's substring
  int threshold = 0;                // the most ones in any of them
  CodeWords substring{};            // its bits, of the 256 of a code as it is
  CodeWords chained{};              // and those of the sketch with them
  int chain = 0;                    // the most differences of this and the next substring together
};

// A candidate costs the comparison of its sketch; one that passes, two cache misses, as much as
// this many.
inline constexpr size_t kSurvivorCost = 130;

struct ProbeTask {
  const Pdq256* codes = nullptr;
  std::span<const TableProbe> probes;
  int max_distance = 0;  // inclusive
  // Of one query, in candidates; beyond it the query is given up.
  size_t max_cost = 0;
};

// Appends the answers of all `queries` to `hits`, each once, and the numbers of the queries that
// were given up, whose hits are not to be used, to `given_up`. Thread-safe.
void ProbeTables(const ProbeTask& task, std::span<const Pdq256> queries,
                 std::vector<RangeHit>* hits, std::vector<uint32_t>* given_up);

}  // namespace vigie
