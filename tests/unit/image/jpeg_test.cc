// JPEG decoding against OpenCV's, pixel by pixel, over every kind of JPEG.
#include <gtest/gtest.h>

#include <cstring>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <string>
#include <vector>

#include "engine/hash/pdq.h"
#include "engine/image/decoder.h"
#include "tests/support/jpeg_encoder.h"
#include "tests/support/pictures.h"
#include "tests/unit/image/samples.h"

namespace vigie {
namespace {

using testing::Buffer;
using testing::EncodeJpeg;
using testing::JpegColors;
using testing::JpegOptions;
using testing::Pattern;

struct Kind {
  std::string name;
  JpegOptions options;
};

std::vector<Kind> Kinds() {
  std::vector<Kind> kinds = {
      {"grey", {.colors = JpegColors::kGray}},
      {"RGB", {.colors = JpegColors::kRgb}},
      {"CMYK", {.colors = JpegColors::kCmyk}},
      {"YCCK", {.colors = JpegColors::kYcck}},
      {"arithmetic", {.arithmetic = true}},
      {"low quality", {.quality = 5}},
      {"separate scans", {.separate_scans = true}},
      {"YCCK 2x2", {.colors = JpegColors::kYcck, .horizontal = 2, .vertical = 2}},
  };
  for (const bool progressive : {false, true}) {
    for (const auto& [horizontal, vertical] :
         {std::pair(1, 1), {2, 1}, {1, 2}, {2, 2}, {4, 1}, {4, 2}}) {
      for (const int restart : {0, 3}) {
        kinds.push_back({"chroma " + std::to_string(horizontal) + "x" + std::to_string(vertical) +
                             (progressive ? " progressive" : "") + (restart > 0 ? " restarts" : ""),
                         {.horizontal = horizontal,
                          .vertical = vertical,
                          .progressive = progressive,
                          .restart_interval = restart}});
      }
    }
  }
  return kinds;
}

// Whether `pixels` are those of `expected`, or its 512x512 sample.
bool Same(const PixelView& pixels, const cv::Mat& expected, bool sampled) {
  const size_t channels = static_cast<size_t>(pixels.channels());
  const int width = sampled ? 512 : expected.cols;
  const int height = sampled ? 512 : expected.rows;
  if (pixels.width != width || pixels.height != height) return false;
  if (static_cast<size_t>(expected.channels()) != channels) return false;
  for (int y = 0; y < height; ++y) {
    const uint8_t* const row = expected.ptr(sampled ? y * expected.rows / 512 : y);
    for (int x = 0; x < width; ++x) {
      const size_t from = static_cast<size_t>(sampled ? x * expected.cols / 512 : x);
      if (std::memcmp(pixels.row(y) + static_cast<size_t>(x) * channels, row + from * channels,
                      channels) != 0) {
        return false;
      }
    }
  }
  return true;
}

TEST(DecodeJpeg, GivesThePixelsOfOpenCvForEveryKind) {
  for (const auto& [width, height] :
       {std::pair(1, 1), {17, 33}, {64, 48}, {600, 70}, {40, 515}, {531, 1029}}) {
    const auto picture = Pattern(width, height, 7);
    for (const Kind& kind : Kinds()) {
      const Buffer bytes = EncodeJpeg(picture, kind.options);
      const bool ink = kind.name.find('K') != std::string::npos;
      const cv::Mat colour = cv::imdecode(bytes, cv::IMREAD_COLOR);
      // Ink has no brightness plane: fast decodes it as exact does.
      const cv::Mat fast = ink ? colour : cv::imdecode(bytes, cv::IMREAD_GRAYSCALE);
      for (const auto sampling : {Sampling::kAllPixels, Sampling::kPdqReference}) {
        const bool sampled = sampling == Sampling::kPdqReference && (width > 512 || height > 512);
        for (const auto mode : {DecodeMode::kExact, DecodeMode::kFast}) {
          const auto image = DecodeImage(bytes, {}, mode, sampling);
          ASSERT_TRUE(image.ok()) << kind.name << image.status();
          EXPECT_TRUE(image->complete);
          EXPECT_EQ(image->width, width);
          EXPECT_EQ(image->height, height);
          EXPECT_TRUE(Same(image->pixels, mode == DecodeMode::kExact ? colour : fast, sampled))
              << kind.name << ' ' << width << 'x' << height << ' ' << Name(mode);
        }
      }
    }
  }
}

TEST(DecodeJpeg, ASampleHasTheHashOfTheWholePicture) {
  PdqScratch scratch;
  for (const auto& [width, height] : {std::pair(100, 90), {512, 512}, {513, 300}, {700, 1100}}) {
    for (const char* extension : {".jpg", ".png"}) {
      const Buffer bytes = testing::Encode(Pattern(width, height, 3), extension);
      const auto all = DecodeImage(bytes, {}, DecodeMode::kExact);
      const auto some = DecodeImage(bytes, {}, DecodeMode::kExact, Sampling::kPdqReference);
      ASSERT_TRUE(all.ok() && some.ok());
      EXPECT_LE(some->pixels.width, 512);
      EXPECT_LE(some->pixels.height, 512);
      EXPECT_EQ(ComputePdqOrientations(all->pixels, Profile::kReference, scratch).hashes,
                ComputePdqOrientations(some->pixels, Profile::kReference, scratch).hashes)
          << width << 'x' << height << extension;
    }
  }
}

TEST(DecodeJpeg, FillsACutPictureUpTheSameWayInEveryMode) {
  for (const Kind& kind : Kinds()) {
    const Buffer whole = EncodeJpeg(Pattern(600, 70, 7), kind.options);
    const Buffer half(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(whole.size() / 2));
    Buffer closed = half;
    closed.insert(closed.end(), {0xFF, 0xD9});
    const cv::Mat expected = cv::imdecode(closed, cv::IMREAD_COLOR);
    for (const auto sampling : {Sampling::kAllPixels, Sampling::kPdqReference}) {
      const auto image = DecodeImage(half, {}, DecodeMode::kExact, sampling);
      ASSERT_TRUE(image.ok()) << kind.name << image.status();
      EXPECT_FALSE(image->complete);
      EXPECT_TRUE(Same(image->pixels, expected, sampling == Sampling::kPdqReference)) << kind.name;
    }
  }
}

TEST(DecodeJpeg, InkIsReadInverted) {
  // What is stored is what is left of each colour, times what is left of all.
  const Buffer bytes =
      EncodeJpeg(testing::Flat(16, 16, 200), {.colors = JpegColors::kCmyk, .quality = 100});
  const auto image = DecodeImage(bytes, {}, DecodeMode::kExact);
  ASSERT_TRUE(image.ok());
  for (int c = 0; c < 3; ++c) EXPECT_NEAR(image->pixels.row(8)[24 + c], 200, 1);
}

TEST(DecodeJpeg, RefusesCoefficientsOverTheMemoryLimit) {
  const auto picture = Pattern(1024, 1024, 3);
  // 3 components of 2 bytes a coefficient, and a 512x512 sample.
  constexpr int64_t kNeeded = 6 * 1024 * 1024 + 3 * 512 * 512;
  for (const JpegOptions& options :
       {JpegOptions{.progressive = true}, JpegOptions{.separate_scans = true}}) {
    const Buffer bytes = EncodeJpeg(picture, options);
    const auto decode = [&](int64_t memory) {
      return DecodeImage(bytes, {.max_memory_bytes = memory}, DecodeMode::kExact,
                         Sampling::kPdqReference)
          .status();
    };
    EXPECT_TRUE(decode(kNeeded).ok());
    EXPECT_EQ(ReasonOf(decode(kNeeded - 1)), "IMAGE_TOO_LARGE") << decode(kNeeded - 1);
    EXPECT_NE(MessageOf(decode(kNeeded - 1)).find("memory"), std::string_view::npos);
  }
  EXPECT_TRUE(DecodeImage(EncodeJpeg(picture, {}), {.max_memory_bytes = 3 * 512 * 512},
                          DecodeMode::kExact, Sampling::kPdqReference)
                  .ok());
}

TEST(DecodeJpeg, WritesNothingToTheErrorOutput) {
  Buffer bytes = testing::Encode(Pattern(64, 64, 7), ".jpg");
  for (size_t i = bytes.size() / 2; i < bytes.size() / 2 + 40; ++i) bytes[i] = 0x55;
  const Buffer cut(bytes.begin(), bytes.end() - 300);
  const Buffer garbage = testing::Unhex("ffd8ffc0000b080008000801011100ffd9");
  ::testing::internal::CaptureStderr();
  for (const Buffer& file : {bytes, cut, garbage}) {
    for (const auto mode : {DecodeMode::kExact, DecodeMode::kFast}) {
      (void)DecodeImage(file, {}, mode);
    }
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace vigie
