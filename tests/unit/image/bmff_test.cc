// AVIF and HEIC: pixels, sequences, what is shown of them, and the limits from their headers.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "engine/image/decoder.h"
#include "tests/support/bmff_pictures.h"
#include "tests/support/pictures.h"
#include "tests/unit/image/samples.h"

namespace vigie {
namespace {

using testing::Buffer;
using testing::EncodeAvif;
using testing::EncodeHeic;
using testing::Picture;
using testing::Unhex;

// Smooth, so that lossy codecs keep it: red grows to the right, green downwards, blue with `seed`.
Picture Gradient(int width, int height, int seed = 0) {
  Picture picture{.width = width, .height = height, .order = ChannelOrder::kBgr, .data = {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      picture.data.push_back(static_cast<uint8_t>(60 * seed));
      picture.data.push_back(static_cast<uint8_t>(255 * y / height));
      picture.data.push_back(static_cast<uint8_t>(255 * x / width));
    }
  }
  return picture;
}

// Blue, green and red of a pixel.
std::vector<int> At(const PixelView& pixels, int x, int y) {
  const uint8_t* const p = pixels.row(y) + 3 * x;
  if (pixels.order == ChannelOrder::kRgb) return {p[2], p[1], p[0]};
  return {p[0], p[1], p[2]};
}

// The largest difference between a decoded pixel and the one of `expected` at from(x, y).
template <typename From>
int LargestDifference(const PixelView& pixels, const Picture& expected, From from) {
  int largest = 0;
  for (int y = 0; y < pixels.height; ++y) {
    for (int x = 0; x < pixels.width; ++x) {
      const auto [from_x, from_y] = from(x, y);
      const auto got = At(pixels, x, y);
      const auto want = At(expected.view(), from_x, from_y);
      for (size_t c = 0; c < 3; ++c) largest = std::max(largest, std::abs(got[c] - want[c]));
    }
  }
  return largest;
}

std::pair<int, int> Same(int x, int y) { return {x, y}; }

absl::StatusOr<DecodedImage> DecodeWithin(Bytes bytes, const DecodeLimits& limits = {}) {
  return DecodeImage(bytes, limits, DecodeMode::kExact);
}

TEST(DecodeAvif, GivesThePixelsOf8And10Bits) {
  const Picture picture = Gradient(64, 48, 2);
  for (const bool ten_bits : {false, true}) {
    const auto image = DecodeWithin(EncodeAvif({picture}, {.ten_bits = ten_bits}));
    ASSERT_TRUE(image.ok()) << image.status();
    EXPECT_EQ(image->format, ImageFormat::kAvif);
    EXPECT_FALSE(image->animated);
    EXPECT_TRUE(image->complete);
    ASSERT_EQ(image->pixels.width, 64);
    ASSERT_EQ(image->pixels.height, 48);
    EXPECT_LE(LargestDifference(image->pixels, picture, Same), 6);
  }
}

TEST(DecodeAvif, CompositesTransparencyOnWhite) {
  const Picture picture = Gradient(64, 48, 2);
  const auto image = DecodeWithin(EncodeAvif({picture}, {.alpha = 51}));  // a fifth
  ASSERT_TRUE(image.ok()) << image.status();
  const auto got = At(image->pixels, 32, 24);
  EXPECT_NEAR(got[0], 255 * 0.8 + 120 * 0.2, 3);
  EXPECT_NEAR(got[1], 255 * 0.8 + 127 * 0.2, 3);
}

TEST(DecodeAvif, ShowsWhatTheCleanApertureShows) {
  const Picture picture = Gradient(64, 48);
  const auto image = DecodeWithin(EncodeAvif({picture}, {.shown_width = 32, .shown_height = 16}));
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->width, 32);
  EXPECT_EQ(image->height, 16);
  EXPECT_LE(LargestDifference(image->pixels, picture,
                              [](int x, int y) { return std::pair(x + 16, y + 16); }),
            6);
}

TEST(DecodeAvif, PlaysASequence) {
  std::vector<Picture> pictures;
  for (int i = 0; i < 4; ++i) pictures.push_back(Gradient(64, 48, i));
  const Buffer bytes = EncodeAvif(pictures);
  std::vector<int> numbers;
  std::vector<int64_t> times;
  const auto sink = [&](const Frame& frame) {
    numbers.push_back(frame.number);
    times.push_back(frame.time_ms);
    EXPECT_LE(LargestDifference(frame.pixels, pictures.at(static_cast<size_t>(frame.number)), Same),
              6);
    return true;
  };
  const auto summary = DecodeFrames(bytes, {}, DecodeMode::kExact, Sampling::kAllPixels, sink);
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_TRUE(summary->animated);
  EXPECT_TRUE(summary->rest.ok()) << summary->rest;
  EXPECT_EQ(numbers, (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(times, (std::vector<int64_t>{0, 100, 200, 300}));
  const auto cut = DecodeFrames(bytes, {.max_animation_pixels = 30'000}, DecodeMode::kExact,
                                Sampling::kAllPixels, sink);
  ASSERT_TRUE(cut.ok());
  EXPECT_EQ(cut->frames, 3);
  EXPECT_EQ(ReasonOf(cut->rest), "IMAGE_TOO_LARGE");
}

TEST(DecodeHeif, GivesThePixelsOfAHeic) {
  const Picture picture = Gradient(64, 48, 2);
  const Buffer bytes = EncodeHeic(picture);
  if (bytes.empty()) GTEST_SKIP() << "libheif cannot write HEVC here";
  const auto image = DecodeWithin(bytes);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->format, ImageFormat::kHeif);
  EXPECT_FALSE(image->animated);
  ASSERT_EQ(image->pixels.width, 64);
  ASSERT_EQ(image->pixels.height, 48);
  EXPECT_LE(LargestDifference(image->pixels, picture, Same), 12);
}

TEST(DecodeHeif, TurnsAsTheFileSays) {
  const Picture picture = Gradient(64, 48, 2);
  const Buffer bytes = EncodeHeic(picture, /*turn=*/true);
  if (bytes.empty()) GTEST_SKIP() << "libheif cannot write HEVC here";
  const auto image = DecodeWithin(bytes);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->width, 48);
  EXPECT_EQ(image->height, 64);
  ASSERT_EQ(image->pixels.width, 48);
  EXPECT_LE(
      LargestDifference(image->pixels, picture, [](int x, int y) { return std::pair(y, 47 - x); }),
      12);
}

std::vector<Buffer> Files() {
  std::vector<Buffer> files = {EncodeAvif({Gradient(128, 96)}),
                               EncodeAvif({Gradient(128, 96), Gradient(128, 96, 1)})};
  const Buffer heic = EncodeHeic(Gradient(128, 96));
  if (!heic.empty()) files.push_back(heic);
  return files;
}

TEST(DecodeBmff, ReadsTheSizeFromTheHeaderAndHoldsTheLimits) {
  for (const Buffer& bytes : Files()) {
    const auto header = ReadHeader(bytes);
    ASSERT_TRUE(header.ok());
    EXPECT_EQ(header->width, 128);
    EXPECT_EQ(header->height, 96);
    EXPECT_TRUE(header->complete);
    EXPECT_TRUE(DecodeWithin(bytes, {.max_pixels = 128 * 96}).ok());
    EXPECT_EQ(ReasonOf(DecodeWithin(bytes, {.max_pixels = 128 * 96 - 1}).status()),
              "IMAGE_TOO_LARGE");
    EXPECT_EQ(ReasonOf(DecodeWithin(bytes, {.max_memory_bytes = 100'000}).status()),
              "IMAGE_TOO_LARGE");
  }
}

// A container that says less than its pictures have must not get round the limits.
TEST(DecodeBmff, RefusesAPictureLargerThanItsContainerSays) {
  for (Buffer bytes : Files()) {
    const std::string ispe = "ispe";
    for (size_t at = 0; at + 16 < bytes.size(); ++at) {
      if (!std::equal(ispe.begin(), ispe.end(), bytes.begin() + static_cast<ptrdiff_t>(at))) {
        continue;
      }
      bytes[at + 11] = 8;  // the low byte of the width
      bytes[at + 15] = 8;
    }
    const auto image = DecodeWithin(bytes);
    if (image.ok()) {
      EXPECT_LE(int64_t{image->width} * image->height,
                ReadHeader(bytes)->width * ReadHeader(bytes)->height);
    }
  }
}

TEST(DecodeBmff, EveryCutGivesAReasonOrAPicture) {
  for (const Buffer& bytes : Files()) {
    for (size_t size = 12; size < bytes.size(); size += size < 1000 ? 1 : 37) {
      const Buffer cut(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size));
      const auto image = DecodeWithin(cut);
      ASSERT_FALSE(image.ok()) << size;
      EXPECT_EQ(ReasonOf(image.status()), "IMAGE_CORRUPT") << size << image.status();
    }
  }
}

TEST(DecodeBmff, DataBehindTheLastBoxIsNoPartOfThePicture) {
  for (Buffer bytes : Files()) {
    bytes.insert(bytes.end(), 100, 0x77);
    EXPECT_TRUE(DecodeWithin(bytes).ok()) << DecodeWithin(bytes).status();
  }
}

TEST(DecodeBmff, RefusesDeclaredGigabytesAtOnce) {
  // ftyp, then meta > iprp > ipco > ispe of 65535x65535.
  for (const char* brand : {"61766966", "68656963"}) {
    const Buffer bytes =
        Unhex(std::string("0000001466747970") + brand + "00000000" + brand +
              "0000003c6d65746100000000" + "0000003069707270" + "000000286970636f" +
              "0000001469737065000000000000ffff0000ffff" + "000000086d646174");
    EXPECT_EQ(ReasonOf(DecodeWithin(bytes).status()), "IMAGE_TOO_LARGE")
        << DecodeWithin(bytes).status();
  }
}

}  // namespace
}  // namespace vigie
