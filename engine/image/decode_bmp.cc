// BMP by our own code: rows lie where the header says, or run-length coded one after the other.
#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "engine/image/byte_reader.h"
#include "engine/image/codecs.h"
#include "engine/image/header_parsers.h"
#include "engine/image/kept_rows.h"

namespace vigie {
namespace {

constexpr size_t kInfo = 14;   // where the second header begins
constexpr size_t kMasks = 54;  // of 16 and 32 bits: in the header, or right behind a short one
constexpr uint32_t kCoreSize = 12;
constexpr size_t kColors = 256;

enum Compression : uint32_t { kNone = 0, kRle8 = 1, kRle4 = 2, kBitFields = 3 };

// The bits of a 32-bit pixel that are one colour.
struct Mask {
  uint32_t bits = 0;
  int shift = 0;

  static Mask Of(uint32_t bits) {
    Mask mask{.bits = bits};
    while (bits != 0 && (bits >> mask.shift & 1) == 0) ++mask.shift;
    return mask;
  }
  uint8_t Get(uint32_t pixel) const {
    return static_cast<uint8_t>(uint64_t{(pixel & bits) >> shift} * 255 / (bits >> shift));
  }
};

class BmpDecoder {
 public:
  BmpDecoder(Bytes bytes, const ImageHeader& header, KeptRows& rows)
      : reader_(bytes, ByteOrder::kLittle),
        bytes_(bytes),
        width_(static_cast<int>(header.width)),
        height_(static_cast<int>(header.height)),
        rows_(rows) {}

  // False: a kind that is not known, or damaged.
  bool Decode() {
    if (!ReadKind() || (bits_ <= 8 && !ReadPalette()) || !ReadMasks()) return false;
    line_.resize(3 * static_cast<size_t>(width_));
    return compression_ == kRle4 || compression_ == kRle8 ? DecodeRuns() : DecodeRows();
  }

 private:
  using Color = std::array<uint8_t, 3>;  // blue, green, red

  bool core() const { return header_size_ == kCoreSize; }

  bool ReadKind() {
    header_size_ = reader_.U32(kInfo);
    bits_ = reader_.U16(kInfo + (core() ? 10 : 14));
    compression_ = core() ? kNone : reader_.U32(kInfo + 16);
    from_top_ = !core() && static_cast<int32_t>(reader_.U32(kInfo + 8)) < 0;
    pixels_ = reader_.U32(10);
    switch (compression_) {
      case kNone:
        return bits_ == 1 || bits_ == 4 || bits_ == 8 || bits_ == 24 || bits_ == 32 ||
               (bits_ == 16 && !core());
      case kRle8:
        return bits_ == 8;
      case kRle4:
        return bits_ == 4;
      case kBitFields:
        return bits_ == 16 || bits_ == 32;
      default:
        return false;
    }
  }

  // Colours that the palette does not have are black.
  bool ReadPalette() {
    const size_t entry = core() ? 3 : 4;
    const uint32_t said = core() ? 0 : reader_.U32(kInfo + 32);
    const size_t count = said == 0 ? size_t{1} << bits_ : said;
    const size_t at = kInfo + header_size_;
    if (count > kColors || !reader_.Has(at, count * entry)) return false;
    for (size_t i = 0; i < count; ++i) {
      std::memcpy(palette_[i].data(), bytes_.data() + at + i * entry, 3);
    }
    return true;
  }

  // Of 16 bits the two usual divisions are read. A 32-bit pixel without masks is blue, green, red.
  bool ReadMasks() {
    if (bits_ == 16) six_green_bits_ = compression_ == kBitFields;
    if (compression_ != kBitFields) return true;
    if (!reader_.Has(kMasks, 12)) return false;
    const uint32_t red = reader_.U32(kMasks);
    const uint32_t green = reader_.U32(kMasks + 4);
    const uint32_t blue = reader_.U32(kMasks + 8);
    if (bits_ == 16) {
      six_green_bits_ = red == 0xF800 && green == 0x7E0;
      return blue == 0x1F && (six_green_bits_ || (red == 0x7C00 && green == 0x3E0));
    }
    masked_ = red != 0 && green != 0 && blue != 0;
    masks_ = {Mask::Of(blue), Mask::Of(green), Mask::Of(red)};
    return true;
  }

  int RowOf(int line) const { return from_top_ ? line : height_ - 1 - line; }

  bool DecodeRows() {
    const size_t stride = (static_cast<size_t>(width_) * bits_ + 31) / 32 * 4;
    for (int line = 0; line < height_; ++line) {
      const size_t at = pixels_ + static_cast<size_t>(line) * stride;
      if (!reader_.Has(at, stride)) return false;
      if (rows_.Wants(RowOf(line))) PutRow(RowOf(line), bytes_.data() + at);
    }
    return true;
  }

  void PutRow(int y, const uint8_t* in) {
    if (bits_ == 24) return rows_.Put(y, in, RowPixels::kBgr);
    if (bits_ == 32 && !masked_) return rows_.Put(y, in, RowPixels::kBgrUnused);
    uint8_t* out = line_.data();
    for (int x = 0; x < width_; ++x, out += 3) {
      const Color color = bits_ == 32   ? Masked(in + 4 * static_cast<size_t>(x))
                          : bits_ == 16 ? Of16Bits(in + 2 * static_cast<size_t>(x))
                                        : palette_[Index(in, static_cast<size_t>(x))];
      std::memcpy(out, color.data(), 3);
    }
    rows_.Put(y, line_.data(), RowPixels::kBgr);
  }

