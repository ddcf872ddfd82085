#include "bench/search_data.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>

namespace vigie::bench {
namespace {

constexpr uint64_t kRowSeed = 11;
constexpr uint64_t kClusterSeed = 12;
constexpr uint64_t kQuerySeed = 13;
constexpr uint64_t kGolden = 0x9E3779B97F4A7C15;  // the step of SplitMix64

constexpr size_t kPatterns = 8;
constexpr size_t kPatternFlips = 6;
constexpr size_t kSeriesLength = 1000;
constexpr size_t kSeriesFlips = 20;

// The class of a row of clustered data is that of its number modulo 100.
constexpr size_t kRound = 100;
bool IsFeatureless(size_t row) { return row % kRound == 0; }
bool IsSeries(size_t row) { return row % kRound >= 1 && row % kRound <= 4; }

void Turn(Pdq256* hash, size_t bit) {
  hash->bytes[bit / 8] = static_cast<uint8_t>(hash->bytes[bit / 8] ^ (1U << (bit % 8)));
}

// `count` turns, of which some may undo others.
Pdq256 Turned(Pdq256 hash, size_t count, FastRandom& random) {
  for (size_t i = 0; i < count; ++i) Turn(&hash, random.Below(256));
  return hash;
}

void ReportProgress(size_t done, size_t count) {
  constexpr size_t kStep = 10'000'000;
  if (done % kStep == 0 && done > 0) {
    std::fprintf(stderr, "vigie-bench: generated %zu of %zu codes\n", done, count);
  }
}

// The rows of clustered data that are not uniform, in their order.
class ClusteredRows {
 public:
  ClusteredRows() {
    for (Pdq256& pattern : patterns_) pattern = random_.Hash();
  }

  Pdq256 NextFeatureless() {
    const Pdq256& pattern = patterns_[random_.Below(kPatterns)];
    return Turned(pattern, random_.Below(kPatternFlips + 1), random_);
  }
  Pdq256 NextOfSeries() {
    if (left_in_series_ == 0) {
      left_in_series_ = 1 + random_.Below(kSeriesLength);
      base_ = random_.Hash();
    }
    --left_in_series_;
    return Turned(base_, random_.Below(kSeriesFlips + 1), random_);
  }

