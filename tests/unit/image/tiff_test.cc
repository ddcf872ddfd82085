// TIFF decoding against OpenCV's, pixel by pixel, and where it differs on purpose.
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
using testing::EncodeTiffKind;
using testing::TiffKind;

TEST(DecodeTiff, GivesOpenCvsPixelsOfEveryKind) {
  for (TiffKind kind : testing::TiffKinds()) {
    for (const auto& [width, height] :
         {std::pair(37, 29), {1, 1}, {16, 16}, {600, 40}, {30, 700}}) {
      kind.width = width;
      kind.height = height;
      EXPECT_EQ(DifferenceFromOpenCv(EncodeTiffKind(kind)), "")
          << kind.name << ' ' << width << 'x' << height;
    }
  }
}

TEST(DecodeTiff, GivesOpenCvsPixelsOfLargeStripsWhichItReadsRowByRow) {
  for (TiffKind kind : testing::TiffKinds()) {
    kind.width = 860;
    kind.height = 850;
    kind.rows_per_strip = 0;
    if (kind.tile > 0 || kind.separate) continue;
    const Buffer bytes = EncodeTiffKind(kind);
    const bool by_rows = ReadHeader(bytes)->decoder_bytes < 100'000;
    const bool packbits = kind.compression == 32773;
    const bool blocks_only =
        packbits || kind.compression == 50001 || (kind.photometric == 6 && kind.compression != 7);
    EXPECT_EQ(by_rows, !blocks_only) << kind.name;
    EXPECT_EQ(DifferenceFromOpenCv(bytes), "") << kind.name;
  }
}

std::string Content(const absl::StatusOr<DecodedImage>& image) {
  if (!image.ok()) return ReasonOf(image.status());
  const PixelView& pixels = image->pixels;
  std::string content = std::to_string(pixels.width) + "x" + std::to_string(pixels.height) + ":";
  for (int y = 0; y < pixels.height; ++y) {
    content.append(reinterpret_cast<const char*>(pixels.row(y)),
                   static_cast<size_t>(3 * pixels.width));
  }
  return content;
}

std::string ContentOf(const TiffKind& kind) {
  return Content(DecodeImage(EncodeTiffKind(kind), {}, DecodeMode::kExact));
}

TEST(DecodeTiff, GivesPixelsAsTheyAreStoredWhateverTheOrientationTagSays) {
  for (const int tile : {0, 16}) {
    const std::string plain = ContentOf({.tile = tile});
    for (int orientation = 1; orientation <= 8; ++orientation) {
      EXPECT_EQ(ContentOf({.tile = tile, .orientation = orientation}), plain) << orientation;
    }
  }
}

TEST(DecodeTiff, CompositesAlphaOf16BitsAsThatOf8) {
  // Both alphas of one sample everywhere would be 8-bit pixels twice; here only the border is held
  // to: what is transparent is white, and what is opaque is as without alpha.
  const auto pixel = [](const std::string& samples, int extra) {
    Buffer bytes = testing::Unhex(
        "49492a0008000000"
        "0a00"
        "000103000100000001000000"
        "010103000100000001000000"
        "020103000400000086000000"
        "030103000100000001000000"
        "060103000100000002000000"
        "11010400010000008e000000"
        "150103000100000004000000"
        "160103000100000001000000"
        "170104000100000008000000"
        "5201030001000000" +
        std::string{'0', static_cast<char>('0' + extra)} +
        "000000"
        "00000000"
        "1000100010001000" +
        samples);
    return Content(DecodeImage(bytes, {}, DecodeMode::kExact)).substr(4);
  };
  const std::string straight = "2828505078783333";    // 40, 80, 120 and a fifth, times 257
  const std::string multiplied = "0808101018183333";  // the same, times alpha
  EXPECT_EQ(pixel(straight, 2), "\xe4\xdc\xd4");
  EXPECT_EQ(pixel(multiplied, 1), "\xe4\xdc\xd4");
  EXPECT_EQ(pixel(straight, 0), "\x78\x50\x28");
}

// One row of 4 pixels, given by the bytes of `samples`; a palette's colours have the number of the
// pixel in blue.
std::string FourPixels(int photometric, int bits, const std::string& samples) {
  const auto byte = [](int value) { return ToHex(Buffer{static_cast<uint8_t>(value)}); };
  std::string colors;
  if (photometric == 3) {
    for (int i = 0; i < 2 << bits; ++i) colors += "0000";
    for (int i = 0; i < 1 << bits; ++i) colors += "00" + byte(i);
  }
  const Buffer bytes = testing::Unhex(
      "49492a0008000000"
      "0900"
      "000103000100000004000000"
      "010103000100000001000000"
      "0201030001000000" +
      byte(bits) +
      "000000"
      "030103000100000001000000"
      "0601030001000000" +
      byte(photometric) +
      "000000"
      "11010400010000007a000000"
      "160103000100000001000000"
      "1701040001000000" +
      byte(static_cast<int>(samples.size() / 2)) +
      "000000"
      "40010300" +
      (colors.empty() ? "00000000" : byte(3 << bits) + "000000") +
      "7c000000"
      "00000000" +
      samples + std::string(4 - samples.size(), '0') + colors);
  const auto image = DecodeImage(bytes, {}, DecodeMode::kExact);
  if (!image.ok()) return image.status().ToString();
  std::string blue;
  for (int x = 0; x < 4; ++x) blue += byte(image->pixels.row(0)[3 * x]) + " ";
  return blue;
}

TEST(DecodeTiff, ReadsFewBitsThatOpenCvRefuses) {
  EXPECT_EQ(FourPixels(1, 2, "1b"), "00 55 aa ff ");
  EXPECT_EQ(FourPixels(0, 2, "1b"), "ff aa 55 00 ");
  EXPECT_EQ(FourPixels(1, 4, "07f8"), "00 77 ff 88 ");
  EXPECT_EQ(FourPixels(3, 4, "07f8"), "00 07 0f 08 ");
}

