// The kernels on every instruction set that this machine has give the bits of the definition, in
// the pixels they reduce to and in the frequencies as well as in the hash.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <iostream>
#include <random>
#include <utility>
#include <vector>

#include "engine/base/simd.h"
#include "engine/hash/filter.h"
#include "engine/hash/pdq.h"
#include "engine/hash/pdq_definition.h"
#include "engine/hash/transform.h"
#include "tests/support/pictures.h"

namespace vigie {
namespace {

using testing::Picture;

constexpr uint32_t kSeed = 20261122;
constexpr std::array kOrders = {ChannelOrder::kGray, ChannelOrder::kRgb, ChannelOrder::kBgr};

class PdqKernels : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(ForceSimdTarget(GetParam()).ok());
    std::cout << "seed " << kSeed << "\n";
  }
  void TearDown() override { ASSERT_TRUE(ForceSimdTarget("").ok()); }

  // Differences in bits, so that -0 is not 0.
  template <typename Square>
  static bool Same(const Square& a, const Square& b) {
    return std::memcmp(&a, &b, sizeof(a)) == 0;
  }

  static std::string Describe(const Picture& picture, size_t width, size_t height) {
    return std::to_string(picture.width) + "x" + std::to_string(picture.height) + " order " +
           std::to_string(static_cast<int>(picture.order)) + " at " + std::to_string(width) + "x" +
           std::to_string(height);
  }

  void ExpectReducedAlike(const Picture& picture, size_t width, size_t height) {
    Reduced expected;
    Reduced got;
    definition::Reduce(picture.view(), width, height, false, definition_, expected);
    Reduce(picture.view(), width, height, scratch_, got);
    EXPECT_TRUE(Same(got, expected)) << Describe(picture, width, height);
  }

  void ExpectHashedAlike(const Picture& picture, Profile profile) {
    const auto expected = definition::ComputePdqOrientations(picture.view(), profile, definition_);
    const auto got = ComputePdqOrientations(picture.view(), profile, scratch_);
    EXPECT_EQ(got.quality, expected.quality) << Describe(picture, 0, 0);
    EXPECT_EQ(got.hashes, expected.hashes) << Describe(picture, 0, 0);
    const auto expected_one = definition::ComputePdq(picture.view(), profile, definition_);
    const auto one = ComputePdq(picture.view(), profile, scratch_);
    EXPECT_EQ(one.quality, expected_one.quality) << Describe(picture, 0, 0);
    EXPECT_EQ(one.hash, expected_one.hash) << Describe(picture, 0, 0);
  }

  Picture Noise(int width, int height, ChannelOrder order) {
    Picture picture = testing::Flat(width, height, 0, order);
    for (uint8_t& byte : picture.data) byte = static_cast<uint8_t>(random_());
    return picture;
  }

  uint32_t Seed() { return static_cast<uint32_t>(random_()); }

  std::mt19937 random_{kSeed};
  PdqScratch scratch_;  // one for all pictures, so that every one finds what another left
  definition::Scratch definition_;
};

TEST_P(PdqKernels, ReduceAsTheDefinitionDoesAtEverySize) {
  // Around the sides where the window, the strip of rows or the vector ends; then anything.
  std::vector<std::pair<int, int>> sizes = {
      {5, 5},     {64, 64}, {512, 512}, {5, 700}, {700, 5}, {128, 129}, {129, 128},
      {384, 385}, {63, 65}, {513, 511}, {16, 16}, {17, 15}, {500, 375}, {1, 9},
      {9, 1},     {1, 1},   {2, 640},   {640, 3}, {66, 130}};
  while (sizes.size() < 80) {
    sizes.emplace_back(1 + random_() % 700, 1 + random_() % 700);
  }
  for (const auto& [width, height] : sizes) {
    const ChannelOrder order = kOrders[random_() % 3];
    const Picture picture = random_() % 2 == 0 ? Noise(width, height, order)
                                               : testing::Pattern(width, height, Seed(), order);
    ExpectReducedAlike(picture, static_cast<size_t>(width), static_cast<size_t>(height));
    ExpectReducedAlike(picture, 512, 512);
  }
}

