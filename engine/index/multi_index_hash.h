// Exact Hamming range search by multi-index hashing (Norouzi, Punjani, Fleet 2013), with a second
// condition that nearly all false candidates fail (the pigeonring principle: Qin, Xiao 2018).
//
// The 256 bits, in parity order (parity_order.h), are cut into m substrings, each with a table from
// its value to the rows that have it. Choose T_i >= 0 with sum(T_i) = r + 1. If two codes are
// within r, their differences d_i on the substrings satisfy sum(d_i - T_i) < 0; going around the
// ring of substrings from just behind the last place where the running sum is largest, every
// partial sum is below 0. So there is a substring i with
//   d_i <= T_i - 1                  looked up: all values within t_i = T_i - 1 of the query's
//   d_i + d_next <= T_i + T_next - 1  compared: 16 bits of the next substring lie in the table
// and only what passes both is compared in full.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "engine/base/fingerprint.h"
#include "engine/index/flat_index.h"
#include "engine/index/huge_vector.h"
#include "engine/index/substring_table.h"

namespace vigie {

struct TableProbe;

// How a radius is searched: the threshold t_i of each table (-1: the table is not needed), or by
// comparing everything when that is expected to be faster.
struct SearchPlan {
  bool scan = false;
  std::vector<int> thresholds;
  double expected_ns = 0;  // for one query on uniform data
};

// Immutable once built, thread-safe. At most 2^32 - 1 codes.
class MultiIndexHash final : public RangeOnlyIndex {
 public:
  // Cuts the bits into `substrings` parts, 10 to 16; 0: BestSubstrings(). `always_look_up` is for
  // tests: no plan scans, however few codes there are. Throws std::bad_alloc.
  explicit MultiIndexHash(HugeVector<Pdq256> codes, int substrings = 0,
                          bool always_look_up = false);
  // From the codes and tables of another one; nullptr when the tables are not such as those of that
  // many codes: other bits, or a number that points outside.
  static std::unique_ptr<MultiIndexHash> FromTables(HugeVector<Pdq256> codes,
                                                    SubstringTables tables);
  ~MultiIndexHash() override;

  std::span<const Pdq256> codes() const { return codes_; }
  const SubstringTables& tables() const { return tables_; }

  // The plan for `max_distance` (inclusive). See the cost model in the source.
  SearchPlan PlanFor(int max_distance) const;

  // The number of substrings that the cost model finds best for `rows` codes at `max_distance`,
  // among those whose tables have at most twice as many values as there are codes. 0, no tables: a
  // scan is as fast.
  static int BestSubstrings(size_t rows, int max_distance = kDefaultMaxDistance);

 private:
  MultiIndexHash(HugeVector<Pdq256> codes, SubstringTables tables);
  void FillTables(int substrings);
  void MakePlans(bool always_look_up);  // for the tables there are
  std::vector<TableProbe> ProbesOf(const std::vector<int>& thresholds);
  void Find(std::span<const Pdq256> queries, int max_distance,
            std::vector<RangeHit>* hits) const override;

  HugeVector<Pdq256> codes_;
  SubstringTables tables_;  // of the codes in parity order
  // All words of b bits with at most t ones, by (b, t), ascending, so that neighbouring lookups
  // share cache lines. Made for those that plans of this index can use.
  std::map<std::pair<int, int>, std::vector<uint32_t>> flips_;
  std::vector<SearchPlan> plans_;                // by max_distance, 0 to kMaxDistanceLimit
  std::vector<std::vector<TableProbe>> probes_;  // of each plan; empty: scan
};

}  // namespace vigie
