// Every kernel on every instruction set that this machine has gives the answers of the definition.
#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "engine/base/simd.h"
#include "engine/index/hamming_scan.h"
#include "engine/index/multi_index_hash.h"
#include "engine/index/parity_order.h"
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
      for (const int radius : {0, 1, 30, 31, 33, 34, 47, 128, 256}) {
        std::vector<RangeHit> hits;
        ScanWithin(codes, queries, radius, &hits);
        ASSERT_EQ(Sorted(hits), Definition(codes, queries, radius))
            << size << " codes, " << count << " queries, radius " << radius;
      }
    }
  }
}

// What is far is set aside by the block and by the group of queries: no neighbour of theirs may be
// needed for one that is near.
TEST_P(SimdKernels, ScanFindsACodeThatIsAloneNear) {
  Random random(206);
  std::vector<Pdq256> queries;
  for (int q = 0; q < 19; ++q) queries.push_back(random.Hash());
  std::vector<Pdq256> codes;
  for (int i = 0; i < 64; ++i) codes.push_back(random.Hash());
  for (const int radius : {0, 31, 33, 34, 47}) {
    for (size_t q = 0; q < queries.size(); ++q) {
      for (const int beyond : {0, 1}) {
        std::vector<Pdq256> with_one = codes;
        with_one[(7 * q + 3) % codes.size()] = random.Near(queries[q], radius + beyond);
        std::vector<RangeHit> hits;
        ScanWithin(with_one, queries, radius, &hits);
        ASSERT_EQ(Sorted(hits), Definition(with_one, queries, radius)) << q << ' ' << radius;
        ASSERT_EQ(hits.size(), beyond == 0 ? 1U : 0U);
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

// The hash of a picture turned or mirrored so that the frequencies of odd rows, of odd columns or
// of both are negated: their bits are turned, and some more, as medians differ.
Pdq256 Negated(Random& random, const Pdq256& hash, bool odd_rows, bool odd_columns) {
  Pdq256 negated = random.Near(hash, 6);
  for (size_t bit = 0; bit < 256; ++bit) {
    const bool turned = (odd_rows && bit / 16 % 2 != 0) != (odd_columns && bit % 2 != 0);
    uint8_t& byte = negated.bytes[31 - bit / 8];
    if (turned) byte = static_cast<uint8_t>(byte ^ (1U << (bit % 8)));
  }
  return negated;
}

TEST_P(SimdKernels, QueriesThatShareLookupsAreAnsweredEachForItself) {
  Random random(204);
  // Pictures with four of their hashes, one hash asked for twice, and others between them: more
  // queries than share a lookup, and no multiple of them.
  std::vector<Pdq256> queries;
  for (int picture = 0; picture < 5; ++picture) {
    const Pdq256 hash = random.Hash();
    for (const bool rows : {false, true}) {
      for (const bool columns : {false, true}) {
        queries.push_back(Negated(random, hash, rows, columns));
      }
    }
    queries.push_back(random.Hash());
  }
  queries.push_back(queries[3]);
  queries.push_back(queries[20]);
  const std::vector<Pdq256> codes = Crowd(random, queries, 6000);
  for (const int substrings : {10, 11, 14, 16}) {
    const MultiIndexHash index({codes.begin(), codes.end()}, substrings, /*always_look_up=*/true);
    for (const int radius : {0, 9, 31, 47}) {
      std::vector<RangeHit> hits;
      ASSERT_TRUE(RangeSearch(index, queries, radius, &hits).ok());
      ASSERT_EQ(Sorted(hits), Definition(codes, queries, radius))
          << substrings << " substrings, radius " << radius;
    }
  }
}

TEST(ParityOrder, IsUndoneByItself) {
  Random random(205);
  for (int i = 0; i < 100; ++i) {
    const CodeWords words = WordsOf(random.Hash());
    EXPECT_EQ(InParityOrder(InParityOrder(words)), words);
  }
}

TEST(ParityOrder, PutsBitsThatAreTurnedTogetherIntoOneWord) {
  for (size_t bit = 0; bit < 256; ++bit) {
    Pdq256 one;
    one.bytes[31 - bit / 8] = static_cast<uint8_t>(1U << (bit % 8));
    const CodeWords ordered = InParityOrder(WordsOf(one));
    // Rows are counted from the other end of a code's memory: row 0 lies in its last bytes.
    const size_t word = 2 * (1 - bit / 16 % 2) + bit % 2;
    EXPECT_NE(ordered[word], 0U) << "bit " << bit;
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