// One bright pixel on black leaves a rounding error in the running sums that stays; plain surfaces
// have frequencies of plus and minus zero.
TEST_P(PdqKernels, ReduceAlmostEmptyPicturesAsTheDefinitionDoes) {
  for (const ChannelOrder order : kOrders) {
    for (const uint8_t value : {uint8_t{0}, uint8_t{1}, uint8_t{255}}) {
      Picture picture = testing::Flat(400, 331, value, order);
      ExpectReducedAlike(picture, 400, 331);
      ExpectHashedAlike(picture, Profile::kReference);
      for (int i = 0; i < 8; ++i) {
        picture.data[random_() % picture.data.size()] = static_cast<uint8_t>(random_());
        ExpectReducedAlike(picture, 400, 331);
        ExpectHashedAlike(picture, Profile::kReference);
      }
    }
  }
}

// Windows that only Profile::kFull has: past the sums of bytes, past one
// strip of rows; and the low strips of very wide pictures.
TEST_P(PdqKernels, ReduceLargePicturesAsTheDefinitionDoes) {
  constexpr std::pair<int, int> kSizes[] = {{1025, 700}, {2049, 257}, {40, 8700},
                                            {8500, 70},  {16900, 40}, {5, 20000}};
  for (const auto& [width, height] : kSizes) {
    for (const ChannelOrder order : {ChannelOrder::kGray, ChannelOrder::kBgr}) {
      const Picture picture = Noise(width, height, order);
      ExpectReducedAlike(picture, static_cast<size_t>(width), static_cast<size_t>(height));
    }
  }
}

TEST_P(PdqKernels, TransformAndHashAsTheDefinitionDoes) {
  for (int i = 0; i < 300; ++i) {
    Reduced pixels;
    // Few different values, so that quality and median have ties.
    const uint32_t levels = i % 3 == 0 ? 2 : 25500;
    for (auto& row : pixels.at) {
      for (float& value : row) value = static_cast<float>(random_() % levels) / 100;
    }
    Frequencies expected;
    Frequencies got;
    definition::Dct64To16(pixels, expected);
    Dct64To16(pixels, got);
    ASSERT_TRUE(Same(got, expected)) << i;
    ASSERT_EQ(Quality(pixels), definition::Quality(pixels)) << i;
    if (i % 2 == 0) {
      for (auto& row : got.at) {
        for (float& value : row) value = static_cast<float>(static_cast<int>(random_() % 5) - 2);
      }
    }
    ASSERT_EQ(AboveMedian(got), definition::AboveMedian(got)) << i;
    const auto all = AboveMedianOfAll(got);
    for (int o = 0; o < kOrientations; ++o) {
      Frequencies turned;
      definition::Orient(got, static_cast<Orientation>(o), turned);
      ASSERT_EQ(all[static_cast<size_t>(o)], definition::AboveMedian(turned)) << i << ' ' << o;
    }
  }
}

TEST_P(PdqKernels, HashAsTheDefinitionDoes) {
  for (int i = 0; i < 60; ++i) {
    const int width = i == 0 ? 64 : static_cast<int>(1 + random_() % 700);
    const int height = i == 0 ? 64 : static_cast<int>(1 + random_() % 700);
    const Picture picture =
        testing::Pattern(width, height, Seed(), kOrders[static_cast<size_t>(i) % 3]);
    for (const Profile profile : {Profile::kReference, Profile::kFull}) {
      ExpectHashedAlike(picture, profile);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Hash, PdqKernels, ::testing::ValuesIn(SimdTargets()),
                         [](const auto& param) { return param.param; });

}  // namespace
}  // namespace vigie
