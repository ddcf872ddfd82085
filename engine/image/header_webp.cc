// WebP (RFC 9649): a RIFF container with a VP8 or VP8L bit stream, or VP8X with a canvas size.
#include "engine/image/byte_reader.h"
#include "engine/image/header_parsers.h"

namespace vigie {
namespace {

constexpr uint32_t kVp8 = 0x20385056;   // "VP8 " as a little-endian number
constexpr uint32_t kVp8l = 0x4C385056;  // "VP8L"
constexpr uint32_t kVp8x = 0x58385056;  // "VP8X"
constexpr size_t kRiffHeaderSize = 8;
constexpr size_t kFirstChunk = 12;
constexpr int64_t kBytesLossless = 4;  // a pixel, in the lossless decoder
constexpr size_t kData = 20;           // of the first chunk

absl::Status ParseLossy(const ByteReader& reader, ImageHeader& header) {
  if (!reader.Has(kData, 10)) return CorruptImage("the WebP ends inside its header");
  const bool key_frame = (reader.U8(kData) & 1) == 0;
  if (!key_frame || reader.U24(kData + 3) != 0x2A019D) {
    return CorruptImage("the WebP's first frame is not a picture");
  }
  header.width = reader.U16(kData + 6) & 0x3FFF;
  header.height = reader.U16(kData + 8) & 0x3FFF;
  return absl::OkStatus();
}

absl::Status ParseLossless(const ByteReader& reader, ImageHeader& header) {
  if (!reader.Has(kData, 5)) return CorruptImage("the WebP ends inside its header");
  if (reader.U8(kData) != 0x2F) return CorruptImage("the WebP's lossless signature is missing");
  const uint32_t bits = reader.U32(kData + 1);
  header.width = (bits & 0x3FFF) + 1;
  header.height = ((bits >> 14) & 0x3FFF) + 1;
  header.decoder_bytes = kBytesLossless * header.width * header.height;
  return absl::OkStatus();
}

absl::Status ParseExtended(const ByteReader& reader, ImageHeader& header) {
  if (!reader.Has(kData, 10)) return CorruptImage("the WebP ends inside its header");
  header.animated = (reader.U8(kData) & 0x02) != 0;
  header.width = int64_t{reader.U24(kData + 4)} + 1;
  header.height = int64_t{reader.U24(kData + 7)} + 1;
  // Two canvases with transparency of an animation, one of a still picture.
  const bool transparent = (reader.U8(kData) & 0x10) != 0;
  const int64_t canvases = header.animated ? 2 : transparent ? 1 : 0;
  header.decoder_bytes = (kBytesLossless + 4 * canvases) * header.width * header.height;
  return absl::OkStatus();
}

}  // namespace

absl::Status ParseWebpHeader(Bytes bytes, ImageHeader& header) {
  const ByteReader reader(bytes, ByteOrder::kLittle);
  header.complete = reader.Has(kRiffHeaderSize, reader.U32(4));
  switch (reader.U32(kFirstChunk)) {
    case kVp8:
      return ParseLossy(reader, header);
    case kVp8l:
      return ParseLossless(reader, header);
    case kVp8x:
      return ParseExtended(reader, header);
    default:
      return CorruptImage("the WebP does not start with a picture");
  }
}

}  // namespace vigie