TEST(DecodeTiff, ReadsAStripThatIsSaidToBeHigherThanThePicture) {
  EXPECT_EQ(ContentOf({.rows_per_strip = 1 << 30}), ContentOf({.rows_per_strip = 0}));
  EXPECT_EQ(ContentOf({.rows_per_strip = 0}).substr(0, 6), "37x29:");
}

TEST(DecodeTiff, RefusesACodecThatIsNotKnown) {
  Buffer bytes = testing::TiffWithFourSamples(2, "28507833");
  ASSERT_EQ(bytes[46], 0x03);  // the tag of the compression
  bytes[54] = 77;
  EXPECT_EQ(Content(DecodeImage(bytes, {}, DecodeMode::kExact)), "IMAGE_CORRUPT");
}

TEST(DecodeTiff, RefusesWhatIsNotAPictureOf8BitColours) {
  for (const TiffKind& kind : {TiffKind{.bits = 32}, TiffKind{.bits = 12}, TiffKind{.samples = 2},
                               TiffKind{.photometric = 32844, .samples = 1, .bits = 16}}) {
    EXPECT_EQ(ContentOf(kind), "IMAGE_CORRUPT") << kind.bits;
  }
}

TEST(DecodeTiff, SaysThatAPictureWithDamageInsideIsNotComplete) {
  for (const int tile : {0, 16}) {
    const TiffKind kind{.height = 64, .compression = 8, .rows_per_strip = 16, .tile = tile};
    const Buffer sound = EncodeTiffKind(kind);
    Buffer bytes = sound;
    // The directory is behind the data.
    for (size_t i = 0; i < 40; ++i) bytes[bytes.size() / 2 + i] = 0xEE;
    EXPECT_TRUE(ReadHeader(bytes)->complete);
    const auto image = DecodeImage(bytes, {}, DecodeMode::kExact);
    ASSERT_TRUE(image.ok()) << image.status();
    EXPECT_FALSE(image->complete);
    // What lies before the damage is there.
    const auto whole = DecodeImage(sound, {}, DecodeMode::kExact);
    EXPECT_EQ(Content(image).substr(0, 16 * 37 * 3), Content(whole).substr(0, 16 * 37 * 3));
  }
}

TEST(DecodeTiff, GivesTheRowsBeforeTheCutOfOneThatIsCutOff) {
  // The directory first, as cameras and scanners write it: width 2, height 2, two strips of a row.
  const Buffer whole = testing::Unhex(
      "49492a0008000000"
      "0900"
      "000103000100000002000000"
      "010103000100000002000000"
      "020103000100000008000000"
      "030103000100000001000000"
      "060103000100000001000000"
      "11010400020000007a000000"
      "150103000100000001000000"
      "160103000100000001000000"
      "170104000200000082000000"
      "00000000"
      "8a0000008c000000"
      "0200000002000000"
      "01020304");
  EXPECT_EQ(Content(DecodeImage(whole, {}, DecodeMode::kExact)),
            "2x2:\x01\x01\x01\x02\x02\x02\x03\x03\x03\x04\x04\x04");
  const Buffer cut(whole.begin(), whole.end() - 2);
  const auto image = DecodeImage(cut, {}, DecodeMode::kExact);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_FALSE(image->complete);
  EXPECT_EQ(Content(image), "2x2:\x01\x01\x01\x02\x02\x02" + std::string(6, '\0'));
  // Without any row there is nothing to give.
  EXPECT_EQ(Content(DecodeImage(Bytes(whole).first(whole.size() - 4), {}, DecodeMode::kExact)),
            "IMAGE_CORRUPT");
}

TEST(DecodeTiff, KeepsOnlyTheSampleOfALargeStrip) {
  if (!testing::CanMeasurePeakMemory()) GTEST_SKIP() << "under a sanitizer";
  for (const int compression : {1, 5, 8}) {
    const Buffer bytes = EncodeTiffKind(
        {.width = 4000, .height = 3000, .compression = compression, .rows_per_strip = 3000});
    const int64_t peak = testing::PeakExtraMemory([&] {
      if (!DecodeImage(bytes, {.max_image_bytes = 100 << 20}, DecodeMode::kExact,
                       Sampling::kPdqReference)
               .ok()) {
        std::abort();
      }
    });
    std::cout << "12 megapixels, compression " << compression << ": " << peak / 1000 << " kB\n";
    EXPECT_LT(peak, 5'000'000) << compression;
  }
}

TEST(DecodeTiff, TakesNoMoreMemoryThanTheHeaderSays) {
  if (!testing::CanMeasurePeakMemory()) GTEST_SKIP() << "under a sanitizer";
  for (TiffKind kind :
       {TiffKind{.photometric = 6}, TiffKind{.bits = 16, .compression = 5, .separate = true},
        TiffKind{.compression = 5, .tile = 640}, TiffKind{.compression = 32773},
        TiffKind{.samples = 4, .tile = 1600, .extra = 2}}) {
    kind.width = 1600;
    kind.height = 1200;
    kind.rows_per_strip = 1200;
    const Buffer bytes = EncodeTiffKind(kind);
    const int64_t said = ReadHeader(bytes)->decoder_bytes;
    const int64_t peak = testing::PeakExtraMemory([&] {
      if (!DecodeImage(bytes, {}, DecodeMode::kExact, Sampling::kPdqReference).ok()) std::abort();
    });
    EXPECT_LT(peak, said + static_cast<int64_t>(bytes.size()) + 2'000'000) << kind.compression;
  }
}

}  // namespace
}  // namespace vigie
