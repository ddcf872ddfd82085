#include "engine/index/live_index.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <span>
#include <tuple>
#include <vector>

#include "tests/support/engine_fixtures.h"

namespace vigie {

bool operator==(const Hit& a, const Hit& b) {
  return std::tie(a.query, a.row, a.distance) == std::tie(b.query, b.row, b.distance);
}
void PrintTo(const Hit& hit, std::ostream* out) {
  *out << "query " << hit.query << " row " << hit.row << " distance " << hit.distance;
}

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::Random;
using ::testing::SizeIs;

SearchResult Search(const LiveIndex& index, std::vector<Pdq256> queries, int radius = 31,
                    size_t max_hits = SIZE_MAX) {
  auto result = index.Search(queries, radius, max_hits);
  EXPECT_TRUE(result.ok()) << result.status();
  return *std::move(result);
}

void Add(LiveIndex& index, const Pdq256& hash, RowId row) {
  const absl::Status status = index.Add({&hash, 1}, {&row, 1});
  EXPECT_TRUE(status.ok()) << status;
}

// What LiveIndex must answer, by comparing everything.
class Model {
 public:
  void Add(const Pdq256& hash, RowId row) { rows_[row] = hash; }
  void Remove(RowId row) { rows_.erase(row); }
  const std::map<RowId, Pdq256>& rows() const { return rows_; }

  std::vector<Hit> Search(const std::vector<Pdq256>& queries, int radius) const {
    std::vector<Hit> hits;
    for (uint32_t q = 0; q < queries.size(); ++q) {
      for (const auto& [row, hash] : rows_) {
        const int distance = HammingDistance(queries[q], hash);
        if (distance <= radius) hits.push_back({q, row, distance});
      }
    }
    std::sort(hits.begin(), hits.end(), [](const Hit& a, const Hit& b) {
      return std::tie(a.distance, a.row, a.query) < std::tie(b.distance, b.row, b.query);
    });
    return hits;
  }

