#include "engine/hash/pdq.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "tests/support/hash_case.h"
#include "tests/support/pictures.h"

namespace vigie {
namespace {

using testing::HashCase;
using testing::PictureOf;
using testing::ProfileOf;

constexpr char kGolden[] = VIGIE_SOURCE_DIR "/tests/unit/hash/golden.txt";

std::string Describe(const HashCase& c) {
  return c.kind + " " + std::to_string(c.width) + "x" + std::to_string(c.height) + "x" +
         std::to_string(c.channels) + " seed " + std::to_string(c.seed);
}

bool Is64(const HashCase& c) { return c.width == 64 && c.height == 64; }

// 20 of the reference's vectors: both profiles, all orientations, 1 and 3 channels, sides from 3
// to 2000.
TEST(Pdq, HasTheBitsOfTheReference) {
  PdqScratch scratch;
  const auto cases = testing::ReadHashCases(kGolden);
  ASSERT_EQ(cases.size(), 20U);
  for (const HashCase& c : cases) {
    const auto picture = PictureOf(c);
    const PdqResult one = ComputePdq(picture.view(), ProfileOf(c), scratch);
    EXPECT_EQ(one.hash, c.hashes[0]) << Describe(c);
    EXPECT_EQ(one.quality, c.quality) << Describe(c);
  }
}

TEST(Pdq, HasTheBitsOfTheReferenceInAllOrientations) {
  PdqScratch scratch;
  for (const HashCase& c : testing::ReadHashCases(kGolden)) {
    const auto picture = PictureOf(c);
    const PdqOrientations all = ComputePdqOrientations(picture.view(), ProfileOf(c), scratch);
    for (size_t o = Is64(c) ? 1 : 0; o < c.hashes.size(); ++o) {
      EXPECT_EQ(all.hashes[o], c.hashes[o])
          << Describe(c) << ' ' << Name(static_cast<Orientation>(o));
    }
    if (!Is64(c)) {
      EXPECT_EQ(all.quality, c.quality) << Describe(c);
    }
  }
}

// At this size the window is one sample wide and the filter changes rounding errors only; seed 901
// is the first whose bits show it.
TEST(Pdq, FiltersA64x64PictureOnlyForAllOrientations) {
  PdqScratch scratch;
  const auto picture = testing::Pattern(64, 64, 901);
  const auto one = ComputePdq(picture.view(), Profile::kFull, scratch);
  const auto all = ComputePdqOrientations(picture.view(), Profile::kFull, scratch);
  EXPECT_NE(one.hash, all.hashes[0]);
}

TEST(Pdq, DoesNotDependOnTheOrderOfChannels) {
  PdqScratch scratch;
  for (const HashCase& c : testing::ReadHashCases(kGolden)) {
    if (c.channels != 3) continue;
    const auto bgr = PictureOf(c, ChannelOrder::kBgr);
    EXPECT_EQ(ComputePdq(bgr.view(), ProfileOf(c), scratch).hash, c.hashes[0]) << Describe(c);
  }
}

TEST(Pdq, SkipsThePaddingOfRows) {
  PdqScratch scratch;
  const auto tight = testing::Pattern(101, 67, 9);
  const size_t row = 303;
  std::vector<uint8_t> padded;
  for (size_t y = 0; y < 67; ++y) {
    padded.insert(padded.end(), &tight.data[y * row], &tight.data[y * row] + row);
    padded.insert(padded.end(), 29, 0xFF);
  }
  PixelView view = tight.view();
  view.data = padded.data();
  view.stride_bytes = row + 29;
  EXPECT_EQ(ComputePdq(view, Profile::kReference, scratch).hash,
            ComputePdq(tight.view(), Profile::kReference, scratch).hash);
}

TEST(Pdq, GivesZeroForPicturesUnderFivePixels) {
  PdqScratch scratch;
  for (const auto& [width, height] : {std::pair{4, 600}, {600, 4}, {1, 1}, {0, 0}}) {
    const auto picture = testing::Pattern(width, height, 1);
    for (const Profile profile : {Profile::kReference, Profile::kFull}) {
      const auto all = ComputePdqOrientations(picture.view(), profile, scratch);
      for (const Pdq256& hash : all.hashes) EXPECT_EQ(hash, Pdq256{});
      EXPECT_EQ(all.quality, 0);
      EXPECT_EQ(ComputePdq(picture.view(), profile, scratch).hash, Pdq256{});
    }
  }
}

TEST(Pdq, GivesAPlainSurfaceNoQuality) {
  PdqScratch scratch;
  EXPECT_EQ(ComputePdq(testing::Flat(300, 200, 77).view(), Profile::kReference, scratch).quality,
            0);
}

TEST(Pdq, GivesTheSameAnswerWhateverTheScratchHeldBefore) {
  std::mt19937 random(20261121);
  PdqScratch reused;
  for (int i = 0; i < 60; ++i) {
    const int width = 5 + static_cast<int>(random() % 700);
    const int height = 5 + static_cast<int>(random() % 700);
    const auto picture = testing::Pattern(width, height, static_cast<uint32_t>(random()),
                                          i % 2 == 0 ? ChannelOrder::kGray : ChannelOrder::kBgr);
    const Profile profile = i % 3 == 0 ? Profile::kFull : Profile::kReference;
    PdqScratch fresh;
    const auto expected = ComputePdqOrientations(picture.view(), profile, fresh);
    const auto got = ComputePdqOrientations(picture.view(), profile, reused);
    EXPECT_EQ(got.hashes, expected.hashes) << width << 'x' << height;
    EXPECT_EQ(got.quality, expected.quality) << width << 'x' << height;
  }
}

}  // namespace
}  // namespace vigie