 private:
  FastRandom random_{kClusterSeed};
  std::array<Pdq256, kPatterns> patterns_;
  Pdq256 base_;
  size_t left_in_series_ = 0;
};

// A row to plant a query at.
size_t PickRow(Distribution distribution, size_t rows, FastRandom& random) {
  const size_t row = random.Below(rows);
  if (distribution == Distribution::kUniform) return row;
  const size_t round = row / kRound * kRound;
  const size_t kind = random.Below(10);
  if (kind == 0) return round;
  if (kind == 1) return std::min(round + 1 + row % 4, rows - 1);
  return row;
}

using Coefficients = std::array<int64_t, 256>;

// Bit 16*i+j is set when B[i][j] lies above the median, the 128th smallest.
Pdq256 HashOf(const Coefficients& b) {
  Coefficients sorted = b;
  std::nth_element(sorted.begin(), sorted.begin() + 127, sorted.end());
  Pdq256 hash;
  for (size_t bit = 0; bit < 256; ++bit) {
    if (b[bit] > sorted[127]) Turn(&hash, 255 - bit);  // bytes are most significant first
  }
  return hash;
}

}  // namespace

uint64_t FastRandom::Next() {
  uint64_t z = (state_ += kGolden);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

Pdq256 FastRandom::Hash() {
  std::array<uint64_t, 4> words;
  for (uint64_t& word : words) word = Next();
  Pdq256 hash;
  std::memcpy(hash.bytes.data(), words.data(), sizeof(words));
  return hash;
}

Pdq256 FastRandom::Near(const Pdq256& from, int distance) {
  Pdq256 near = from;
  for (int left = distance; left > 0;) {
    const size_t bit = Below(256);
    const bool turned = ((near.bytes[bit / 8] ^ from.bytes[bit / 8]) >> (bit % 8) & 1) != 0;
    if (turned) continue;
    Turn(&near, bit);
    --left;
  }
  return near;
}

Pdq256 UniformHash(uint64_t row) {
  // Each hash takes 4 steps, so the sequences of rows follow one another and never overlap.
  return FastRandom(kRowSeed + row * 4 * kGolden).Hash();
}

std::string_view Name(Distribution distribution) {
  return distribution == Distribution::kUniform ? "uniform" : "clustered";
}

std::string_view Describe(Distribution distribution) {
  if (distribution == Distribution::kUniform) {
    return "uniform: independent random bits; queries: half planted within the radius of a row, "
           "half random";
  }
  return "clustered: 1 % of the rows near 8 featureless patterns, 4 % in near-duplicate series of "
         "up to 1000, the rest uniform; queries: 50 % random, 40 % planted near any row, 5 % near "
         "a featureless row, 5 % near a series";
}

HugeVector<Pdq256> MakeCodes(Distribution distribution, size_t count) {
  HugeVector<Pdq256> codes;
  codes.reserve(count);
  ClusteredRows clustered;
  for (size_t row = 0; row < count; ++row) {
    ReportProgress(row, count);
    if (distribution == Distribution::kClustered && IsFeatureless(row)) {
      codes.push_back(clustered.NextFeatureless());
    } else if (distribution == Distribution::kClustered && IsSeries(row)) {
      codes.push_back(clustered.NextOfSeries());
    } else {
      codes.push_back(UniformHash(row));
    }
  }
  return codes;
}

std::vector<Query> MakeQueries(Distribution distribution, const HugeVector<Pdq256>& codes,
                               size_t count, int radius) {
  FastRandom random(kQuerySeed);
  std::vector<Query> queries(count);
  for (size_t i = 0; i < count; ++i) {
    // Every other one, so that any few of them are half planted too; shuffled below in pairs.
    if (i % 2 != 0) {
      queries[i].hash = random.Hash();
      continue;
    }
    const size_t row = PickRow(distribution, codes.size(), random);
    const auto distance = static_cast<int>(random.Below(static_cast<size_t>(radius) + 1));
    queries[i] = {random.Near(codes[row], distance), static_cast<int64_t>(row)};
  }
  for (size_t i = 1; i < count; i += 2) {
    if (random.Below(2) == 0) std::swap(queries[i - 1], queries[i]);
  }
  return queries;
}

std::array<Pdq256, 8> MakeOrientations(FastRandom& random) {
  Coefficients a;
  for (int64_t& value : a) {
    // Near enough to a Gaussian: a sum of 12 uniform values, without floating point.
    value = 0;
    for (int i = 0; i < 12; ++i) {
      value += static_cast<int64_t>(random.Next() >> 24) - (int64_t{1} << 39);
    }
  }
  enum Negated { kNever, kEvenRow, kEvenColumn, kOddSum };  // by (i, j) of the original
  struct Rule {
    bool transposed;
    Negated negated;
  };
  constexpr std::array<Rule, 8> kRules = {{{false, kNever},       // as it is
                                           {true, kEvenColumn},   // rot90
                                           {false, kOddSum},      // rot180
                                           {true, kEvenRow},      // rot270
                                           {false, kEvenRow},     // flipX
                                           {false, kEvenColumn},  // flipY
                                           {true, kNever},        // flipPlus1
                                           {true, kOddSum}}};     // flipMinus1
  std::array<Pdq256, 8> hashes;
  for (size_t k = 0; k < kRules.size(); ++k) {
    Coefficients b;
    for (size_t i = 0; i < 16; ++i) {
      for (size_t j = 0; j < 16; ++j) {
        const bool negate = (kRules[k].negated == kEvenRow && i % 2 == 0) ||
                            (kRules[k].negated == kEvenColumn && j % 2 == 0) ||
                            (kRules[k].negated == kOddSum && (i + j) % 2 != 0);
        b[kRules[k].transposed ? 16 * j + i : 16 * i + j] = negate ? -a[16 * i + j] : a[16 * i + j];
      }
    }
    hashes[k] = HashOf(b);
  }
  return hashes;
}

}  // namespace vigie::bench
