// Small encoded pictures for the tests of engine/image.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/digest.h"
#include "engine/base/status.h"
#include "engine/image/decoder.h"
#include "tests/support/pictures.h"

namespace vigie::testing {

using Buffer = std::vector<uint8_t>;

inline Buffer Unhex(std::string_view hex) {
  const std::string bytes = FromHex(hex).value();
  return {bytes.begin(), bytes.end()};
}

// The formats that OpenCV writes, as file name extensions.
inline constexpr std::initializer_list<const char*> kExtensions = {".jpg", ".png", ".webp", ".bmp",
                                                                   ".tiff"};

// 8x8 pixels of one colour in CMYK, as print shops and Adobe's programs store it (inverted).
inline Buffer CmykJpeg() {
  return Unhex(
      "ffd8ffee000e41646f626500640000000000ffdb004300100b0c0e0c0a100e0d0e1211101318281a181616183123"
      "251d283a333d3c3933383740485c4e404457453738506d51575f626768673e4d71797064785c656763ffc0001408"
      "00080008044311004d11005911004b1100ffc400160001010100000000000000000000000000070006ffc4001410"
      "0100000000000000000000000000000000ffda000e0443004d0059004b00003f00404cf901ffd9");
}

// 4x4 pixels, 2 bits each; every row has the palette's colours 0 to 3, of which the first three
// are transparent, half transparent and opaque. Colours: (10,20,30) (200,100,50) (0,255,0) (7,7,7).
inline Buffer PalettePngWithTransparency() {
  return Unhex(
      "89504e470d0a1a0a0000000d4948445200000004000000040203000000d49f76ed0000000c504c54450a141ec864"
      "3200ff000707078edab0e20000000374524e530080ffecf7b3180000000c4944415478da63906600430001b8006d"
      "aaf558a10000000049454e44ae426082");
}

// One pixel of four 8-bit samples; `extra` is the fourth one's meaning (2 alpha, 1 alpha that the
// others are multiplied with, 0 not said).
inline Buffer TiffWithFourSamples(int extra, std::string_view pixel) {
  const std::string extra_hex = {'0', static_cast<char>('0' + extra)};
  return Unhex(
      "49492a0008000000"
      "0a00"
      "000103000100000001000000"  // width
      "010103000100000001000000"  // length
      "020103000400000086000000"  // bits: 8, 8, 8, 8 at 134
      "030103000100000001000000"  // not compressed
      "060103000100000002000000"  // RGB
      "11010400010000008e000000"  // pixels at 142
      "150103000100000004000000"  // samples
      "160103000100000001000000"  // rows
      "170104000100000004000000"  // bytes
      "5201030001000000" +
      extra_hex + "000000" + "00000000" + "0800080008000800" + std::string(pixel));
}

// A JPEG that says it is to be shown turned by 90 degrees (Exif orientation 6).
inline Buffer WithOrientationTag(const Buffer& jpeg) {
  const Buffer exif = Unhex(
      "ffe100224578696600004949"
      "2a0008000000"
      "0100"
      "1201030001000000"
      "06000000"
      "00000000");
  Buffer tagged(jpeg.begin(), jpeg.begin() + 2);
  tagged.insert(tagged.end(), exif.begin(), exif.end());
  tagged.insert(tagged.end(), jpeg.begin() + 2, jpeg.end());
  return tagged;
}

// Why `bytes` cannot be decoded; empty when they can.
inline std::string ReasonFor(const Buffer& bytes) {
  return ReasonOf(DecodeImage(bytes, {}, DecodeMode::kExact).status());
}

}  // namespace vigie::testing
