// BMP: a 14-byte file header, then a "core" (12 bytes) or "info" (40 bytes and more) header.
#include <cstdlib>

#include "engine/image/byte_reader.h"
#include "engine/image/header_parsers.h"

namespace vigie {
namespace {

constexpr size_t kInfo = 14;
constexpr uint32_t kCoreSize = 12;
constexpr uint32_t kInfoSize = 40;
constexpr uint32_t kUncompressed = 0;
constexpr uint32_t kBitFields = 3;

// Whether all rows of an uncompressed bitmap are there. Run-length coded ones end by a code that
// the decoder insists on.
bool HasAllRows(const ByteReader& reader, const ImageHeader& header, uint32_t bits_per_pixel) {
  const uint64_t row_bytes = (static_cast<uint64_t>(header.width) * bits_per_pixel + 31) / 32 * 4;
  const uint64_t pixels = reader.U32(10);
  if (pixels > reader.size() || row_bytes == 0) return false;
  return static_cast<uint64_t>(header.height) <= (reader.size() - pixels) / row_bytes;
}

}  // namespace

absl::Status ParseBmpHeader(Bytes bytes, ImageHeader& header) {
  const ByteReader reader(bytes, ByteOrder::kLittle);
  const uint32_t size = reader.U32(kInfo);
  if (!reader.Has(kInfo, 4)) return CorruptImage("the BMP ends inside its header");
  if (size != kCoreSize && size < kInfoSize) return CorruptImage("the BMP's header is not valid");
  if (!reader.Has(kInfo, size == kCoreSize ? kCoreSize : kInfoSize)) {
    return CorruptImage("the BMP ends inside its header");
  }
  if (size == kCoreSize) {
    header.width = reader.U16(kInfo + 4);
    header.height = reader.U16(kInfo + 6);
    header.complete = HasAllRows(reader, header, reader.U16(kInfo + 10));
    return absl::OkStatus();
  }
  header.width = static_cast<int32_t>(reader.U32(kInfo + 4));
  // A negative height says that the rows are stored from the top.
  header.height = std::abs(int64_t{static_cast<int32_t>(reader.U32(kInfo + 8))});
  if (header.width < 0) return CorruptImage("the BMP's width is negative");
  const uint32_t compression = reader.U32(kInfo + 16);
  if (compression == kUncompressed || compression == kBitFields) {
    header.complete = HasAllRows(reader, header, reader.U16(kInfo + 14));
  }
  return absl::OkStatus();
}

}  // namespace vigie
