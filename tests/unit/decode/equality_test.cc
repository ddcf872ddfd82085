// Behind a wall a picture has the hashes, errors and words that it has without one.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <map>

#include "server/decode/sandbox.h"
#include "tests/support/animations.h"
#include "tests/support/bmff_pictures.h"
#include "tests/support/jpeg_encoder.h"
#include "tests/support/shared.h"
#include "tests/unit/decode/hasher_fixture.h"

namespace vigie {
namespace {

using testing::Encode;
using testing::ExpectSame;
using testing::Flat;
using testing::InProcess;
using testing::kForever;
using testing::Pattern;
using testing::Picture;

using Encoded = std::vector<uint8_t>;

std::vector<Picture> Moving(ChannelOrder order, int count) {
  std::vector<Picture> pictures;
  for (int i = 0; i < count; ++i) {
    pictures.push_back(Pattern(160, 120, static_cast<uint32_t>(i), order));
  }
  return pictures;
}

std::map<std::string, Encoded> Pictures() {
  const Picture color = Pattern(640, 480, 3);
  const Picture small = Pattern(160, 120, 5);
  std::map<std::string, Encoded> pictures = {
      {"JPEG", Encode(color, ".jpg")},
      {"progressive JPEG", Encode(color, ".jpg", {.progressive = true})},
      {"JPEG of ink", testing::EncodeJpeg(color, {.colors = testing::JpegColors::kYcck})},
      {"PNG", Encode(color, ".png")},
      {"grey PNG", Encode(Pattern(300, 200, 1, ChannelOrder::kGray), ".png")},
      {"PNG of 16 bits", testing::EncodePng16(small)},
      {"PNG with alpha", testing::EncodePngWithAlpha(small, 100)},
      {"BMP", Encode(color, ".bmp")},
      {"TIFF", Encode(color, ".tiff")},
      {"WebP", Encode(color, ".webp")},
      {"lossless WebP", Encode(small, ".webp", {.quality = 101})},
      {"WebP with alpha", testing::EncodeWebpWithAlpha(small, 100)},
      {"animated WebP", testing::EncodeAnimatedWebp(Moving(ChannelOrder::kBgr, 20))},
      {"GIF", testing::EncodeGif(Moving(ChannelOrder::kGray, 1))},
      {"animated GIF", testing::EncodeGif(Moving(ChannelOrder::kGray, 40))},
      {"AVIF", testing::EncodeAvif({small})},
      {"AVIF of 10 bits with alpha", testing::EncodeAvif({small}, {.ten_bits = true, .alpha = 90})},
      {"AVIF sequence", testing::EncodeAvif(Moving(ChannelOrder::kBgr, 4))},
      {"featureless", Encode(Flat(100, 100, 90), ".png")},
      {"nothing", {}},
      {"text", {'h', 'e', 'l', 'l', 'o'}},
  };
  if (Encoded heic = testing::EncodeHeic(small); !heic.empty()) {
    pictures["HEIC"] = std::move(heic);
    pictures["turned HEIC"] = testing::EncodeHeic(small, /*turn=*/true);
  }
  return pictures;
}

class Walled : public ::testing::Test {
 protected:
  void Compare(const Encoded& bytes, const HashOptions& options, const std::string& what) {
    const auto expected = InProcess(bytes, options);
    ExpectSame(hasher_->Hash(bytes, options, kForever), expected, what);
    ++compared_[expected.ok() ? (expected->summary.rest.ok() ? "hashed" : "hashed in part")
                              : ReasonOf(expected.status())];
  }

  void TearDown() override {
    EXPECT_EQ(testing::Replaced(hasher_->stats()), 0);
    for (const auto& [outcome, count] : compared_) std::printf("%7d %s\n", count, outcome.c_str());
  }

