#include "engine/local/geometry.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numbers>
#include <random>
#include <vector>

#include "engine/local/local_index.h"

namespace vigie {
namespace {

// Places of a known picture, and the same seen through a map.
struct Sides {
  std::vector<LocalKeypoint> known;
  std::vector<LocalKeypoint> upload;
  std::vector<Pairing> pairings;
  std::vector<Pdq256> known_codes = {};
  std::vector<Pdq256> upload_codes = {};
  PlacesView Known() const { return {512, 384, known, known_codes}; }
  PlacesView Upload() const { return {512, 384, upload, upload_codes}; }
};

Sides Similar(size_t count, double scale, double angle, uint32_t seed) {
  Sides sides;
  std::mt19937_64 random(seed);
  const double c = scale * std::cos(angle);
  const double s = scale * std::sin(angle);
  const auto turn = static_cast<int>(std::lround(angle * 128 / std::numbers::pi));
  const auto levels = static_cast<int>(std::lround(std::log(scale) / std::log(kLocalStep)));
  while (sides.known.size() < count) {
    const auto x = 40 + static_cast<double>(random() % 432);
    const auto y = 40 + static_cast<double>(random() % 304);
    const double u = c * (x - 256) - s * (y - 192) + 256;
    const double v = s * (x - 256) + c * (y - 192) + 192;
    const int level = 3 - levels / 2;
    if (u < 0 || v < 0 || u >= 512 || v >= 384) continue;
    const auto number = static_cast<uint16_t>(sides.known.size());
    const auto direction = static_cast<uint8_t>(random());
    sides.known.push_back({.x = static_cast<uint16_t>(8 * x),
                           .y = static_cast<uint16_t>(8 * y),
                           .level = static_cast<uint8_t>(level),
                           .angle = direction});
    sides.upload.push_back({.x = static_cast<uint16_t>(8 * u),
                            .y = static_cast<uint16_t>(8 * v),
                            .level = static_cast<uint8_t>(level + levels),
                            .angle = static_cast<uint8_t>(direction + turn)});
    sides.pairings.push_back(
        {.upload = number, .known = number, .distance = static_cast<uint16_t>(random() % 29)});
  }
  return sides;
}

// Pairs that follow nothing.
void AddNoise(Sides& sides, size_t count, uint32_t seed) {
  std::mt19937_64 random(seed);
  const size_t places = sides.known.size();
  for (size_t i = 0; i < count; ++i) {
    sides.pairings.push_back({.upload = static_cast<uint16_t>(random() % places),
                              .known = static_cast<uint16_t>(random() % places),
                              .distance = static_cast<uint16_t>(random() % 29)});
  }
}

TEST(Align, FindsTheMapAmongNoise) {
  for (const double scale : {0.5, 1.0, 1.7}) {
    for (const double angle : {0.0, 0.7, 3.0, -2.0}) {
      Sides sides = Similar(40, scale, angle, 11);
      AddNoise(sides, 80, 12);
      const Alignment a = Align(sides.Upload(), sides.Known(), sides.pairings);
      EXPECT_GE(a.inliers, 28) << scale << " " << angle;
      EXPECT_EQ(a.rare, a.inliers);
      EXPECT_NEAR(a.map.a, scale * std::cos(angle), 0.03);
      EXPECT_NEAR(a.map.d, scale * std::sin(angle), 0.03);
      EXPECT_GT(a.width, kMinWidth);
      EXPECT_GT(a.known_share, 0);
      EXPECT_LE(a.upload_share, 1);
    }
  }
}

TEST(Align, NoiseAloneHasNoMap) {
  for (uint32_t seed = 0; seed < 50; ++seed) {
    Sides sides = Similar(100, 1, 0, seed);
    sides.pairings.clear();
    AddNoise(sides, 60, seed + 1000);
    EXPECT_LT(Align(sides.Upload(), sides.Known(), sides.pairings).inliers, kMinInliers) << seed;
  }
}

TEST(Align, OnePlaceCountsOnce) {
  Sides sides = Similar(10, 1, 0, 13);
  // The same places at other sizes, and each paired with everything.
  const size_t places = sides.known.size();
  for (size_t i = 0; i < places; ++i) {
    for (int copies = 0; copies < 5; ++copies) {
      sides.pairings.push_back({.upload = static_cast<uint16_t>(sides.upload.size()),
                                .known = static_cast<uint16_t>(sides.known.size()),
                                .distance = 5});
      sides.known.push_back(sides.known[i]);
      sides.upload.push_back(sides.upload[i]);
    }
  }
  EXPECT_LE(Align(sides.Upload(), sides.Known(), sides.pairings).inliers, 10);
}

TEST(Align, ALineOfPlacesHasNoWidth) {
  Sides sides = Similar(40, 1, 0, 14);
  for (auto* side : {&sides.known, &sides.upload}) {
    for (LocalKeypoint& keypoint : *side) keypoint.y = 8 * 100;
  }
  const Alignment a = Align(sides.Upload(), sides.Known(), sides.pairings);
  EXPECT_GE(a.inliers, kMinInliers);
  EXPECT_LT(a.width, kMinWidth);
}

TEST(Align, CommonPlacesAreCountedApart) {
  Sides sides = Similar(40, 1, 0, 15);
  for (size_t i = 0; i < sides.pairings.size(); ++i) sides.pairings[i].common = i % 2 == 0;
  const Alignment a = Align(sides.Upload(), sides.Known(), sides.pairings);
  EXPECT_LT(a.rare, a.inliers);
  EXPECT_GT(a.rare, 0);
}

TEST(Align, DegenerateInputsAreAnswered) {
  Sides sides = Similar(40, 1, 0, 16);
  std::vector<Pairing> none;
  EXPECT_EQ(Align(sides.Upload(), sides.Known(), none).inliers, 0);
  // All in one spot; everything with everything.
  for (LocalKeypoint& keypoint : sides.known) keypoint = sides.known[0];
  std::vector<Pairing> all;
  for (uint16_t i = 0; i < 40; ++i) {
    for (uint16_t j = 0; j < 40; ++j) all.push_back({.upload = i, .known = j, .distance = 0});
  }
  EXPECT_LT(Align(sides.Upload(), sides.Known(), all).inliers, kMinInliers);
}

// Descriptors by chance; that of the upload's place i differs in `bits(i)` from that of the known
// one, or has nothing to do with it when that is negative.
void Describe(Sides& sides, const std::function<int(size_t)>& bits) {
  std::mt19937 random(17);
  const auto any = [&random] {
    Pdq256 code;
    for (uint8_t& byte : code.bytes) byte = static_cast<uint8_t>(random());
    return code;
  };
  sides.known_codes.clear();
  sides.upload_codes.clear();
  for (size_t i = 0; i < sides.known.size(); ++i) {
    sides.known_codes.push_back(any());
    sides.upload_codes.push_back(bits(i) < 0 ? any() : sides.known_codes.back());
    for (int b = 0; b < bits(i); ++b) {  // 5 and 256 have no divisor in common: others each time
      const int bit = (5 * b + static_cast<int>(i)) % 256;
      sides.upload_codes.back().bytes[static_cast<size_t>(bit / 8)] ^=
          static_cast<uint8_t>(1 << (bit % 8));
    }
  }
}

TEST(SeenAgain, IsTheShareOfPlacesThatLookAlikeWhereTheyAreDue) {
  for (const double scale : {0.6, 1.0, 1.5}) {
    Sides sides = Similar(60, scale, 0.5, 18);
    const AffineMap map = Align(sides.Upload(), sides.Known(), sides.pairings).map;
    Describe(sides, [](size_t) { return 0; });
    EXPECT_GT(SeenAgain(sides.Upload(), sides.Known(), map), 0.95) << scale;
    Describe(sides, [](size_t) { return kSeenAgainDistance; });
    EXPECT_GT(SeenAgain(sides.Upload(), sides.Known(), map), 0.95) << scale;
    Describe(sides, [](size_t) { return kSeenAgainDistance + 1; });
    EXPECT_LT(SeenAgain(sides.Upload(), sides.Known(), map), 0.1) << scale;
    Describe(sides, [](size_t i) { return i % 3 == 0 ? 10 : -1; });
    EXPECT_NEAR(SeenAgain(sides.Upload(), sides.Known(), map), 1 / 3.0, 0.1) << scale;
  }
}

TEST(SeenAgain, AsksForNothingThatTheUploadCannotShow) {
  Sides sides = Similar(60, 1, 0, 19);
  Describe(sides, [](size_t) { return 0; });
  const AffineMap same;
  ASSERT_EQ(SeenAgain(sides.Upload(), sides.Known(), same), 1);
  // The right half is cut off.
  PlacesView cropped = sides.Upload();
  cropped.width = 256;
  EXPECT_EQ(SeenAgain(cropped, sides.Known(), same), 1);
  // All of it lies beyond the edge, or is too small to be looked at.
  EXPECT_EQ(SeenAgain(sides.Upload(), sides.Known(), {.c = 1000}), 0);
  const AffineMap tiny = {.a = 0.15, .c = 200, .e = 0.15, .f = 150};
  EXPECT_EQ(SeenAgain(sides.Upload(), sides.Known(), tiny), 0);
}

TEST(MatchOf, TheSameFloorUnderOtherThingsIsNone) {
  Sides sides = Similar(80, 1, 0, 20);
  sides.pairings.resize(10);  // what the floor has in common
  Describe(sides, [](size_t i) { return i < 10 ? 15 : -1; });
  std::vector<Pairing> pairings = sides.pairings;
  EXPECT_FALSE(MatchOf(sides.Upload(), sides.Known(), pairings).has_value());
  // Of a copy the others are there, too, only less alike.
  Describe(sides, [](size_t i) { return i < 10 ? 15 : i < 40 ? 45 : -1; });
  pairings = sides.pairings;
  const auto match = MatchOf(sides.Upload(), sides.Known(), pairings);
  ASSERT_TRUE(match.has_value());
  EXPECT_GE(match->inliers, kManyInliers);
}

TEST(MatchOf, PlentyOfPlacesAreEnoughAlone) {
  Sides sides = Similar(100, 1, 0, 22);
  sides.pairings.resize(kPlentyInliers + 2);
  Describe(sides, [](size_t) { return -1; });
  EXPECT_TRUE(MatchOf(sides.Upload(), sides.Known(), sides.pairings).has_value());
}

TEST(MatchOf, FewPlacesAreEnoughWhenTheRestIsThere) {
  Sides sides = Similar(80, 1, 0, 21);
  const auto with = [&](size_t pairings, size_t seen) {
    Describe(sides, [seen](size_t i) { return i < seen ? 45 : -1; });
    std::vector<Pairing> some(sides.pairings.begin(),
                              sides.pairings.begin() + static_cast<std::ptrdiff_t>(pairings));
    return MatchOf(sides.Upload(), sides.Known(), some).has_value();
  };
  EXPECT_TRUE(with(6, 50));
  EXPECT_FALSE(with(6, 25)) << "a third is enough for " << kManyInliers;
  EXPECT_TRUE(with(12, 25));
  EXPECT_FALSE(with(5, 80));
}

}  // namespace
}  // namespace vigie
