// PNG decoding against OpenCV's, pixel by pixel, over every kind of PNG.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/image/decoder.h"
#include "tests/support/peak_memory.h"
#include "tests/support/raster_encoders.h"
#include "tests/unit/image/opencv_pixels.h"
#include "tests/unit/image/samples.h"

namespace vigie {
namespace {

using testing::Buffer;
using testing::DifferenceFromOpenCv;
using testing::EncodePngKind;
using testing::PngKind;
using testing::ReasonFor;

TEST(DecodePng, GivesOpenCvsPixelsOfEveryKind) {
  for (PngKind kind : testing::PngKinds()) {
    for (const auto& [width, height] :
         {std::pair(37, 29), {1, 1}, {3, 2}, {8, 1}, {600, 40}, {30, 700}, {700, 530}}) {
      kind.width = width;
      kind.height = height;
      EXPECT_EQ(DifferenceFromOpenCv(EncodePngKind(kind)), "")
          << kind.name << ' ' << width << 'x' << height;
    }
  }
}

// Where the first chunk of this type begins.
size_t Find(const Buffer& bytes, std::string_view type) {
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()).find(type) - 4;
}

TEST(DecodePng, RefusesAWrongChecksumOfWhatCountsAndPassesOverTheOthers) {
  const Buffer sound = EncodePngKind({.color_type = 3, .transparent = true, .annotated = true});
  for (const char* type : {"IHDR", "PLTE", "IDAT"}) {
    Buffer bytes = sound;
    const size_t at = Find(bytes, type);
    const size_t length = size_t{bytes[at + 2]} << 8 | bytes[at + 3];
    bytes[at + 8 + length] ^= 1;
    EXPECT_EQ(ReasonFor(bytes), "IMAGE_CORRUPT") << type;
  }
  Buffer bytes = sound;
  bytes[Find(bytes, "zTXt") + 20] ^= 0xFF;
  EXPECT_EQ(DifferenceFromOpenCv(bytes), "");
  // Without its transparency, as OpenCV reads it too.
  bytes = sound;
  bytes[Find(bytes, "tRNS") + 8] ^= 0xFF;
  EXPECT_EQ(DifferenceFromOpenCv(bytes), "");
}

TEST(DecodePng, RefusesAPictureWhoseDataStopsBeforeItsRows) {
  for (const bool interlaced : {false, true}) {
    const Buffer low = EncodePngKind({.height = 20, .interlaced = interlaced});
    Buffer bytes = EncodePngKind({.height = 29, .interlaced = interlaced});
    // The chunks of a picture of 20 rows under a header of 29.
    bytes.resize(33);
    bytes.insert(bytes.end(), low.begin() + 33, low.end());
    EXPECT_TRUE(ReadHeader(bytes)->complete);
    EXPECT_EQ(ReasonFor(bytes), "IMAGE_CORRUPT");
  }
}

TEST(DecodePng, ReadsSidesOverLibpngsOwnLimit) {
  const auto image = DecodeImage(EncodePngKind({.width = 1'040'000, .height = 2}), {},
                                 DecodeMode::kExact, Sampling::kPdqReference);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->width, 1'040'000);
}

TEST(DecodePng, KeepsOnlyTheSampleOfALargePicture) {
  if (!testing::CanMeasurePeakMemory()) GTEST_SKIP() << "under a sanitizer";
  for (const int color_type : {2, 6}) {
    const Buffer bytes =
        EncodePngKind({.width = 4000, .height = 3000, .color_type = color_type, .bits = 16});
    const int64_t peak = testing::PeakExtraMemory([&] {
      if (!DecodeImage(bytes, {.max_image_bytes = 100 << 20}, DecodeMode::kExact,
                       Sampling::kPdqReference)
               .ok()) {
        std::abort();
      }
    });
    std::cout << "12 megapixels, colour type " << color_type << ": " << peak / 1000 << " kB\n";
    EXPECT_LT(peak, 5'000'000);
  }
}

}  // namespace
}  // namespace vigie
