// PNG (ISO 15948): an 8-byte signature, then chunks of length, type, data, checksum.
#include <algorithm>
#include <limits>

#include "engine/image/byte_reader.h"
#include "engine/image/header_parsers.h"

namespace vigie {
namespace {

constexpr size_t kSignatureSize = 8;
constexpr size_t kChunkOverhead = 12;  // length, type, checksum
constexpr uint32_t kIhdr = 0x49484452;
constexpr uint32_t kIdat = 0x49444154;
constexpr uint32_t kTrns = 0x74524E53;
constexpr uint32_t kIend = 0x49454E44;
constexpr uint32_t kMaxSide = 0x7FFFFFFF;  // ISO 15948, 7.1

constexpr uint8_t kHasColor = 2;  // bits of the colour type
constexpr uint8_t kHasAlpha = 4;

// Looks at the chunks: whether the last one is there, and whether one gives the colours (of a
// palette, or one colour of all) transparency. That of one grey value is not read.
void ReadChunks(const ByteReader& reader, bool colored, ImageHeader& header) {
  header.complete = false;
  size_t at = kSignatureSize;
  bool pixels_began = false;
  while (reader.Has(at, kChunkOverhead)) {
    const uint32_t type = reader.U32(at + 4);
    if (type == kIend) {
      header.complete = true;
      return;
    }
    pixels_began = pixels_began || type == kIdat;
    if (type == kTrns && colored && !pixels_began) header.transparency = Transparency::kStraight;
    const size_t size = kChunkOverhead + reader.U32(at);
    if (!reader.Has(at, size)) return;
    at += size;
  }
}

}  // namespace

absl::Status ParsePngHeader(Bytes bytes, ImageHeader& header) {
  const ByteReader reader(bytes, ByteOrder::kBig);
  if (!reader.Has(kSignatureSize, kChunkOverhead + 13)) {
    return CorruptImage("the PNG ends inside its header");
  }
  if (reader.U32(kSignatureSize) != 13 || reader.U32(kSignatureSize + 4) != kIhdr) {
    return CorruptImage("the PNG does not start with its header chunk");
  }
  const uint32_t width = reader.U32(kSignatureSize + 8);
  const uint32_t height = reader.U32(kSignatureSize + 12);
  if (width > kMaxSide || height > kMaxSide) return CorruptImage("the PNG's size is not valid");
  header.width = width;
  header.height = height;
  const uint8_t color_type = reader.U8(kSignatureSize + 17);
  if ((color_type & kHasAlpha) != 0) header.transparency = Transparency::kStraight;
  ReadChunks(reader, (color_type & kHasColor) != 0, header);
  header.interlaced = reader.U8(kSignatureSize + 20) != 0;
  // Pixels of four samples, and libpng's own two rows of up to 8 bytes a pixel.
  const int64_t pixels = header.width * (header.interlaced ? header.height : 1);
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max() / 8;  // more than any limit
  header.decoder_bytes = 4 * std::min(pixels, kMost) + 2 * 8 * header.width;
  return absl::OkStatus();
}

}  // namespace vigie
