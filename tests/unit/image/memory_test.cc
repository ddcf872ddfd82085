// What decoding takes at its peak, beside the encoded bytes.
#include <gtest/gtest.h>

#include <iostream>
#include <string>

#include "engine/image/decoder.h"
#include "tests/support/jpeg_encoder.h"
#include "tests/support/peak_memory.h"
#include "tests/support/pictures.h"

namespace vigie {
namespace {

using testing::EncodeJpeg;
using testing::JpegOptions;
using testing::Pattern;

constexpr int64_t kMegabyte = 1'000'000;

TEST(DecodeMemory, A12MegapixelJpegTakesLessThan20Megabytes) {
  if (!testing::CanMeasurePeakMemory()) GTEST_SKIP() << "under a sanitizer";
  const auto bytes = EncodeJpeg(Pattern(4000, 3000, 7), {.horizontal = 2, .vertical = 2});
  for (const auto mode : {DecodeMode::kExact, DecodeMode::kFast}) {
    const int64_t peak = testing::PeakExtraMemory([&] {
      if (!DecodeImage(bytes, {}, mode, Sampling::kPdqReference).ok()) std::abort();
    });
    std::cout << "12 megapixels, baseline, " << Name(mode) << ": " << peak / 1000 << " kB\n";
    EXPECT_LT(peak, 20 * kMegabyte) << Name(mode);
  }
}

TEST(DecodeMemory, AProgressiveJpegTakesItsCoefficientsToo) {
  if (!testing::CanMeasurePeakMemory()) GTEST_SKIP() << "under a sanitizer";
  const auto bytes =
      EncodeJpeg(Pattern(4000, 3000, 7), {.horizontal = 2, .vertical = 2, .progressive = true});
  const int64_t coefficients = ReadHeader(bytes)->decoder_bytes;
  EXPECT_NEAR(static_cast<double>(coefficients), 3.0 * 4000 * 3000, 0.01 * 3 * 4000 * 3000);
  const int64_t peak = testing::PeakExtraMemory([&] {
    if (!DecodeImage(bytes, {}, DecodeMode::kFast, Sampling::kPdqReference).ok()) std::abort();
  });
  std::cout << "12 megapixels, progressive: " << peak / 1000 << " kB\n";
  EXPECT_LT(peak, coefficients + 20 * kMegabyte);
}

}  // namespace
}  // namespace vigie
