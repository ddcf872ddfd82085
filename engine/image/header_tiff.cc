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
  kCompression = 259,
  kPhotometric = 262,
  kStripOffsets = 273,
  kSamplesPerPixel = 277,
  kRowsPerStrip = 278,
  kStripByteCounts = 279,
  kPlanarConfiguration = 284,
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

// What the pixels are. Tags that are not there, or not valid, count as 0.
struct Kind {
  uint32_t samples = 0;
  uint32_t bits = 0;
  uint32_t photometric = 0;
  uint32_t compression = 0;
  uint32_t planes = 0;
  uint32_t extra = 0;

  int64_t bytes_a_pixel() const { return (int64_t{samples} * bits + 7) / 8; }
};

Kind ReadKind(const ByteReader& reader, const Directory& directory) {
  const auto first = [&](Tag tag, uint32_t missing) {
    Values values;
    if (!directory.Find(tag, values)) return uint32_t{0};
    return values.type == 0 ? missing : values.count == 0 ? 0 : values.Get(reader, 0);
  };
  return {.samples = first(kSamplesPerPixel, 1),
          .bits = first(kBitsPerSample, 1),
          .photometric = first(kPhotometric, 0),
          .compression = first(kCompression, 1),
          .planes = first(kPlanarConfiguration, 1),
          .extra = first(kExtraSamples, 0)};
}

// Whether the fourth sample is alpha. libtiff gives the others times alpha, however they are
// stored.
bool HasAlpha(const Kind& kind) {
  constexpr uint32_t kRgb = 2;
  return kind.photometric == kRgb && kind.samples >= 4 && (kind.bits == 8 || kind.bits == 16) &&
         (kind.extra == 1 || kind.extra == 2);
}

// Whether strips of this kind can be read row by row: the codec keeps no whole strip, and minds no
// row's end. (PackBits' runs should end there, but do not in every file.)
bool ComesByRows(const Kind& kind) {
  constexpr uint32_t kYcbcr = 6;
  constexpr uint32_t kJpeg = 7;
  constexpr uint32_t kLastFax = 4;
  constexpr uint32_t kCodecs[] = {5, 8, 32771, 32946, 34925, 50000};
  if (kind.planes != 1 && kind.samples != 1) return false;
  if (kind.compression == kJpeg) return true;
  return kind.photometric != kYcbcr &&
         (kind.compression <= kLastFax || std::ranges::count(kCodecs, kind.compression) > 0);
}

// What the decoder needs for blocks of `block_pixels` in rows of `rows` picture rows. It reads by
// blocks when that is enough for them.
int64_t DecoderBytes(const Kind& kind, const ImageHeader& header, int64_t rows, bool tiled) {
  // Larger ones are refused for their size; nothing here overflows.
  const int64_t block = std::min(header.block_pixels, int64_t{1} << 32);
  const int64_t bytes = std::min(kind.bytes_a_pixel(), int64_t{1} << 24);
  const int64_t line = header.width * (2 * 4 + bytes);
  // Pixels as words, the block's samples, and what some codecs keep of it again.
  const int64_t words = header.width * std::min(rows, int64_t{1} << 26);
  const int64_t blocks = 4 * words + 2 * bytes * block;
  constexpr int64_t kWorthRows = int64_t{4} << 20;
  return !tiled && ComesByRows(kind) && blocks > kWorthRows ? line : line + blocks;
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
  const Kind kind = ReadKind(reader, directory);
  if (HasAlpha(kind)) header.transparency = Transparency::kPremultiplied;
  const bool tiled = tile_width > 0 && tile_height > 0;
  const uint64_t block =
      tiled ? uint64_t{tile_width} * tile_height : uint64_t{width} * std::min(rows, height);
  header.block_pixels = static_cast<int64_t>(
      std::min<uint64_t>(block, static_cast<uint64_t>(std::numeric_limits<int64_t>::max())));
  header.decoder_bytes =
      DecoderBytes(kind, header, std::min(tiled ? tile_height : rows, height), tiled);
  header.complete = HasAllBlocks(reader, directory, tiled ? kTileOffsets : kStripOffsets,
                                 tiled ? kTileByteCounts : kStripByteCounts);
  return absl::OkStatus();
}

}  // namespace vigie
