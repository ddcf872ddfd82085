// PNG (ISO 15948): an 8-byte signature, then chunks of length, type, data, checksum.
#include "engine/image/byte_reader.h"
#include "engine/image/header_parsers.h"

namespace vigie {
namespace {

constexpr size_t kSignatureSize = 8;
constexpr size_t kChunkOverhead = 12;  // length, type, checksum
constexpr uint32_t kIhdr = 0x49484452;
constexpr uint32_t kIend = 0x49454E44;
constexpr uint32_t kMaxSide = 0x7FFFFFFF;  // ISO 15948, 7.1

bool HasIend(const ByteReader& reader) {
  size_t at = kSignatureSize;
  while (reader.Has(at, kChunkOverhead)) {
    if (reader.U32(at + 4) == kIend) return true;
    const size_t size = kChunkOverhead + reader.U32(at);
    if (!reader.Has(at, size)) return false;
    at += size;
  }
  return false;
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
  header.complete = HasIend(reader);
  return absl::OkStatus();
}

}  // namespace vigie
