// GIF87a and GIF89a: a screen, then blocks: extensions, images, and a trailer.
#include <algorithm>

#include "engine/image/byte_reader.h"
#include "engine/image/header_parsers.h"

namespace vigie {
namespace {

constexpr size_t kScreenSize = 13;      // signature and logical screen descriptor
constexpr size_t kDescriptorSize = 10;  // of an image
constexpr uint8_t kExtension = 0x21;
constexpr uint8_t kImage = 0x2C;
constexpr uint8_t kTrailer = 0x3B;

// Bytes of the palette that `flags` announces.
size_t PaletteSize(uint8_t flags) {
  return (flags & 0x80) == 0 ? 0 : size_t{3} << ((flags & 7) + 1);
}

// Moves over a chain of sub-blocks; false when it leaves the data.
bool SkipSubBlocks(const ByteReader& reader, size_t& at) {
  while (reader.Has(at, 1)) {
    const size_t size = reader.U8(at);
    at += 1 + size;
    if (size == 0) return true;
  }
  return false;
}

// Adds the image whose descriptor is at `at` and moves behind it; false when it leaves the data.
bool ReadImage(const ByteReader& reader, size_t& at, int images, ImageHeader& header) {
  if (!reader.Has(at, kDescriptorSize)) return false;
  const int64_t width = reader.U16(at + 5);
  const int64_t height = reader.U16(at + 7);
  if (images == 0) {
    // A screen that is too small for the first image grows to hold it, as viewers have it.
    header.width = std::max(header.width, reader.U16(at + 1) + width);
    header.height = std::max(header.height, reader.U16(at + 3) + height);
  }
  header.block_pixels = std::max(header.block_pixels, width * height);
  at += kDescriptorSize + PaletteSize(reader.U8(at + 9)) + 1;  // and the smallest code's size
  return SkipSubBlocks(reader, at);
}

}  // namespace

absl::Status ParseGifHeader(Bytes bytes, ImageHeader& header) {
  const ByteReader reader(bytes, ByteOrder::kLittle);
  if (!reader.Has(0, kScreenSize)) return CorruptImage("the GIF ends inside its header");
  header.width = reader.U16(6);
  header.height = reader.U16(8);
  header.complete = false;
  size_t at = kScreenSize + PaletteSize(reader.U8(10));
  int images = 0;
  while (reader.Has(at, 1)) {
    const uint8_t block = reader.U8(at);
    if (block == kTrailer) {
      header.complete = true;
      break;
    }
    if (block == kExtension) {
      at += 2;
      if (!SkipSubBlocks(reader, at)) break;
    } else if (block == kImage) {
      const bool whole = ReadImage(reader, at, images, header);
      ++images;
      if (!whole) break;
    } else {
      break;
    }
  }
  if (images == 0) return CorruptImage("the GIF has no image");
  header.animated = images > 1;
  // Besides the canvas, a copy of what is under a frame that goes away again.
  header.decoder_bytes = 3 * header.width * header.height;
  return absl::OkStatus();
}

}  // namespace vigie
