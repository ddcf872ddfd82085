// TIFF 6.0: the first image file directory, a sorted list of 12-byte entries.
#include <algorithm>
#include <limits>

#include "engine/image/byte_reader.h"
#include "engine/image/header_parsers.h"

namespace vigie {
namespace {

constexpr uint16_t kShort = 3;
constexpr uint16_t kLong = 4;
constexpr size_t kEntrySize = 12;

enum Tag : uint16_t {
  kImageWidth = 256,
  kImageLength = 257,
  kBitsPerSample = 258,
  kPhotometric = 262,
  kStripOffsets = 273,
  kSamplesPerPixel = 277,
  kRowsPerStrip = 278,
  kStripByteCounts = 279,
  kTileWidth = 322,
  kTileLength = 323,
  kTileOffsets = 324,
  kTileByteCounts = 325,
  kExtraSamples = 338,
};

// The values of one directory entry: in the entry itself, or elsewhere in the file.
struct Values {
  uint16_t type = 0;  // 0: the tag is absent
  uint32_t count = 0;
  size_t at = 0;

  size_t value_size() const { return type == kShort ? 2 : 4; }
  uint32_t Get(const ByteReader& reader, size_t i) const {
    const size_t offset = at + i * value_size();
    return type == kShort ? reader.U16(offset) : reader.U32(offset);
  }
};

class Directory {
 public:
  explicit Directory(const ByteReader& reader)
      : reader_(reader), first_(reader.U32(4)), count_(reader.U16(first_)) {}

  bool fits() const { return reader_.Has(first_, 2 + count_ * kEntrySize); }

  // Sets `out` to the values of `tag`, or leaves it empty when the tag is absent. False when the
  // tag occurs twice (libraries differ in which one counts), is no integer, or points outside.
  bool Find(Tag tag, Values& out) const {
    for (size_t i = 0; i < count_; ++i) {
      const size_t entry = first_ + 2 + i * kEntrySize;
      if (reader_.U16(entry) != tag) continue;
      if (out.type != 0) return false;
      out.type = reader_.U16(entry + 2);
      out.count = reader_.U32(entry + 4);
      if (out.type != kShort && out.type != kLong) return false;
      const size_t bytes = out.count * out.value_size();
      out.at = bytes <= 4 ? entry + 8 : reader_.U32(entry + 8);
      if (!reader_.Has(out.at, bytes)) return false;
    }
    return true;
  }

  // The single number of `tag`, or `missing` when it is absent. False as for Find().
  bool Number(Tag tag, uint32_t missing, uint32_t& out) const {
    Values values;
    if (!Find(tag, values)) return false;
    if (values.type == 0) {
      out = missing;
      return true;
    }
    out = values.Get(reader_, 0);
    return values.count == 1;
  }

 private:
  const ByteReader& reader_;
  size_t first_;
  size_t count_;
};

// Whether every strip (or tile) lies inside the file.
bool HasAllBlocks(const ByteReader& reader, const Directory& directory, Tag offsets_tag,
                  Tag counts_tag) {
  Values offsets;
  Values counts;
  if (!directory.Find(offsets_tag, offsets) || !directory.Find(counts_tag, counts)) return false;
  if (offsets.count == 0 || offsets.count != counts.count) return false;
  for (size_t i = 0; i < offsets.count; ++i) {
    if (!reader.Has(offsets.Get(reader, i), counts.Get(reader, i))) return false;
  }
  return true;
}

// Whether the fourth of four 8-bit samples is alpha. libtiff gives the others times alpha, however
// they are stored.
bool HasAlpha(const ByteReader& reader, const Directory& directory) {
  constexpr uint32_t kRgb = 2;
  uint32_t samples = 0;
  uint32_t photometric = 0;
  uint32_t extra = 0;
  Values bits;
  return directory.Number(kSamplesPerPixel, 1, samples) && samples == 4 &&
         directory.Number(kPhotometric, 0, photometric) && photometric == kRgb &&
         directory.Number(kExtraSamples, 0, extra) && (extra == 1 || extra == 2) &&
         directory.Find(kBitsPerSample, bits) && bits.count > 0 && bits.Get(reader, 0) == 8;
}

}  // namespace

absl::Status ParseTiffHeader(Bytes bytes, ImageHeader& header) {
  const ByteReader reader(bytes, bytes[0] == 'M' ? ByteOrder::kBig : ByteOrder::kLittle);
  if (reader.U16(2) != 42) return UnsupportedImage("BigTIFF is not supported");
  const Directory directory(reader);
  if (!directory.fits()) return CorruptImage("the TIFF ends inside its directory");
  constexpr uint32_t kAllRows = std::numeric_limits<uint32_t>::max();
  uint32_t width = 0;
  uint32_t height = 0;
  uint32_t rows = 0;
  uint32_t tile_width = 0;
  uint32_t tile_height = 0;
  if (!directory.Number(kImageWidth, 0, width) || !directory.Number(kImageLength, 0, height) ||
      !directory.Number(kRowsPerStrip, kAllRows, rows) ||
      !directory.Number(kTileWidth, 0, tile_width) ||
      !directory.Number(kTileLength, 0, tile_height)) {
    return CorruptImage("the TIFF's directory is not valid");
  }
  header.width = width;
  header.height = height;
  if (HasAlpha(reader, directory)) {
    header.transparency = Transparency::kPremultiplied;
    header.decoder_bytes = 4 * header.width * header.height;
  }
  const bool tiled = tile_width > 0 && tile_height > 0;
  const uint64_t block = tiled ? uint64_t{tile_width} * tile_height
                               : uint64_t{width} * (rows == kAllRows ? height : rows);
  header.block_pixels = static_cast<int64_t>(
      std::min<uint64_t>(block, static_cast<uint64_t>(std::numeric_limits<int64_t>::max())));
  header.complete = HasAllBlocks(reader, directory, tiled ? kTileOffsets : kStripOffsets,
                                 tiled ? kTileByteCounts : kStripByteCounts);
  return absl::OkStatus();
}

}  // namespace vigie
