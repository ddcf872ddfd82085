// Exact Hamming range search by multi-index hashing (Norouzi, Punjani, Fleet 2013).
//
// The 256 bits are cut into m substrings, each with a table from its value to the rows that have
// it. If thresholds t_i satisfy sum(t_i + 1) = r + 1, two codes within r differ in at most t_i bits
// on at least one substring i (pigeonhole; uneven thresholds: Qin et al. 2018). So the rows under
// all values within t_i of the query's substring, in every table, include every answer; each is
// then compared in full.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "engine/base/fingerprint.h"
#include "engine/index/flat_index.h"
#include "engine/index/huge_vector.h"

namespace vigie {

// The 256 bits of a code as words, bit 0 first.
using CodeWords = std::array<uint64_t, 4>;
inline CodeWords WordsOf(const Pdq256& code) {
  CodeWords words;
  std::memcpy(words.data(), code.bytes.data(), sizeof(words));
  return words;
}

// Bits first_bit to first_bit + bits - 1 of `words`; at most 26, none beyond 255.
inline uint32_t SubstringOf(const CodeWords& words, int first_bit, int bits) {
  const auto word = static_cast<size_t>(first_bit) / 64;
  const int shift = first_bit % 64;
  uint64_t value = words[word] >> shift;
  if (shift + bits > 64) value |= words[word + 1] << (64 - shift);
  return static_cast<uint32_t>(value & ((uint64_t{1} << bits) - 1));
}

// Rows by the value of one substring: those of value v are ids[starts[v] .. starts[v + 1] - 1].
struct SubstringTable {
  int first_bit = 0;  // of the 256, from bit 0 of the first word
  int bits = 0;       // 8 to 26
  HugeVector<uint32_t> starts;
  HugeVector<uint32_t> ids;
};

// How a radius is searched: the threshold of each table (-1: the table is not needed), or by
// comparing everything when that is expected to be faster.
struct SearchPlan {
  bool scan = false;
  std::vector<int> thresholds;
  double expected_ns = 0;  // for one query on uniform data
};

// Immutable once built, thread-safe. At most 2^32 - 1 codes.
class MultiIndexHash final : public RangeOnlyIndex {
 public:
  // Cuts the bits into `substrings` parts, 0: the number that the cost model finds best for this
  // many codes. `always_look_up` is for tests: no plan scans, however few codes there are. Throws
  // std::bad_alloc.
  explicit MultiIndexHash(HugeVector<Pdq256> codes, int substrings = 0,
                          bool always_look_up = false);
  // From the codes and tables of another one; nullptr when the tables are not such as those of that
  // many codes: other bits, or a number that points outside.
  static std::unique_ptr<MultiIndexHash> FromTables(HugeVector<Pdq256> codes,
                                                    std::vector<SubstringTable> tables);
  ~MultiIndexHash() override;

  std::span<const Pdq256> codes() const { return codes_; }
  std::span<const SubstringTable> tables() const { return tables_; }

  // The plan for `max_distance` (inclusive). See the cost model in the source.
  SearchPlan PlanFor(int max_distance) const;

  // The number of substrings that the cost model finds best for `rows` codes at distance 31, among
  // those whose tables have at most twice as many values as there are codes.
  static int BestSubstrings(size_t rows);

 private:
  MultiIndexHash(HugeVector<Pdq256> codes, std::vector<SubstringTable> tables);
  void MakePlans(bool always_look_up);  // for the tables there are
  void Find(std::span<const Pdq256> queries, int max_distance,
            std::vector<RangeHit>* hits) const override;

  const HugeVector<Pdq256> codes_;
  std::vector<SubstringTable> tables_;
  // flips_[b][t]: all words of b bits with at most t ones, ascending, so that neighbouring lookups
  // share cache lines. Made for the (b, t) that plans of this index can use.
  struct Flips;
  std::unique_ptr<const Flips> flips_;
  std::vector<SearchPlan> plans_;  // by max_distance, 0 to kMaxDistanceLimit
};

}  // namespace vigie