  size_t Index(const uint8_t* in, size_t x) const {
    const size_t bit = x * bits_;
    return static_cast<size_t>(in[bit / 8]) >> (8 - bits_ - bit % 8) & ((size_t{1} << bits_) - 1);
  }

  Color Masked(const uint8_t* in) const {
    const uint32_t pixel = in[0] | static_cast<uint32_t>(in[1]) << 8 |
                           static_cast<uint32_t>(in[2]) << 16 | static_cast<uint32_t>(in[3]) << 24;
    return {masks_[0].Get(pixel), masks_[1].Get(pixel), masks_[2].Get(pixel)};
  }

  // The missing low bits are zeros, as OpenCV has them.
  Color Of16Bits(const uint8_t* in) const {
    const unsigned pixel = in[0] | static_cast<unsigned>(in[1]) << 8;
    const auto byte = [](unsigned value) { return static_cast<uint8_t>(value); };
    if (six_green_bits_) {
      return {byte(pixel << 3 & 0xF8), byte(pixel >> 3 & 0xFC), byte(pixel >> 8 & 0xF8)};
    }
    return {byte(pixel << 3 & 0xF8), byte(pixel >> 2 & 0xF8), byte(pixel >> 7 & 0xF8)};
  }

  // Pairs of bytes: a count and what is repeated, or 0 and an order. What is left out has the
  // palette's first colour.
  bool DecodeRuns() {
    constexpr uint8_t kEndOfLine = 0;
    constexpr uint8_t kEndOfPicture = 1;
    constexpr uint8_t kMove = 2;
    size_t at = pixels_;
    while (reader_.Has(at, 2)) {
      const uint8_t count = bytes_[at];
      const uint8_t order = bytes_[at + 1];
      at += 2;
      if (count > 0) {
        if (!PutRun(count, [order](int) { return order; })) return false;
      } else if (order == kEndOfLine) {
        EndLine();
      } else if (order == kEndOfPicture) {
        while (y_ < height_) EndLine();
      } else if (order == kMove) {
        if (!reader_.Has(at, 2) || !Move(bytes_[at], bytes_[at + 1])) return false;
        at += 2;
      } else {
        const size_t size = (size_t{order} * bits_ + 15) / 16 * 2;
        if (!reader_.Has(at, size)) return false;
        const uint8_t* const from = bytes_.data() + at;
        const bool nibbles = bits_ == 4;
        if (!PutRun(order, [=](int i) { return from[nibbles ? i / 2 : i]; })) return false;
        at += size;
      }
      if (y_ == height_ || (y_ == height_ - 1 && x_ == width_)) {
        while (y_ < height_) EndLine();
        return true;
      }
    }
    return false;
  }

  // `count` pixels; `byte_of` gives the byte in which the i-th is. A full line may go without its
  // end.
  template <typename ByteOf>
  bool PutRun(int count, ByteOf byte_of) {
    if (x_ == width_) EndLine();
    if (y_ >= height_ || count > width_ - x_) return false;
    for (int i = 0; i < count; ++i) {
      const uint8_t byte = byte_of(i);
      const size_t index = bits_ == 8 ? byte : i % 2 == 0 ? byte >> 4 : byte & 15;
      SetPixel(palette_[index]);
    }
    return true;
  }

  bool Move(int right, int down) {
    if (right > width_ - x_ || down >= height_ - y_) return false;
    const int x = x_ + right;
    for (int i = 0; i < down; ++i) EndLine();
    while (x_ < x) SetPixel(palette_[0]);
    return true;
  }

  void SetPixel(const Color& color) {
    std::memcpy(&line_[3 * static_cast<size_t>(x_)], color.data(), 3);
    ++x_;
  }

  void EndLine() {
    while (x_ < width_) SetPixel(palette_[0]);
    rows_.Put(RowOf(y_), line_.data(), RowPixels::kBgr);
    ++y_;
    x_ = 0;
  }

  ByteReader reader_;
  Bytes bytes_;
  int width_;
  int height_;
  KeptRows& rows_;
  uint32_t header_size_ = 0;
  uint32_t compression_ = kNone;
  size_t bits_ = 0;  // a pixel
  size_t pixels_ = 0;
  bool from_top_ = false;
  bool six_green_bits_ = false;
  bool masked_ = false;
  std::array<Color, kColors> palette_{};
  std::array<Mask, 3> masks_{};
  std::vector<uint8_t> line_;
  int x_ = 0;  // of the next run
  int y_ = 0;  // counted as the lines are stored
};

}  // namespace

absl::StatusOr<PixelBuffer> DecodeBmp(Bytes bytes, const ImageHeader& header,
                                      const Sample& sample) {
  KeptRows rows(sample);
  if (!BmpDecoder(bytes, header, rows).Decode()) {
    return CorruptImage("the picture's data cannot be decoded");
  }
  return rows.pixels();
}

}  // namespace vigie
