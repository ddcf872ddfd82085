// Every kernel on every instruction set that this machine has gives the answers of the definition.
#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "engine/base/simd.h"
#include "engine/index/hamming_scan.h"
#include "engine/index/multi_index_hash.h"
#include "engine/index/range_search.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

using testing::Random;
using Found = std::vector<std::tuple<uint32_t, int64_t, int>>;

Found Sorted(const std::vector<RangeHit>& hits) {
  Found found;
  for (const RangeHit& hit : hits) found.emplace_back(hit.query, hit.position, hit.distance);
  std::sort(found.begin(), found.end());
  return found;
}

// The definition: bit by bit, with nothing shared with what is tested.
Found Definition(const std::vector<Pdq256>& codes, const std::vector<Pdq256>& queries,
                 int max_distance) {
  Found found;
  for (size_t q = 0; q < queries.size(); ++q) {
    for (size_t i = 0; i < codes.size(); ++i) {
      int distance = 0;
      for (size_t bit = 0; bit < 256; ++bit) {
        const int differ = codes[i].bytes[bit / 8] ^ queries[q].bytes[bit / 8];
        distance += (differ >> (bit % 8)) & 1;
      }
      if (distance <= max_distance) {
        found.emplace_back(static_cast<uint32_t>(q), static_cast<int64_t>(i), distance);
      }
    }
  }
  return found;
}

class SimdKernels : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { ASSERT_TRUE(ForceSimdTarget(GetParam()).ok()); }
  void TearDown() override { ASSERT_TRUE(ForceSimdTarget("").ok()); }

  // Random codes with many near `queries`, at distances on both sides of every radius.
  std::vector<Pdq256> Crowd(Random& random, const std::vector<Pdq256>& queries, size_t size) {
    std::vector<Pdq256> codes;
    for (size_t i = 0; i < size; ++i) {
      codes.push_back(i % 3 == 0
                          ? random.Hash()
                          : random.Near(queries[i % queries.size()], static_cast<int>(i % 60)));
    }
    return codes;
  }
};

TEST_P(SimdKernels, AreTheOnesInUse) { EXPECT_EQ(ActiveSimdTarget(), GetParam()); }

TEST_P(SimdKernels, ScanFindsWhatTheDefinitionFinds) {
  Random random(201);
  // Sizes around multiples of the lanes, numbers of queries around the group of 8.
  for (const size_t size : {0, 1, 2, 7, 8, 9, 31, 64, 200}) {
    for (const size_t count : {1, 2, 3, 7, 8, 9, 17}) {
      std::vector<Pdq256> queries;
      for (size_t q = 0; q < count; ++q) queries.push_back(random.Hash());
      const std::vector<Pdq256> codes = Crowd(random, queries, size);
      for (const int radius : {0, 1, 30, 31, 32, 47, 128, 256}) {
        std::vector<RangeHit> hits;
        ScanWithin(codes, queries, radius, &hits);
        ASSERT_EQ(Sorted(hits), Definition(codes, queries, radius))
            << size << " codes, " << count << " queries, radius " << radius;
      }
    }
  }
}

TEST_P(SimdKernels, MultiIndexHashFindsWhatTheDefinitionFinds) {
  Random random(202);
  std::vector<Pdq256> queries;
  for (int q = 0; q < 9; ++q) queries.push_back(random.Hash());
  const std::vector<Pdq256> codes = Crowd(random, queries, 3000);
  for (const int substrings : {0, 10, 12, 13, 15, 16}) {
    const MultiIndexHash index({codes.begin(), codes.end()}, substrings, /*always_look_up=*/true);
    for (const int radius : {0, 1, 5, 11, 20, 30, 31, 32, 40, 47}) {
      std::vector<RangeHit> hits;
      ASSERT_TRUE(RangeSearch(index, queries, radius, &hits).ok());
      ASSERT_EQ(Sorted(hits), Definition(codes, queries, radius))
          << substrings << " substrings, radius " << radius;
    }
  }
}

TEST_P(SimdKernels, AQueryInACrowdOfEqualSubstringsIsStillAnsweredExactly) {
  Random random(203);
  // Half of the codes share all but a few bits, so buckets hold thousands; the query near them is
  // given up by the lookup and scanned, the others of its batch are not.
  const Pdq256 centre = random.Hash();
  std::vector<Pdq256> codes;
  for (int i = 0; i < 4000; ++i) {
    codes.push_back(i % 2 == 0 ? random.Near(centre, i % 45) : random.Hash());
  }
  const std::vector<Pdq256> queries = {random.Hash(), centre, codes[1], centre, random.Hash()};
  const MultiIndexHash index({codes.begin(), codes.end()}, 0, /*always_look_up=*/true);
  for (const int radius : {0, 10, 31}) {
    std::vector<RangeHit> hits;
    ASSERT_TRUE(RangeSearch(index, queries, radius, &hits).ok());
    EXPECT_EQ(Sorted(hits), Definition(codes, queries, radius)) << "radius " << radius;
  }
}

INSTANTIATE_TEST_SUITE_P(Index, SimdKernels, ::testing::ValuesIn(SimdTargets()),
                         [](const auto& param) { return param.param; });

TEST(SimdTargets, AnUnknownNameIsAnErrorThatNamesThoseThereAre) {
  const absl::Status status = ForceSimdTarget("mmx");
  EXPECT_EQ(ReasonOf(status), "SIMD_TARGET_UNKNOWN");
  EXPECT_NE(MessageOf(status).find(SimdTargets().front()), std::string_view::npos);
}

TEST(SimdTargets, EndInThePlainestOne) {
  EXPECT_GE(SimdTargets().size(), 1U);
  EXPECT_EQ(ActiveSimdTarget(), SimdTargets().front());
}

}  // namespace
}  // namespace vigie
