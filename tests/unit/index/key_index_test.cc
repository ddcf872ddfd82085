// Shared keys: what is found is right, equal codes always are, and crowds are bounded and said.
#include "engine/index/key_index.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "engine/base/simd.h"
#include "engine/index/live_index.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::Random;

constexpr int kFar = 24;

struct Answer {
  std::vector<RangeHit> hits;
  std::vector<uint32_t> crowded;
};

Answer Ask(const KeyIndex& index, const std::vector<Pdq256>& queries, int max_distance = kFar) {
  Answer answer;
  index.FindSharing(queries, max_distance, &answer.hits, &answer.crowded);
  return answer;
}

std::vector<Pdq256> Hashes(size_t count, uint32_t seed) {
  Random random(seed);
  std::vector<Pdq256> hashes(count);
  for (Pdq256& hash : hashes) hash = random.Hash();
  return hashes;
}

TEST(KeyIndex, EqualCodesAreAlwaysFoundAndNothingThatIsFarOrTwice) {
  const std::vector<Pdq256> codes = Hashes(30'000, 1);
  const KeyIndex index({codes.begin(), codes.end()});
  const std::vector<Pdq256> queries(codes.begin(), codes.begin() + 2000);
  const Answer answer = Ask(index, queries);
  EXPECT_THAT(answer.crowded, IsEmpty());
  std::set<std::tuple<uint32_t, int64_t>> seen;
  std::vector<bool> itself(queries.size());
  for (const RangeHit& hit : answer.hits) {
    EXPECT_TRUE(seen.emplace(hit.query, hit.position).second);
    EXPECT_EQ(hit.distance,
              HammingDistance(queries[hit.query], codes[static_cast<size_t>(hit.position)]));
    EXPECT_LE(hit.distance, kFar);
    if (hit.position == hit.query) itself[hit.query] = true;
  }
  EXPECT_EQ(std::count(itself.begin(), itself.end(), false), 0);
}

TEST(KeyIndex, CodesWithinTheExactDistanceAreAlwaysFound) {
  static_assert(KeyIndex::kExactDistance == 2);
  for (const size_t size : {30'000, 300'000}) {  // keys of 16 bits and more
    const std::vector<Pdq256> codes = Hashes(size, 11);
    const KeyIndex index({codes.begin(), codes.end()});
    std::vector<Pdq256> queries;
    for (size_t i = 0; i < 4000; ++i) {
      queries.push_back(codes[i]);
      // Each bit in turn, and another one anywhere.
      const size_t bits[] = {i % 256, (i * 97 + i / 256) % 256};
      for (const size_t bit : bits) queries.back().bytes[bit / 8] ^= uint8_t(1U << (bit % 8));
    }
    const Answer answer = Ask(index, queries);
    EXPECT_THAT(answer.crowded, IsEmpty());
    std::vector<bool> found(queries.size());
    for (const RangeHit& hit : answer.hits) {
      if (hit.position == hit.query) found[hit.query] = true;
    }
    EXPECT_EQ(std::count(found.begin(), found.end(), false), 0);
  }
}

TEST(KeyIndex, MostNearCodesAreFound) {
  const std::vector<Pdq256> codes = Hashes(30'000, 2);
  const KeyIndex index({codes.begin(), codes.end()});
  Random random(3);
  std::vector<Pdq256> queries;
  for (size_t i = 0; i < 1000; ++i) queries.push_back(random.Near(codes[i], 8));
  const Answer answer = Ask(index, queries);
  // A key of 16 bits is untouched by 8 of 256 with a chance of 0.6; one of three, 0.93.
  EXPECT_GT(answer.hits.size(), 880U);
  EXPECT_LT(Ask(index, queries, 7).hits.size(), 5U);  // the distance is inclusive
}

TEST(KeyIndex, ACrowdIsBoundedAndSaidOfTheQueriesInIt) {
  std::vector<Pdq256> codes = Hashes(5000, 4);
  const Pdq256 common = Hashes(1, 5)[0];
  codes.insert(codes.end(), 3 * KeyIndex::kMaxCodes, common);
  const KeyIndex index({codes.begin(), codes.end()});
  const Answer answer = Ask(index, {codes[7], common, codes[9], common});
  EXPECT_THAT(answer.crowded, ElementsAre(1, 3));
  std::vector<size_t> found(4);
  for (const RangeHit& hit : answer.hits) ++found[hit.query];
  EXPECT_THAT(found, ElementsAre(1, KeyIndex::kMaxCodes, 1, KeyIndex::kMaxCodes));
}

TEST(KeyIndex, ACrowdInHeadsThatNobodyHasSealedIsBoundedToo) {
  LiveIndex index({.kind = IndexKind::kSharedKeys, .head_capacity = 512});
  std::vector<Pdq256> codes = Hashes(100, 4);
  const Pdq256 common = Hashes(1, 5)[0];
  codes.insert(codes.end(), 3 * KeyIndex::kMaxCodes, common);
  std::vector<RowId> rows(codes.size());
  std::iota(rows.begin(), rows.end(), 0U);
  ASSERT_TRUE(index.Add(codes, rows).ok());
  const Pdq256 queries[] = {codes[7], common};
  const auto answer = index.Search(queries, kFar, SIZE_MAX);
  ASSERT_TRUE(answer.ok());
  EXPECT_THAT(answer->crowded, ElementsAre(1));
  EXPECT_EQ(answer->total, 1 + KeyIndex::kMaxCodes);
  // Those that are gone take no room, and the newest are looked at first.
  EXPECT_EQ(answer->hits.back().row, rows.back());
  index.Remove(std::span(rows).subspan(100, 2 * KeyIndex::kMaxCodes));
  const auto fewer = index.Search(queries, kFar, SIZE_MAX);
  ASSERT_TRUE(fewer.ok());
  EXPECT_THAT(fewer->crowded, IsEmpty());
  EXPECT_EQ(fewer->total, 1 + KeyIndex::kMaxCodes);
}

TEST(KeyIndex, ManyWithOneKeyThatAreNotAlikeAreACrowdToo) {
  const Pdq256 query = Hashes(1, 6)[0];
  std::vector<Pdq256> codes = Hashes(2 * KeyIndex::kMaxSketches, 7);
  for (Pdq256& code : codes) {  // the first key's bits, and not those behind it
    std::copy(query.bytes.begin(), query.bytes.begin() + 3, code.bytes.begin());
  }
  const Answer answer = Ask(KeyIndex({codes.begin(), codes.end()}), {query});
  EXPECT_THAT(answer.hits, IsEmpty());
  EXPECT_THAT(answer.crowded, ElementsAre(0));
}

TEST(KeyIndex, NoneAndOneCode) {
  const std::vector<Pdq256> codes = Hashes(1, 8);
  EXPECT_THAT(Ask(KeyIndex({}), codes).hits, IsEmpty());
  EXPECT_EQ(Ask(KeyIndex({codes.begin(), codes.end()}), codes).hits.size(), 1U);
}

TEST(KeyIndex, EveryInstructionSetGivesTheSameAnswer) {
  std::vector<Pdq256> codes = Hashes(3000, 9);
  Random random(10);
  for (size_t i = 0; i < 20'000; ++i) {
    codes.push_back(random.Near(codes[i % 50], static_cast<int>(i % 30)));
  }
  const KeyIndex index({codes.begin(), codes.end()});
  const std::vector<Pdq256> queries(codes.begin(), codes.begin() + 60);
  const auto plain = [&] {
    std::vector<std::tuple<uint32_t, int64_t, int>> hits;
    for (const RangeHit& hit : Ask(index, queries).hits) {
      hits.emplace_back(hit.query, hit.position, hit.distance);
    }
    return hits;
  };
  const auto expected = plain();
  EXPECT_GT(expected.size(), 1000U);
  for (const std::string& target : SimdTargets()) {
    ASSERT_TRUE(ForceSimdTarget(target).ok());
    EXPECT_EQ(plain(), expected) << target;
  }
  ASSERT_TRUE(ForceSimdTarget("").ok());
}

// Through segments, heads and removals: what lies in a segment is found as what lies in a head.
TEST(KeyIndex, LiveRowsAreFoundUntilTheyAreRemoved) {
  LiveIndex index({.kind = IndexKind::kSharedKeys, .head_capacity = 500});
  const std::vector<Pdq256> codes = Hashes(3300, 11);
  std::vector<RowId> rows(codes.size());
  std::iota(rows.begin(), rows.end(), 0);
  ASSERT_TRUE(index.Add(codes, rows).ok());
  ASSERT_TRUE(index.Maintain().ok());
  EXPECT_GT(index.stats().segments, 0U);
  EXPECT_GT(index.stats().head_rows, 0U);
  index.Remove(std::vector<RowId>{5, 3299});
  const auto found = index.Search(codes, kFar, codes.size());
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->total, codes.size() - 2);
  for (const Hit& hit : found->hits) {
    EXPECT_EQ(hit.row, hit.query);
    EXPECT_NE(hit.row, 5U);
  }
}

}  // namespace
}  // namespace vigie