  const std::unique_ptr<WalledHasher> hasher_ =
      testing::StartHasher({.timeout = std::chrono::hours(1)});  // no judge of speed
  std::map<std::string, int> compared_;
};

TEST_F(Walled, EveryFormatAndOptionGivesTheSameBits) {
  size_t turn = 0;
  for (const auto& [name, bytes] : Pictures()) {
    for (const DecodeMode mode : {DecodeMode::kExact, DecodeMode::kFast}) {
      for (const Profile profile : {Profile::kReference, Profile::kFull}) {
        for (const bool all : {true, false}) {
          constexpr int kMaxFrames[] = {1, 16, 62};
          Compare(bytes,
                  {.mode = mode,
                   .profile = profile,
                   .all_orientations = all,
                   .max_frames = kMaxFrames[turn++ % 3]},
                  name);
        }
      }
    }
  }
}

TEST_F(Walled, PartsAndPlacesAreTheSame) {
  for (const auto& [name, bytes] : Pictures()) {
    for (const DecodeMode mode : {DecodeMode::kExact, DecodeMode::kFast}) {
      for (const int places : {0, 180, 500}) {
        Compare(bytes,
                {.mode = mode,
                 .max_variants = static_cast<int>(kMaxVariants),
                 .local_places = places,
                 .variants_budget_ns = kForever},
                name);
      }
    }
  }
}

TEST_F(Walled, EveryErrorIsTheSame) {
  const HashOptions few_pixels = {.limits = {.max_pixels = 10'000}};
  const HashOptions few_bytes = {.limits = {.max_image_bytes = 100}};
  const HashOptions little_memory = {.limits = {.max_memory_bytes = 1000}};
  const HashOptions short_animations = {.limits = {.max_animation_pixels = 50'000}};
  for (const auto& [name, bytes] : Pictures()) {
    for (const HashOptions& options : {few_pixels, few_bytes, little_memory, short_animations}) {
      Compare(bytes, options, name);
    }
    for (const int percent : {2, 10, 50, 90, 99}) {
      const size_t kept = bytes.size() * static_cast<size_t>(percent) / 100;
      Compare(Encoded(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(kept)), {},
              name + ", cut off");
    }
    Encoded damaged = bytes;
    for (size_t i = damaged.size() / 2; i < damaged.size(); i += 97) damaged[i] ^= 0x55;
    Compare(damaged, {}, name + ", damaged");
  }
}

TEST_F(Walled, PicturesAtTheLimitsHaveTheMemoryTheyNeed) {
  if (decode::AddressSpaceIsUnlimited()) GTEST_SKIP() << "sanitizers have no limit";
  const HashOptions full = {.profile = Profile::kFull};
  Compare(Encode(Flat(8000, 8000, 1), ".png"), full, "PNG of 64 megapixels");
  Compare(Encode(Flat(8000, 8000, 1, ChannelOrder::kGray), ".tiff"), full, "TIFF");
  Compare(Encode(Flat(6200, 6200, 1), ".webp", {.quality = 101}),
          {.limits = {.max_memory_bytes = int64_t{6200} * 6200 * 7}}, "lossless WebP");
  Compare(testing::EncodeJpeg(Flat(5300, 5300, 1), {.progressive = true}), full,
          "progressive JPEG");
}

TEST_F(Walled, WhatTheDecodersAreNotMadeForIsRefused) {
  const Encoded large((size_t{32} << 20) + 1);
  const HashOptions larger = {.limits = {.max_image_bytes = size_t{64} << 20}};
  EXPECT_EQ(ReasonOf(hasher_->Hash(large, larger, kForever).status()), "DECODER_FAILED");
  EXPECT_EQ(ReasonOf(hasher_->Hash({}, {.max_frames = 1'000'000}, kForever).status()),
            "DECODER_FAILED");
}

TEST_F(Walled, MalformedPicturesAreTheSame) {
  const auto folder = testing::SharedPath("data/hostile");
  if (!folder.has_value()) GTEST_SKIP() << "no malformed pictures here: set VIGIE_SHARED";
  for (const auto& path : testing::FilesBelow(*folder)) {
    Compare(testing::ReadFile(path), {.mode = DecodeMode::kFast}, path);
  }
}

TEST_F(Walled, NothingIsHashedAfterTheDeadline) {
  const Encoded bytes = Encode(Pattern(64, 64, 3), ".jpg");
  const auto late = hasher_->Hash(bytes, {}, SystemClock().Now() - 1);
  ExpectSame(late, InProcess(bytes, {}, 0), "late");
  ASSERT_TRUE(late.ok());
  EXPECT_TRUE(late->frames.empty());
  ExpectSame(hasher_->Hash(bytes, {}, SystemClock().Now() + 60 * kSecondUs), InProcess(bytes),
             "in time");
}

}  // namespace
}  // namespace vigie
