// What `vigie-bench search` searches in and for: codes and queries, the same on every machine for
// the same arguments.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/base/fingerprint.h"
#include "engine/index/huge_vector.h"

namespace vigie::bench {

// SplitMix64 (Steele, Lea, Flood 2014): 100 M codes take a second. Integers only.
class FastRandom {
 public:
  explicit FastRandom(uint64_t seed) : state_(seed) {}

  uint64_t Next();
  size_t Below(size_t limit) { return Next() % limit; }
  Pdq256 Hash();
  // `from` with exactly `distance` of its bits turned.
  Pdq256 Near(const Pdq256& from, int distance);

 private:
  uint64_t state_;
};

// The code of row `row` of uniform data: a function of its number, so that no copy need be kept.
Pdq256 UniformHash(uint64_t row);

enum class Distribution { kUniform, kClustered };
std::string_view Name(Distribution distribution);
// What the codes and the queries are, in one line for the reader of a table.
std::string_view Describe(Distribution distribution);

// `count` codes. kClustered: of every 100 rows one is near one of 8 featureless patterns (up to 6
// turned bits), four belong to a series of 1 to 1000 near-copies of one picture (up to 20 turned
// bits each), the others are uniform. Reports progress on stderr.
HugeVector<Pdq256> MakeCodes(Distribution distribution, size_t count);

inline constexpr int64_t kNotPlanted = -1;

struct Query {
  Pdq256 hash;
  int64_t planted = kNotPlanted;  // the position of a code within the radius
};

// Half random, half within `radius` of a code at a uniformly random distance, in random order. In
// clustered data a tenth of the planted ones lies near a featureless row and a tenth near a row of
// a series, more than their share of the rows; the others near any row.
std::vector<Query> MakeQueries(Distribution distribution, const HugeVector<Pdq256>& codes,
                               size_t count, int radius);

// The hashes of one picture's 8 orientations: those of 16x16 random coefficients, by the rules of
// engine/hash. As real ones they are no independent bits: half of them are determined by others.
std::array<Pdq256, 8> MakeOrientations(FastRandom& random);

}  // namespace vigie::bench