 private:
  std::map<RowId, Pdq256> rows_;
};

TEST(LiveIndex, EmptyIndexFindsNothing) {
  LiveIndex index({});
  EXPECT_THAT(Search(index, {Pdq256()}).hits, IsEmpty());
  EXPECT_THAT(Search(index, {}).hits, IsEmpty());
  EXPECT_TRUE(index.Add({}, {}).ok());
  EXPECT_TRUE(index.Maintain(true).ok());
  EXPECT_EQ(Search(index, {Pdq256()}).total, 0U);
  EXPECT_EQ(index.stats().segments, 0U);
}

TEST(LiveIndex, OneRowIsFoundAtTheBorderInTheHeadAndWhenSealed) {
  Random random(11);
  LiveIndex index({});
  const Pdq256 hash = random.Hash();
  Add(index, hash, 5);
  for (const bool sealed : {false, true}) {
    if (sealed) {
      ASSERT_TRUE(index.Maintain(/*seal_all=*/true).ok());
    }
    for (const int radius : {0, 31, 32, kMaxDistanceLimit}) {
      EXPECT_THAT(Search(index, {random.Near(hash, radius)}, radius).hits,
                  ElementsAre(Hit{0, 5, radius}));
      EXPECT_THAT(Search(index, {random.Near(hash, radius + 1)}, radius).hits, IsEmpty());
    }
  }
}

TEST(LiveIndex, RowsOutOfOrderAreRefusedAndNothingIsAdded) {
  LiveIndex index({});
  const std::vector<Pdq256> codes(3);
  const auto add = [&](std::vector<RowId> rows) {
    return ReasonOf(index.Add({codes.data(), rows.size()}, rows));
  };
  EXPECT_EQ(add({3, 5}), "");
  EXPECT_EQ(add({5}), "ROW_OUT_OF_ORDER");
  EXPECT_EQ(add({4}), "ROW_OUT_OF_ORDER");
  EXPECT_EQ(add({6, 8, 7}), "ROW_OUT_OF_ORDER");
  EXPECT_EQ(add({6, 6}), "ROW_OUT_OF_ORDER");
  EXPECT_EQ(Search(index, {Pdq256()}).total, 2U);
  EXPECT_EQ(add({6, 8, 9}), "") << "a refused call does not use up its ids";
  EXPECT_EQ(Search(index, {Pdq256()}).total, 5U);
}

TEST(LiveIndex, RemovingUnknownOrHiddenRowsIsFine) {
  LiveIndex index({});
  index.Remove(std::vector<RowId>{1, 4'000'000'000U});
  Add(index, {}, 1);
  EXPECT_THAT(Search(index, {Pdq256()}).hits, SizeIs(1))
      << "removing a row before it exists does not hide it";
  index.Remove(std::vector<RowId>{1, 1, 2});
  index.Remove(std::vector<RowId>{1});
  EXPECT_THAT(Search(index, {Pdq256()}).hits, IsEmpty());
  EXPECT_EQ(index.stats().tombstones, 1U);
}

TEST(LiveIndex, DuplicatesAreRowsOfTheirOwn) {
  LiveIndex index({.head_capacity = 4});
  for (RowId row = 1; row <= 10; ++row) Add(index, {}, row);
  ASSERT_TRUE(index.Maintain().ok());
  const std::vector<RowId> removed = {2, 9};
  index.Remove(removed);
  std::vector<RowId> found;
  for (const Hit& hit : Search(index, {Pdq256()}).hits) found.push_back(hit.row);
  EXPECT_THAT(found, ElementsAre(1, 3, 4, 5, 6, 7, 8, 10));
}

TEST(LiveIndex, CapKeepsTheNearestAndSaysHowManyThereWere) {
  Random random(12);
  LiveIndex index({.head_capacity = 16});
  const Pdq256 query = random.Hash();
  for (RowId row = 1; row <= 62; ++row) {
    Add(index, random.Near(query, 31 - static_cast<int>(row % 31)), row);
  }
  ASSERT_TRUE(index.Maintain().ok());
  const SearchResult all = Search(index, {query});
  ASSERT_EQ(all.hits.size(), 62U);
  const SearchResult capped = Search(index, {query}, 31, 7);
  EXPECT_EQ(capped.total, 62U);
  EXPECT_EQ(capped.hits, std::vector<Hit>(all.hits.begin(), all.hits.begin() + 7));
  EXPECT_THAT(Search(index, {query}, 31, 0).hits, IsEmpty());
  EXPECT_EQ(Search(index, {query}, 31, 0).total, 62U);
}

TEST(LiveIndex, AMillionRowsWithinTheRadiusAreCountedAndTheNearestGiven) {
  constexpr size_t kRows = 1'000'000;
  Random random(14);
  const Pdq256 query = random.Hash();
  std::vector<Pdq256> codes(kRows, random.Near(query, 9));
  codes[kRows / 4] = query;
  std::vector<RowId> rows(kRows);
  std::iota(rows.begin(), rows.end(), RowId{1});
  for (const IndexKind kind : {IndexKind::kMultiIndexHash, IndexKind::kFlat}) {
    LiveIndex index({.kind = kind});
    // Half of them sealed, half in heads.
    const auto add = [&](size_t begin) {
      return index.Add(std::span(codes).subspan(begin, kRows / 2),
                       std::span(rows).subspan(begin, kRows / 2));
    };
    ASSERT_TRUE(add(0).ok());
    ASSERT_TRUE(index.Maintain(true).ok());
    ASSERT_TRUE(add(kRows / 2).ok());
    const SearchResult found = Search(index, {query}, 31, 3);
    EXPECT_EQ(found.total, kRows);
    EXPECT_THAT(found.hits, ElementsAre(Hit{0, kRows / 4 + 1, 0}, Hit{0, 1, 9}, Hit{0, 2, 9}));
  }
}

TEST(LiveIndex, ARowNearSeveralQueriesIsAHitOfEach) {
  LiveIndex index({});
  Add(index, {}, 1);
  EXPECT_THAT(Search(index, {Pdq256(), Pdq256()}).hits, ElementsAre(Hit{0, 1, 0}, Hit{1, 1, 0}));
}

TEST(LiveIndex, MaintainSealsFullHeadsOnlyUnlessAskedForAll) {
  LiveIndex index({.head_capacity = 4});
  for (RowId row = 1; row <= 10; ++row) Add(index, {}, row);
  EXPECT_EQ(index.stats().heads, 3U);
  ASSERT_TRUE(index.Maintain().ok());
  EXPECT_EQ(index.stats().heads, 1U);
  EXPECT_EQ(index.stats().segments, 1U);
  EXPECT_EQ(index.stats().rows, 10U);
  ASSERT_TRUE(index.Maintain(/*seal_all=*/true).ok());
  EXPECT_EQ(index.stats().heads, 0U);
  EXPECT_EQ(index.stats().rows, 10U);
  Add(index, {}, 11);
  EXPECT_EQ(Search(index, {Pdq256()}).total, 11U);
}

TEST(LiveIndex, SettleLeavesOneSegmentWhereMaintainLeavesSeveral) {
  LiveIndex index({.head_capacity = 4, .many_in_heads = 3});
  for (RowId row = 1; row <= 30; ++row) {
    Add(index, {}, row);
    ASSERT_TRUE(index.Maintain().ok());
  }
  EXPECT_GT(index.stats().segments, 1U);
  ASSERT_TRUE(index.Settle().ok());
  EXPECT_EQ(index.stats().segments, 1U);
  EXPECT_EQ(index.stats().heads, 0U);
  EXPECT_EQ(index.stats().oldest_unsealed_s, 0);
  EXPECT_EQ(Search(index, {Pdq256()}).total, 30U);
  // Nothing to gain: nothing is built.
  const uint64_t merges = index.stats().merges;
  Add(index, {}, 31);
  Add(index, {}, 32);
  ASSERT_TRUE(index.Settle().ok());
  EXPECT_EQ(index.stats().merges, merges);
  EXPECT_EQ(index.stats().head_rows, 2U);
  Add(index, {}, 33);
  ASSERT_TRUE(index.Settle().ok());
  EXPECT_EQ(index.stats().segments, 1U);
  EXPECT_EQ(index.stats().heads, 0U);
  EXPECT_EQ(Search(index, {Pdq256()}).total, 33U);
}

TEST(LiveIndex, SettleLeavesLargeSegmentsAlone) {
  LiveIndex index({.head_capacity = 4, .most_settled = 20, .many_in_heads = 3});
  RowId row = 0;
  const auto add = [&](RowId count) {
    for (RowId i = 0; i < count; ++i) Add(index, {}, ++row);
    ASSERT_TRUE(index.Maintain(/*seal_all=*/true).ok());
  };
  add(32);
  add(8);
  add(2);
  EXPECT_EQ(index.stats().segments, 3U);
  ASSERT_TRUE(index.Settle().ok());
  EXPECT_EQ(index.stats().segments, 2U) << "32 and 10";
  const uint64_t merges = index.stats().merges;
  ASSERT_TRUE(index.Settle().ok());
  EXPECT_EQ(index.stats().merges, merges);
  EXPECT_EQ(Search(index, {Pdq256()}).total, 42U);
}

TEST(LiveIndex, MaintainGivesBackTheRowsOfMostlyDeadSegments) {
  LiveIndex index({.head_capacity = 8});
  std::vector<RowId> removed;
  for (RowId row = 1; row <= 64; ++row) {
    Add(index, {}, row);
    if (row % 2 == 0) removed.push_back(row);
  }
  ASSERT_TRUE(index.Maintain(true).ok());
  EXPECT_EQ(index.stats().rows, 64U);
  index.Remove(removed);
  ASSERT_TRUE(index.Maintain().ok());
  EXPECT_EQ(index.stats().rows, 32U);
  EXPECT_EQ(Search(index, {Pdq256()}).total, 32U);
  std::vector<RowId> all(64);
  for (RowId row = 1; row <= 64; ++row) all[row - 1] = row;
  index.Remove(all);
  ASSERT_TRUE(index.Maintain().ok());
  EXPECT_EQ(index.stats().rows, 0U);
  EXPECT_EQ(index.stats().segments, 0U);
}

TEST(LiveIndex, ASegmentIsRebuiltWhenAQuarterIsDeadHoweverSlowlyTheyDie) {
  LiveIndex index({.head_capacity = 8});
  for (RowId row = 1; row <= 64; ++row) Add(index, {}, row);
  ASSERT_TRUE(index.Maintain(true).ok());
  for (RowId row = 65; row <= 80; ++row) Add(index, {}, row);
  ASSERT_TRUE(index.Maintain(true).ok());
  ASSERT_EQ(index.stats().segments, 2U);
  // One at a time, from either segment in turns: what dies in one is not counted in the other.
  size_t sizes[] = {64, 16};
  size_t dead[] = {0, 0};
  RowId next[] = {1, 65};
  int rebuilt = 0;
  for (int round = 0; round < 40; ++round) {
    const size_t which = round % 3 == 0 ? 1 : 0;
    index.Remove(std::vector<RowId>{next[which]++});
    ASSERT_TRUE(index.Maintain().ok());
    const size_t segment = sizes[1] == 0 ? 0 : which;
    if (4 * ++dead[segment] > sizes[segment]) {
      ++rebuilt;
      sizes[segment] -= std::exchange(dead[segment], 0);
      if (segment == 0) {  // what follows goes into it
        sizes[0] += std::exchange(sizes[1], 0) - std::exchange(dead[1], 0);
      }
    }
    ASSERT_EQ(index.stats().rows, sizes[0] + sizes[1]) << round;
    ASSERT_EQ(index.stats().segments, sizes[1] == 0 ? 1U : 2U) << round;
  }
  EXPECT_EQ(rebuilt, 4);
  EXPECT_EQ(Search(index, {Pdq256()}).total, 80U - 40U);
}

TEST(LiveIndex, SegmentSizesFallByHalves) {
  Random random(13);
  LiveIndex index({.kind = IndexKind::kFlat, .head_capacity = 8});
  for (RowId row = 1; row <= 8 * 200; ++row) {
    Add(index, random.Hash(), row);
    if (row % 8 == 0) {
      ASSERT_TRUE(index.Maintain().ok());
    }
    ASSERT_LE(index.stats().segments, 9U) << "row " << row;  // log2(200) + 1
  }
  EXPECT_EQ(index.stats().rows, 1600U);
}

class LiveIndexModel : public ::testing::TestWithParam<std::tuple<IndexKind, uint64_t>> {};

TEST_P(LiveIndexModel, AnswersLikeANaiveOneThroughRandomSteps) {
  const auto [kind, seed] = GetParam();
  Random random(seed);
  LiveIndex index({.kind = kind, .head_capacity = 1 + random.Below(12)});
  Model model;
  // Few centres, so that rows crowd: many hits, many ties, many duplicates.
  std::vector<Pdq256> centres;
  for (int i = 0; i < 6; ++i) centres.push_back(random.Hash());
  const auto hash = [&] {
    return random.Near(centres[random.Below(6)], static_cast<int>(random.Below(30)));
  };
  RowId last = 0;
  for (int step = 0; step < 3000; ++step) {
    const size_t action = random.Below(20);
    if (action < 9) {
      std::vector<Pdq256> codes;
      std::vector<RowId> rows;
      for (size_t i = random.Below(5); i > 0; --i) {
        last += 1 + static_cast<RowId>(random.Below(3));
        codes.push_back(hash());
        rows.push_back(last);
        model.Add(codes.back(), last);
      }
      ASSERT_TRUE(index.Add(codes, rows).ok());
    } else if (action < 13 && last > 0) {
      std::vector<RowId> rows;
      for (size_t i = random.Below(6); i > 0; --i) {
        rows.push_back(static_cast<RowId>(random.Below(last + 2)));
        model.Remove(rows.back());
      }
      index.Remove(rows);
    } else if (action < 15) {
      ASSERT_TRUE(index.Maintain(/*seal_all=*/random.OneIn(4)).ok());
      if (random.OneIn(4)) {
        ASSERT_TRUE(index.Settle().ok());
      }
    } else {
      const std::vector<Pdq256> queries = {hash(), random.Hash(), hash()};
      const int radius = random.OneIn(5) ? kMaxDistanceLimit : static_cast<int>(random.Below(33));
      const std::vector<Hit> expected = model.Search(queries, radius);
      const SearchResult all = Search(index, queries, radius);
      ASSERT_EQ(all.hits, expected) << "step " << step;
      const size_t cap = random.Below(expected.size() + 2);
      const SearchResult capped = Search(index, queries, radius, cap);
      ASSERT_EQ(capped.total, expected.size());
      ASSERT_EQ(capped.hits,
                std::vector<Hit>(expected.begin(),
                                 expected.begin() +
                                     static_cast<std::ptrdiff_t>(std::min(cap, expected.size()))));
    }
  }
  ASSERT_TRUE(index.Maintain(true).ok());
  EXPECT_LE(index.stats().rows, model.rows().size() * 4 / 3 + 1);
}

INSTANTIATE_TEST_SUITE_P(Seeds, LiveIndexModel,
                         ::testing::Combine(::testing::ValuesIn(kIndexKinds),
                                            ::testing::Values(101, 102, 103)));

}  // namespace
}  // namespace vigie
