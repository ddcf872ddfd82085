#include "engine/image/decoder.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <tuple>

#include "tests/support/animations.h"
#include "tests/support/pictures.h"
#include "tests/unit/image/samples.h"

namespace vigie {
namespace {

using testing::Buffer;
using testing::Encode;
using testing::Flat;
using testing::Pattern;

constexpr DecodeMode kBothModes[] = {DecodeMode::kExact, DecodeMode::kFast};

absl::StatusOr<DecodedImage> Decode(Bytes bytes, DecodeMode mode = DecodeMode::kExact) {
  return DecodeImage(bytes, {}, mode);
}

// Size, order and pixels as one string.
std::string Content(const DecodedImage& image) {
  std::string content = std::to_string(image.pixels.width) + "x" +
                        std::to_string(image.pixels.height) + "x" +
                        std::to_string(image.pixels.channels()) + ":";
  for (int y = 0; y < image.pixels.height; ++y) {
    content.append(reinterpret_cast<const char*>(image.pixels.row(y)),
                   static_cast<size_t>(image.pixels.width * image.pixels.channels()));
  }
  return content;
}

TEST(DecodeImage, GivesThePixelsThatLosslessFormatsHold) {
  const auto picture = Pattern(37, 29, 7);
  for (const char* extension : {".png", ".bmp", ".tiff", ".webp"}) {
    const auto bytes = Encode(picture, extension, {.quality = 101});
    for (const DecodeMode mode : kBothModes) {
      const auto image = Decode(bytes, mode);
      ASSERT_TRUE(image.ok()) << extension << image.status();
      EXPECT_TRUE(image->complete);
      ASSERT_EQ(image->pixels.order, ChannelOrder::kBgr);
      EXPECT_EQ(Content(*image), "37x29x3:" + std::string(picture.data.begin(), picture.data.end()))
          << extension;
    }
  }
}

TEST(DecodeImage, GivesTheLumaPlaneOfAJpegInFastMode) {
  const auto bytes = Encode(Pattern(64, 48, 7), ".jpg");
  const auto exact = Decode(bytes, DecodeMode::kExact);
  const auto fast = Decode(bytes, DecodeMode::kFast);
  ASSERT_TRUE(exact.ok() && fast.ok());
  EXPECT_EQ(exact->format, ImageFormat::kJpeg);
  EXPECT_EQ(exact->pixels.order, ChannelOrder::kBgr);
  EXPECT_EQ(fast->pixels.order, ChannelOrder::kGray);
  EXPECT_EQ(fast->pixels.width, 64);
  EXPECT_EQ(fast->pixels.height, 48);
}

TEST(DecodeImage, IgnoresTheOrientationTag) {
  const auto plain = Encode(Pattern(40, 24, 2), ".jpg");
  const auto tagged = testing::WithOrientationTag(plain);
  for (const DecodeMode mode : kBothModes) {
    const auto image = Decode(tagged, mode);
    ASSERT_TRUE(image.ok()) << image.status();
    EXPECT_EQ(Content(*image), Content(*Decode(plain, mode)));
  }
}

TEST(DecodeImage, ReadsCmyk) {
  for (const DecodeMode mode : kBothModes) {
    const auto image = Decode(testing::CmykJpeg(), mode);
    ASSERT_TRUE(image.ok()) << image.status();
    EXPECT_EQ(image->pixels.width, 8);
    EXPECT_EQ(image->pixels.height, 8);
    EXPECT_EQ(Content(*image), Content(*Decode(testing::CmykJpeg(), mode)));
  }
}

TEST(DecodeImage, KeepsTheHighByteOf16Bits) {
  for (const auto order : {ChannelOrder::kGray, ChannelOrder::kBgr}) {
    const auto picture = Pattern(17, 9, 4, order);
    const auto image = Decode(testing::EncodePng16(picture));
    ASSERT_TRUE(image.ok()) << image.status();
    EXPECT_EQ(Content(*image), Content(*Decode(Encode(picture, ".png"))));
  }
}

int OnWhite(int sample, int alpha) { return (sample * alpha + 255 * (255 - alpha) + 127) / 255; }

TEST(DecodeImage, CompositesTransparencyOnWhite) {
  const auto picture = Pattern(17, 9, 4);
  for (const uint8_t alpha : {uint8_t{0}, uint8_t{1}, uint8_t{128}, uint8_t{255}}) {
    std::string expected = "17x9x3:";
    for (const uint8_t sample : picture.data) {
      expected.push_back(static_cast<char>(OnWhite(sample, alpha)));
    }
    for (const Buffer& bytes : {testing::EncodePngWithAlpha(picture, alpha),
                                testing::EncodePngWithAlpha16(picture, alpha),
                                testing::EncodeWebpWithAlpha(picture, alpha)}) {
      const auto image = Decode(bytes);
      ASSERT_TRUE(image.ok()) << image.status();
      // WebP may change colours that cannot be seen.
      if (alpha == 1 && image->format == ImageFormat::kWebp) continue;
      EXPECT_EQ(Content(*image), expected) << Name(image->format) << int{alpha};
    }
  }
}

TEST(DecodeImage, ReadsAPaletteWithTransparency) {
  const auto image = Decode(testing::PalettePngWithTransparency());
  ASSERT_TRUE(image.ok()) << image.status();
  std::string row = "\xff\xff\xff";
  for (const int sample : {50, 100, 200}) row.push_back(static_cast<char>(OnWhite(sample, 128)));
  row += std::string("\x00\xff\x00\x07\x07\x07", 6);
  EXPECT_EQ(Content(*image), "4x4x3:" + row + row + row + row);
}

TEST(DecodeImage, CompositesATiffWithAlphaAndIgnoresAFourthSampleThatIsNone) {
  // Colours 40, 80, 120 with alpha 51, a fifth: straight, multiplied, and not declared to be alpha.
  const std::tuple<int, std::string, std::string> cases[] = {
      {2, "28507833", std::string("\xe4\xdc\xd4", 3)},
      {1, "08101833", std::string("\xe4\xdc\xd4", 3)},
      {0, "28507833", std::string("\x78\x50\x28", 3)}};
  for (const auto& [extra, pixel, expected] : cases) {
    const auto image = Decode(testing::TiffWithFourSamples(extra, pixel));
    ASSERT_TRUE(image.ok()) << image.status();
    EXPECT_EQ(Content(*image), "1x1x3:" + expected) << extra;
  }
}

TEST(DecodeImage, ReadsTheSmallestPictures) {
  for (const char* extension : testing::kExtensions) {
    for (const int side : {1, 4}) {
      const auto image = Decode(Encode(Flat(side, side, 90), extension));
      ASSERT_TRUE(image.ok()) << extension << image.status();
      EXPECT_EQ(image->pixels.width, side);
      EXPECT_EQ(image->pixels.height, side);
    }
  }
}

TEST(DecodeImage, RefusesByItsLimitsNamingThem) {
  const auto bytes = Encode(Pattern(40, 30, 2), ".png");
  EXPECT_TRUE(DecodeImage(bytes, {.max_pixels = 1200}, DecodeMode::kExact).ok());
  const auto pixels = DecodeImage(bytes, {.max_pixels = 1199}, DecodeMode::kExact).status();
  EXPECT_EQ(ReasonOf(pixels), "IMAGE_TOO_LARGE");
  EXPECT_NE(MessageOf(pixels).find("1200 pixels"), std::string_view::npos) << pixels;
  EXPECT_NE(MessageOf(pixels).find("1199"), std::string_view::npos) << pixels;

  EXPECT_TRUE(DecodeImage(bytes, {.max_image_bytes = bytes.size()}, DecodeMode::kExact).ok());
  const auto size =
      DecodeImage(bytes, {.max_image_bytes = bytes.size() - 1}, DecodeMode::kExact).status();
  EXPECT_EQ(ReasonOf(size), "IMAGE_TOO_LARGE");
  EXPECT_NE(MessageOf(size).find("bytes"), std::string_view::npos) << size;
}

// About 100 bytes that declare 65535x65535 pixels, 12 GiB decoded.
TEST(DecodeImage, RefusesDeclaredGigabytesAtOnce) {
  const Buffer bombs[] = {
      testing::Unhex("ffd8ffc0001108ffffffff03012200021101031101"
                     "ffda000c03010002110311003f00"
                     "0000ffd9"),
      testing::Unhex("89504e470d0a1a0a0000000d494844520000ffff0000ffff0802000000"
                     "00000000"
                     "0000000049454e44ae426082"),
      testing::Unhex("424d0000000000000000360000002800"
                     "0000ffff0000ffff00000100180000000000"
                     "00000000"
                     "00000000000000000000000000000000"),
      testing::Unhex("49492a0008000000"
                     "0200"
                     "0001040001000000ffff0000"
                     "0101040001000000ffff0000"
                     "00000000"),
  };
  const auto start = std::chrono::steady_clock::now();
  for (const Buffer& bomb : bombs) {
    ASSERT_LT(bomb.size(), 100U);
    EXPECT_EQ(ReasonOf(Decode(bomb).status()), "IMAGE_TOO_LARGE") << Decode(bomb).status();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
}

TEST(DecodeImage, RefusesATiffWithOneEnormousTile) {
  // 16x16 pixels in a tile of 65536x65536.
  const auto bytes = testing::Unhex(
      "49492a0008000000"
      "0400"
      "00010400010000001000"
      "0000"
      "01010400010000001000"
      "0000"
      "420104000100000000000100"
      "430104000100000000000100"
      "00000000");
  EXPECT_EQ(ReasonOf(Decode(bytes).status()), "IMAGE_TOO_LARGE") << Decode(bytes).status();
}

TEST(DecodeImage, RefusesAJpegOfEndlessScans) {
  Buffer bytes = Encode(Pattern(64, 64, 1), ".jpg", {.progressive = true});
  bytes.pop_back();  // the end marker
  bytes.pop_back();
  const Buffer scan = testing::Unhex(
      "ffda0008010100010100"
      "00");
  for (int i = 0; i < 20'000; ++i) bytes.insert(bytes.end(), scan.begin(), scan.end());
  bytes.push_back(0xFF);
  bytes.push_back(0xD9);
  const auto status = DecodeImage(bytes, {.max_pixels = 1'000'000}, DecodeMode::kExact).status();
  EXPECT_EQ(ReasonOf(status), "IMAGE_TOO_LARGE") << status;
}

TEST(DecodeImage, GivesTheFirstFrameOfAnAnimationAndSaysSo) {
  const auto first = Pattern(40, 30, 2);
  const auto image = Decode(testing::EncodeAnimatedWebp({first, Pattern(40, 30, 3)}));
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_TRUE(image->animated);
  EXPECT_EQ(Content(*image), "40x30x3:" + std::string(first.data.begin(), first.data.end()));
}

TEST(DecodeImage, CallsAnUnreadableBodyCorrupt) {
  Buffer png = Encode(Pattern(40, 30, 2), ".png");
  for (size_t i = 40; i < 60; ++i) png[i] = 0xEE;
  EXPECT_EQ(ReasonOf(Decode(png).status()), "IMAGE_CORRUPT");
  // A size and an end, but nothing between.
  const auto empty = testing::Unhex("ffd8ffc0000b080008000801011100ffd9");
  EXPECT_EQ(ReasonOf(Decode(empty).status()), "IMAGE_CORRUPT");
}

TEST(DecodeImage, SaysThatATruncatedJpegIsIncomplete) {
  for (const bool progressive : {false, true}) {
    const Buffer whole = Encode(Pattern(200, 160, 7), ".jpg", {.progressive = progressive});
    const Buffer half(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(whole.size() / 2));
    for (const DecodeMode mode : kBothModes) {
      const auto image = Decode(half, mode);
      ASSERT_TRUE(image.ok()) << image.status();
      EXPECT_FALSE(image->complete);
      // What came before the cut is there.
      EXPECT_EQ(image->pixels.height, 160);
      if (!progressive) {
        EXPECT_EQ(Content(*image).substr(0, 5000), Content(*Decode(whole, mode)).substr(0, 5000));
      }
    }
  }
}

TEST(DecodeImage, CallsOtherFormatsCutInTheMiddleCorrupt) {
  for (const char* extension : {".png", ".webp", ".bmp"}) {
    const Buffer whole = Encode(Pattern(200, 160, 7), extension);
    const Buffer half(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(whole.size() / 2));
    EXPECT_EQ(ReasonOf(Decode(half).status()), "IMAGE_CORRUPT") << extension;
  }
}

TEST(DecodeImage, TakesDataBehindTheEndOfAJpegForNoPartOfIt) {
  Buffer bytes = Encode(Pattern(64, 48, 7), ".jpg");
  const auto clean = Decode(bytes);
  bytes.insert(bytes.end(), 1000, 0xFF);
  const auto image = Decode(bytes);
  ASSERT_TRUE(clean.ok() && image.ok());
  EXPECT_TRUE(image->complete);
  EXPECT_EQ(Content(*image), Content(*clean));
}

// Decodes with every fresh block of memory filled with `noise` (glibc; sanitizers do their own).
std::string ContentOverNoise(Bytes bytes, DecodeMode mode, int noise) {
  mallopt(M_PERTURB, noise);
  const auto image = Decode(bytes, mode);
  mallopt(M_PERTURB, 0);
  return image.ok() ? Content(*image) : ReasonOf(image.status());
}

TEST(DecodeImage, NeverShowsWhatWasInMemoryBeforeWhereverAFileIsCut) {
  for (const char* extension : testing::kExtensions) {
    for (const bool progressive : {false, true}) {
      if (progressive && std::string(extension) != ".jpg") continue;
      const Buffer whole = Encode(Pattern(23, 33, 5), extension, {.progressive = progressive});
      int decoded = 0;
      for (size_t size = 1; size < whole.size(); ++size) {
        const Buffer cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
        for (const DecodeMode mode : kBothModes) {
          const std::string content = ContentOverNoise(cut, mode, 0x5A);
          ASSERT_EQ(content, ContentOverNoise(cut, mode, 0xC3)) << extension << " cut to " << size;
          if (content.find(':') != std::string::npos) ++decoded;
        }
      }
      EXPECT_TRUE(decoded > 100 || std::string(extension) != ".jpg") << decoded;
    }
  }
}

}  // namespace
}  // namespace vigie
