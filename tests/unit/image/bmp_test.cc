// BMP decoding against OpenCV's, pixel by pixel, and where it differs on purpose.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/image/decoder.h"
#include "tests/support/raster_encoders.h"
#include "tests/unit/image/opencv_pixels.h"
#include "tests/unit/image/samples.h"

namespace vigie {
namespace {

using testing::BmpKind;
using testing::BmpOfRuns;
using testing::Buffer;
using testing::DifferenceFromOpenCv;
using testing::EncodeBmpKind;
using testing::ReasonFor;

TEST(DecodeBmp, GivesOpenCvsPixelsOfEveryKind) {
  for (BmpKind kind : testing::BmpKinds()) {
    for (const auto& [width, height] :
         {std::pair(37, 29), {1, 1}, {3, 2}, {8, 1}, {9, 5}, {600, 40}, {30, 700}}) {
      kind.width = width;
      kind.height = height;
      const bool masked = kind.bits == 32 && kind.header_size > 40 && !kind.masks.empty();
      EXPECT_EQ(DifferenceFromOpenCv(EncodeBmpKind(kind), masked), "")
          << kind.name << ' ' << width << 'x' << height;
    }
  }
}

// The palette's number of every pixel, row by row from the top; "?" for a colour it does not have,
// and the reason of an error.
std::string Indices(const BmpKind& kind, const Buffer& runs) {
  Buffer bytes = BmpOfRuns(kind, runs);
  const size_t palette = 14 + kind.header_size;
  for (size_t i = 0; i < size_t{1} << kind.bits; ++i) {
    bytes[palette + 4 * i] = static_cast<uint8_t>(i);  // blue
  }
  const auto image = DecodeImage(bytes, {}, DecodeMode::kExact);
  if (!image.ok()) return ReasonOf(image.status());
  std::string indices;
  for (int y = 0; y < image->pixels.height; ++y) {
    if (y > 0) indices += '/';
    for (int x = 0; x < image->pixels.width; ++x) {
      const uint8_t blue = image->pixels.row(y)[3 * x];
      indices += blue < 10 ? static_cast<char>('0' + blue) : '?';
    }
  }
  return indices;
}

BmpKind Runs(int bits) {
  return {.width = 4, .height = 3, .bits = bits, .compression = bits == 4 ? 2U : 1U};
}

TEST(DecodeBmp, ReadsRunsLiteralsMovesAndEnds) {
  const BmpKind eight = Runs(8);
  EXPECT_EQ(Indices(eight, {4, 1, 0, 0, 0, 3, 2, 3, 4, 0, 1, 5, 0, 0, 4, 6, 0, 1}),
            "6666/2345/1111");
  const BmpKind four = Runs(4);
  EXPECT_EQ(Indices(four, {4, 0x12, 0, 0, 0, 3, 0x34, 0x50, 1, 0x60, 0, 0, 4, 0x77, 0, 1}),
            "7777/3456/1212");
  // What is left out has the first colour: the end of a line, of the picture, and by a move.
  EXPECT_EQ(Indices(eight, {1, 5, 0, 0, 2, 6, 0, 1}), "0000/6600/5000");
  EXPECT_EQ(Indices(eight, {1, 5, 0, 2, 1, 1, 2, 6, 0, 1}), "0000/0066/5000");
  // OpenCV forgets the lines of a move in the four-bit form, and fails at an early end.
  EXPECT_EQ(Indices(four, {1, 0x50, 0, 2, 1, 1, 2, 0x66, 0, 1}), "0000/0066/5000");
  // A full line may go without its end, and the last one without the picture's.
  EXPECT_EQ(Indices(eight, {4, 1, 4, 2, 4, 3}), "3333/2222/1111");
}

TEST(DecodeBmp, RefusesRunsThatLeaveTheirLineOrStopTooSoon) {
  const BmpKind eight = Runs(8);
  for (const Buffer& runs : {Buffer{5, 1, 0, 1}, Buffer{3, 1, 2, 1, 0, 1}, Buffer{4, 1, 0, 0},
                             Buffer{4, 1, 0, 0, 4, 2, 0, 0, 3, 3}, Buffer{0, 3, 1}, Buffer{0, 2, 1},
                             Buffer{0, 2, 5, 0, 0, 1}, Buffer{0, 2, 0, 3, 0, 1}, Buffer{}}) {
    EXPECT_EQ(Indices(eight, runs), "IMAGE_CORRUPT");
  }
}

TEST(DecodeBmp, TakesMasksFromWhereTheyAlwaysAre) {
  // Behind a header of 40 bytes, where OpenCV does not look for those of 32 bits, or in a longer
  // one, behind which it looks for those of 16 bits.
  const std::vector<uint32_t> red_first = {0xFF, 0xFF00, 0xFF0000, 0};
  const auto pixels = [](const BmpKind& kind) {
    const auto image = DecodeImage(EncodeBmpKind(kind), {}, DecodeMode::kExact);
    return image.ok() ? Buffer(image->pixels.row(28), image->pixels.row(28) + 3) : Buffer();
  };
  BmpKind kind{.bits = 32, .compression = 3, .header_size = 108, .masks = red_first};
  const Buffer expected = pixels(kind);
  EXPECT_EQ(DifferenceFromOpenCv(EncodeBmpKind(kind), /*masked=*/true), "");
  kind.header_size = 40;
  EXPECT_EQ(pixels(kind), expected);
  kind = {.bits = 16, .compression = 3, .masks = {0xF800, 0x7E0, 0x1F, 0}};
  const Buffer narrow = pixels(kind);
  EXPECT_FALSE(narrow.empty());
  kind.header_size = 124;
  EXPECT_EQ(pixels(kind), narrow);
}

TEST(DecodeBmp, SpreadsMasksOfAnyWidthOver8Bits) {
  // One pixel of 10 bits each, in the file's last four bytes; OpenCV drops the upper two.
  Buffer bytes = EncodeBmpKind({.width = 1,
                                .height = 1,
                                .bits = 32,
                                .compression = 3,
                                .header_size = 56,
                                .masks = {0x3FF00000, 0xFFC00, 0x3FF, 0}});
  const uint32_t pixel = 1023U << 20 | 512U << 10 | 5;
  for (size_t i = 0; i < 4; ++i) {
    bytes[bytes.size() - 4 + i] = static_cast<uint8_t>(pixel >> 8 * i);
  }
  const auto image = DecodeImage(bytes, {}, DecodeMode::kExact);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(Buffer(image->pixels.row(0), image->pixels.row(0) + 3), (Buffer{1, 127, 255}));
}

TEST(DecodeBmp, RefusesKindsThatItDoesNotKnow) {
  for (const BmpKind& kind :
       {BmpKind{.bits = 2}, BmpKind{.bits = 8, .compression = 2},
        BmpKind{.bits = 24, .compression = 1}, BmpKind{.bits = 24, .compression = 3},
        BmpKind{.bits = 24, .compression = 4}, BmpKind{.bits = 16, .header_size = 12},
        BmpKind{.bits = 8, .colors = 257},
        BmpKind{.bits = 16, .compression = 3, .masks = {0xF00, 0xF0, 0xF}}}) {
    EXPECT_EQ(ReasonFor(EncodeBmpKind(kind)), "IMAGE_CORRUPT") << kind.bits << kind.compression;
  }
}

}  // namespace
}  // namespace vigie
