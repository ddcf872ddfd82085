#include "engine/image/format.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "engine/image/decoder.h"
#include "tests/support/pictures.h"
#include "tests/unit/image/samples.h"

namespace vigie {
namespace {

using testing::Buffer;
using testing::Encode;
using testing::Pattern;
using testing::Unhex;

std::string Reason(Bytes bytes) { return ReasonOf(ReadHeader(bytes).status()); }

struct Expectation {
  const char* extension;
  ImageFormat format;
};

TEST(ReadHeader, GivesFormatAndSizeOfWhatEncodersWrite) {
  const Expectation expectations[] = {{".jpg", ImageFormat::kJpeg},
                                      {".png", ImageFormat::kPng},
                                      {".webp", ImageFormat::kWebp},
                                      {".bmp", ImageFormat::kBmp},
                                      {".tiff", ImageFormat::kTiff}};
  for (const auto& [extension, format] : expectations) {
    for (const auto order : {ChannelOrder::kGray, ChannelOrder::kBgr}) {
      const auto header = ReadHeader(Encode(Pattern(61, 47, 3, order), extension));
      ASSERT_TRUE(header.ok()) << extension << header.status();
      EXPECT_EQ(header->format, format);
      EXPECT_EQ(header->width, 61) << extension;
      EXPECT_EQ(header->height, 47) << extension;
      EXPECT_TRUE(header->complete) << extension;
      EXPECT_FALSE(header->animated) << extension;
      EXPECT_EQ(header->scans, 1) << extension;
    }
  }
}

TEST(ReadHeader, CountsTheScansOfAProgressiveJpeg) {
  const auto header = ReadHeader(Encode(Pattern(61, 47, 3), ".jpg", {.progressive = true}));
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(header->width, 61);
  EXPECT_GT(header->scans, 5);
  EXPECT_TRUE(header->complete);
}

TEST(ReadHeader, WalksOverRestartMarkers) {
  const auto header = ReadHeader(Encode(Pattern(61, 47, 3), ".jpg", {.restart_interval = 1}));
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(header->scans, 1);
  EXPECT_TRUE(header->complete);
}

TEST(ReadHeader, ReadsLosslessAndExtendedWebp) {
  const auto lossless = ReadHeader(Encode(Pattern(61, 47, 3), ".webp", {.quality = 101}));
  ASSERT_TRUE(lossless.ok());
  EXPECT_EQ(lossless->width, 61);
  EXPECT_EQ(lossless->height, 47);
  // RIFF, 22 bytes, WEBP, VP8X, flags, canvas 0x012345 x 0x000100 less one.
  const auto extended =
      ReadHeader(Unhex("524946461600000057454250565038580a00000010000000442301ff0000"));
  ASSERT_TRUE(extended.ok()) << extended.status();
  EXPECT_EQ(extended->width, 0x012345);
  EXPECT_EQ(extended->height, 0x100);
  EXPECT_FALSE(extended->animated);
  const auto animated =
      ReadHeader(Unhex("524946461600000057454250565038580a00000002000000442301ff0000"));
  ASSERT_TRUE(animated.ok());
  EXPECT_TRUE(animated->animated);
}

// Header of 14 bytes (pixels from offset 26 or 54), then the size and the sides.
TEST(ReadHeader, ReadsBothKindsOfBmp) {
  const auto core =
      ReadHeader(Unhex("424d0000000000000000"
                       "1a000000"
                       "0c000000"
                       "0300"
                       "0200"
                       "0100"
                       "1800"
                       "000000000000000000000000"
                       "000000000000000000000000"));
  ASSERT_TRUE(core.ok()) << core.status();
  EXPECT_EQ(core->width, 3);
  EXPECT_EQ(core->height, 2);
  EXPECT_TRUE(core->complete);
  const auto top_down =
      ReadHeader(Unhex("424d0000000000000000"
                       "36000000"
                       "28000000"
                       "03000000"
                       "feffffff"
                       "0100"
                       "1800"
                       "00000000"
                       "0000000000000000000000000000000000000000"));
  ASSERT_TRUE(top_down.ok()) << top_down.status();
  EXPECT_EQ(top_down->height, 2);
  EXPECT_FALSE(top_down->complete);  // no pixels follow
}

TEST(ReadHeader, ReadsTiffInBothByteOrders) {
  // Directory at 8 with two entries: width 300 (SHORT), length 200 (LONG).
  const auto little =
      ReadHeader(Unhex("49492a0008000000"
                       "0200"
                       "00010300010000002c010000"
                       "0101040001000000c8000000"
                       "00000000"));
  ASSERT_TRUE(little.ok()) << little.status();
  EXPECT_EQ(little->width, 300);
  EXPECT_EQ(little->height, 200);
  EXPECT_FALSE(little->complete);  // no strips
  const auto big =
      ReadHeader(Unhex("4d4d002a00000008"
                       "0002"
                       "0100000300000001012c0000"
                       "0101000400000001000000c8"
                       "00000000"));
  ASSERT_TRUE(big.ok()) << big.status();
  EXPECT_EQ(big->width, 300);
  EXPECT_EQ(big->height, 200);
}

TEST(ReadHeader, RefusesATiffThatSaysItsWidthTwice) {
  EXPECT_EQ(Reason(Unhex("49492a0008000000"
                         "0300"
                         "00010300010000002c010000"
                         "0001030001000000ffff0000"
                         "0101040001000000c8000000"
                         "00000000")),
            "IMAGE_CORRUPT");
}

TEST(ReadHeader, RefusesByNameWhatItRecognisesOnly) {
  const std::pair<const char*, const char*> cases[] = {
      {"49492b00080000001000000000000000", "BigTIFF"},
      {"4d4d002b000800000000000000000010", "BigTIFF"},
  };
  for (const auto& [hex, name] : cases) {
    const auto header = ReadHeader(Unhex(hex));
    EXPECT_EQ(ReasonOf(header.status()), "UNSUPPORTED_FORMAT") << name;
    EXPECT_NE(MessageOf(header.status()).find(name), std::string_view::npos) << header.status();
  }
}

TEST(ReadHeader, TellsAvifFromHeifByTheirBrands) {
  EXPECT_EQ(DetectFormat(Unhex("000000206674797061766966000000006d696631")), ImageFormat::kAvif);
  EXPECT_EQ(DetectFormat(Unhex("00000018667479706d69663100000000617669660000")),
            ImageFormat::kAvif);
  EXPECT_EQ(DetectFormat(Unhex("00000018667479706865696300000000"
                               "6d69663168656963")),
            ImageFormat::kHeif);
  EXPECT_EQ(DetectFormat(Unhex("00000018667479706d70343200000000"
                               "6d70343269736f6d")),
            ImageFormat::kUnknown);
}

TEST(ReadHeader, TellsOtherContentFromABrokenPicture) {
  EXPECT_EQ(Reason({}), "IMAGE_CORRUPT");
  EXPECT_EQ(Reason(AsBytes("%PDF-1.7 not a picture")), "UNSUPPORTED_FORMAT");
  EXPECT_EQ(Reason(AsBytes("x")), "UNSUPPORTED_FORMAT");
  EXPECT_EQ(Reason(Unhex("ffd8ffe0")), "IMAGE_CORRUPT");
  EXPECT_EQ(Reason(Unhex("89504e470d0a1a0a")), "IMAGE_CORRUPT");
}

TEST(ReadHeader, RefusesPicturesWithoutPixels) {
  Buffer png = Encode(Pattern(5, 5, 1), ".png");
  png[19] = 0;  // the last byte of the width
  EXPECT_EQ(Reason(png), "IMAGE_CORRUPT");
  EXPECT_EQ(Reason(Unhex("ffd8ffc0000b080000000801011100ffd9")), "IMAGE_CORRUPT");
}

TEST(ReadHeader, TheLargestNumbersOfAHeaderAreTooLargeAndOverflowNothing) {
  Buffer png = Encode(Pattern(5, 5, 1), ".png");
  for (const size_t at : {size_t{16}, size_t{20}}) {
    png[at] = 0x7F;
    std::fill_n(png.begin() + static_cast<std::ptrdiff_t>(at) + 1, 3, uint8_t{0xFF});
  }
  png[28] = 1;  // interlaced
  const Buffer tiff = Unhex(
      "49492a0008000000"
      "0200"
      "0001040001000000ffffffff"
      "0101040001000000ffffffff"
      "00000000");
  for (const Buffer& bytes : {png, tiff}) {
    const auto header = ReadHeader(bytes);
    ASSERT_TRUE(header.ok()) << header.status();
    EXPECT_GT(header->decoder_bytes, int64_t{1} << 32);
    EXPECT_EQ(ReasonOf(DecodeImage(bytes, {}, DecodeMode::kExact).status()), "IMAGE_TOO_LARGE");
  }
}

TEST(ReadHeader, EveryCutOfEveryFormatIsCorruptOrIncomplete) {
  for (const char* extension : testing::kExtensions) {
    const Buffer whole = Encode(Pattern(19, 23, 5), extension);
    for (size_t size = 0; size < whole.size(); ++size) {
      // A copy of its own, so that a sanitizer sees the first byte read behind the end.
      const Buffer cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
      const auto header = ReadHeader(cut);
      if (header.ok()) {
        EXPECT_EQ(header->width, 19) << extension << size;
        // The bytes of a TIFF after its directory, or of a PNG in its last checksum, are no pixels.
        const bool tail = size + 4 >= whole.size() || std::string(extension) == ".tiff";
        EXPECT_TRUE(!header->complete || tail) << extension << " cut to " << size;
      }
    }
  }
}

}  // namespace
}  // namespace vigie
