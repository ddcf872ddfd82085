#include "engine/match/image_hasher.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/support/pictures.h"

namespace vigie {
namespace {

using testing::Encode;
using testing::Pattern;
using testing::Picture;

// Hardly anything in it, and that coloured: brightness alone rounds to something else.
Picture Faint(int contrast) {
  Picture picture = Pattern(300, 200, 7);
  for (uint8_t& sample : picture.data) {
    sample = static_cast<uint8_t>(100 + (sample - 128) * contrast / 128);
  }
  return picture;
}

TEST(HashEncoded, APictureNearTheQualityFloorIsDecodedExactly) {
  PdqScratch scratch;
  int below = 0;
  int above = 0;
  for (int contrast = 2; contrast <= 100; contrast += 7) {
    const auto bytes = Encode(Faint(contrast), ".jpg");
    const auto exact = HashEncoded(bytes, {.mode = DecodeMode::kExact}, scratch);
    const auto fast = HashEncoded(bytes, {.mode = DecodeMode::kFast}, scratch);
    ASSERT_TRUE(exact.ok() && fast.ok());
    const int quality = exact->frames.at(0).pdq.quality;
    if (quality < kDefaultMinQuality + kFastQualityMargin - 1) {
      ++below;
      EXPECT_EQ(fast->frames.at(0).pdq.hashes, exact->frames.at(0).pdq.hashes) << quality;
      EXPECT_EQ(fast->frames.at(0).pdq.quality, quality);
    } else {
      ++above;
    }
  }
  EXPECT_GT(below, 0);
  EXPECT_GT(above, 0);
}

TEST(HashEncoded, ASingleHashIsThatOfTheSingleHashFunction) {
  // The two functions differ on 64x64 pixels.
  PdqScratch scratch;
  const Picture picture = Pattern(64, 64, 3);
  const auto image = HashEncoded(Encode(picture, ".png"), {.all_orientations = false}, scratch);
  ASSERT_TRUE(image.ok());
  const PdqResult expected = ComputePdq(picture.view(), Profile::kReference, scratch);
  EXPECT_EQ(image->frames.at(0).pdq.hashes[0], expected.hash);
  EXPECT_EQ(image->frames.at(0).pdq.quality, expected.quality);
}

TEST(HashEncoded, BothProfilesSeeThePixelsTheyNeed) {
  PdqScratch scratch;
  const Picture picture = Pattern(700, 300, 3);
  for (const Profile profile : {Profile::kReference, Profile::kFull}) {
    const auto image = HashEncoded(Encode(picture, ".png"), {.profile = profile}, scratch);
    ASSERT_TRUE(image.ok());
    EXPECT_EQ(image->frames.at(0).pdq.hashes,
              ComputePdqOrientations(picture.view(), profile, scratch).hashes);
  }
}

TEST(HashEncoded, NothingIsHashedWhenItMayNotGoOn) {
  PdqScratch scratch;
  const auto image =
      HashEncoded(Encode(Pattern(64, 64, 3), ".jpg"), {}, scratch, [] { return false; });
  ASSERT_TRUE(image.ok());
  EXPECT_TRUE(image->frames.empty());
}

}  // namespace
}  // namespace vigie
