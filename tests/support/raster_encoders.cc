#include "tests/support/raster_encoders.h"

#include <png.h>
#include <tiffio.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <stdexcept>

namespace vigie::testing {
namespace {

using Buffer = std::vector<uint8_t>;

// Slow waves with noise, so that codecs have something to do and no two rows are the same.
class Samples {
 public:
  uint8_t Next() {
    state_ = state_ * 1664525 + 1013904223;
    const uint32_t wave = count_ / 3 % 512;
    ++count_;
    return static_cast<uint8_t>((wave < 256 ? wave : 511 - wave) + (state_ >> 29));
  }
  void Fill(Buffer& bytes) {
    for (uint8_t& byte : bytes) byte = Next();
  }

 private:
  uint32_t state_ = 20261122;
  uint32_t count_ = 0;
};

[[noreturn]] void FailPng(png_structp, png_const_charp message) {
  throw std::runtime_error(std::string("cannot write a PNG: ") + message);
}
void IgnorePng(png_structp, png_const_charp) {}

void AppendPng(png_structp png, png_bytep from, size_t count) {
  Buffer& out = *static_cast<Buffer*>(png_get_io_ptr(png));
  out.insert(out.end(), from, from + count);
}

void Annotate(png_structp png, png_infop info) {
  png_set_gAMA(png, info, 0.3);
  png_set_cHRM(png, info, 0.31, 0.33, 0.6, 0.3, 0.2, 0.7, 0.15, 0.1);
  png_set_pHYs(png, info, 3000, 2000, PNG_RESOLUTION_METER);
  png_color_16 background{.index = 1, .red = 1, .green = 1, .blue = 1, .gray = 1};
  png_set_bKGD(png, info, &background);
  char key[] = "Comment";
  std::string value(2000, 'x');
  png_text text{};
  text.compression = PNG_TEXT_COMPRESSION_zTXt;
  text.key = key;
  text.text = value.data();
  text.text_length = value.size();
  png_set_text(png, info, &text, 1);
}

void SetColors(png_structp png, png_infop info, const PngKind& kind, Samples& samples) {
  const int colors = 1 << std::min(kind.bits, 8);
  if (kind.color_type == PNG_COLOR_TYPE_PALETTE) {
    std::vector<png_color> palette(static_cast<size_t>(colors));
    for (png_color& color : palette) color = {samples.Next(), samples.Next(), samples.Next()};
    png_set_PLTE(png, info, palette.data(), colors);
  }
  if (!kind.transparent) return;
  Buffer alphas(static_cast<size_t>(std::max(1, colors / 2)));
  samples.Fill(alphas);
  // The first pixel of the picture: waves begin with small samples.
  png_color_16 color{.index = 0, .red = 0, .green = 0, .blue = 0, .gray = 0};
  png_set_tRNS(png, info, alphas.data(), static_cast<int>(alphas.size()), &color);
}

}  // namespace

std::vector<uint8_t> EncodePngKind(const PngKind& kind) {
  Buffer out;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, FailPng, IgnorePng);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(png, &out, AppendPng, nullptr);
  png_set_compression_level(png, 1);
  png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_set_IHDR(png, info, static_cast<png_uint_32>(kind.width),
               static_cast<png_uint_32>(kind.height), kind.bits, kind.color_type,
               kind.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  Samples samples;
  SetColors(png, info, kind, samples);
  if (kind.annotated) Annotate(png, info);
  png_write_info(png, info);
  std::vector<Buffer> rows(static_cast<size_t>(kind.height));
  std::vector<png_bytep> pointers;
  for (Buffer& row : rows) {
    row.resize(png_get_rowbytes(png, info));
    samples.Fill(row);
    // Some pixels of the colour that is transparent.
    std::fill(row.begin(), row.begin() + static_cast<ptrdiff_t>(row.size() / 4), uint8_t{0});
    pointers.push_back(row.data());
  }
  png_write_image(png, pointers.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return out;
}

std::vector<PngKind> PngKinds() {
  std::vector<PngKind> kinds;
  const auto add = [&kinds](const std::string& name, int color_type, std::vector<int> depths,
                            bool may_be_transparent) {
    for (const int bits : depths) {
      for (const bool interlaced : {false, true}) {
        for (const bool transparent : {false, true}) {
          if (transparent && !may_be_transparent) continue;
          PngKind kind{.name = name + " " + std::to_string(bits) +
                               (interlaced ? " interlaced" : "") + (transparent ? " tRNS" : ""),
                       .color_type = color_type,
                       .bits = bits,
                       .interlaced = interlaced,
                       .transparent = transparent};
          kinds.push_back(kind);
          kind.annotated = true;
          kind.name += " annotated";
          if (!interlaced) kinds.push_back(kind);
        }
      }
    }
  };
  add("grey", PNG_COLOR_TYPE_GRAY, {1, 2, 4, 8, 16}, true);
  add("colour", PNG_COLOR_TYPE_RGB, {8, 16}, true);
  add("palette", PNG_COLOR_TYPE_PALETTE, {1, 2, 4, 8}, true);
  add("grey and alpha", PNG_COLOR_TYPE_GRAY_ALPHA, {8, 16}, false);
  add("colour and alpha", PNG_COLOR_TYPE_RGB_ALPHA, {8, 16}, false);
  return kinds;
}

namespace {

// A file in memory that libtiff writes to.
struct Target {
  Buffer bytes;
  size_t at = 0;
};

Target& TargetOf(thandle_t handle) { return *static_cast<Target*>(handle); }

tmsize_t ReadBack(thandle_t handle, void* to, tmsize_t count) {
  Target& target = TargetOf(handle);
  const size_t given = std::min(static_cast<size_t>(count), target.bytes.size() - target.at);
  std::memcpy(to, target.bytes.data() + target.at, given);
  target.at += given;
  return static_cast<tmsize_t>(given);
}

tmsize_t Write(thandle_t handle, void* from, tmsize_t count) {
  Target& target = TargetOf(handle);
  const size_t end = target.at + static_cast<size_t>(count);
  if (end > target.bytes.size()) target.bytes.resize(end);
  std::memcpy(target.bytes.data() + target.at, from, static_cast<size_t>(count));
  target.at = end;
  return count;
}

toff_t Seek(thandle_t handle, toff_t offset, int whence) {
  Target& target = TargetOf(handle);
  const size_t from = whence == SEEK_CUR ? target.at : whence == SEEK_END ? target.bytes.size() : 0;
  target.at = from + offset;
  if (target.at > target.bytes.size()) target.bytes.resize(target.at);
  return target.at;
}

int Close(thandle_t) { return 0; }
toff_t Size(thandle_t handle) { return TargetOf(handle).bytes.size(); }

// What it thinks of old codecs is for nobody.
int IgnoreWarning(TIFF*, void*, const char*, const char*, va_list) { return 1; }

void SetTags(TIFF* tiff, const TiffKind& kind, Samples& samples) {
  TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, kind.width);
  TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, kind.height);
  TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, kind.bits);
  TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, kind.samples);
  TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, kind.photometric);
  TIFFSetField(tiff, TIFFTAG_COMPRESSION, kind.compression);
  TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, kind.separate ? 2 : 1);
  TIFFSetField(tiff, TIFFTAG_FILLORDER, kind.fill_order);
  if (kind.predictor > 1) TIFFSetField(tiff, TIFFTAG_PREDICTOR, kind.predictor);
  if (kind.orientation > 0) TIFFSetField(tiff, TIFFTAG_ORIENTATION, kind.orientation);
  if (kind.tile > 0) {
    TIFFSetField(tiff, TIFFTAG_TILEWIDTH, kind.tile);
    TIFFSetField(tiff, TIFFTAG_TILELENGTH, kind.tile);
  } else {
    TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP,
                 kind.rows_per_strip > 0 ? static_cast<uint32_t>(kind.rows_per_strip) : ~0U);
  }
  if (kind.photometric == PHOTOMETRIC_YCBCR) {
    TIFFSetField(tiff, TIFFTAG_YCBCRSUBSAMPLING, kind.subsampling, kind.subsampling);
    if (kind.compression == COMPRESSION_JPEG) {
      TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
    }
  }
  const int colors = kind.photometric == PHOTOMETRIC_SEPARATED                          ? 4
                     : kind.photometric <= 1 || kind.photometric == PHOTOMETRIC_PALETTE ? 1
                                                                                        : 3;
  if (kind.samples > colors && !kind.without_extra) {
    std::vector<uint16_t> extra(static_cast<size_t>(kind.samples - colors));
    extra[0] = static_cast<uint16_t>(kind.extra);
    TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, static_cast<int>(extra.size()), extra.data());
  }
  if (kind.photometric == PHOTOMETRIC_PALETTE) {
    std::vector<uint16_t> colormap[3];
    for (auto& part : colormap) {
      part.resize(size_t{1} << kind.bits);
      for (uint16_t& value : part)
        value = static_cast<uint16_t>(samples.Next() << 8 | samples.Next());
    }
    TIFFSetField(tiff, TIFFTAG_COLORMAP, colormap[0].data(), colormap[1].data(),
                 colormap[2].data());
  }
}

}  // namespace

std::vector<uint8_t> EncodeTiffKind(const TiffKind& kind) {
  Target target;
  TIFFOpenOptions* const options = TIFFOpenOptionsAlloc();
  TIFFOpenOptionsSetWarningHandlerExtR(options, IgnoreWarning, nullptr);
  TIFF* const tiff = TIFFClientOpenExt("", kind.big_endian ? "wb" : "wl", &target, ReadBack, Write,
                                       Seek, Close, Size, nullptr, nullptr, options);
  TIFFOpenOptionsFree(options);
  if (tiff == nullptr) throw std::runtime_error("cannot write a TIFF");
  Samples samples;
  SetTags(tiff, kind, samples);
  const bool tiled = kind.tile > 0;
  const uint32_t count = tiled ? TIFFNumberOfTiles(tiff) : TIFFNumberOfStrips(tiff);
  const int strip_rows = kind.rows_per_strip > 0 ? kind.rows_per_strip : kind.height;
  const int strips_a_plane = (kind.height + strip_rows - 1) / strip_rows;
  bool ok = count > 0;
  for (uint32_t i = 0; i < count && ok; ++i) {
    const int rows =
        std::min(strip_rows, kind.height - static_cast<int>(i) % strips_a_plane * strip_rows);
    Buffer block(static_cast<size_t>(tiled ? TIFFTileSize(tiff)
                                           : TIFFVStripSize(tiff, static_cast<uint32_t>(rows))));
    samples.Fill(block);
    const tmsize_t size = static_cast<tmsize_t>(block.size());
    ok = (tiled ? TIFFWriteEncodedTile(tiff, i, block.data(), size)
                : TIFFWriteEncodedStrip(tiff, i, block.data(), size)) == size;
  }
  TIFFClose(tiff);
  if (!ok) throw std::runtime_error("cannot write the TIFF " + kind.name);
  return target.bytes;
}

namespace {

const std::vector<TiffKind>& PlainKinds() {
  static const std::vector<TiffKind> kKinds = {
      {.name = "bilevel", .photometric = 1, .samples = 1, .bits = 1},
      {.name = "bilevel, white is zero", .photometric = 0, .samples = 1, .bits = 1},
      {.name = "fax 3",
       .photometric = 0,
       .samples = 1,
       .bits = 1,
       .compression = COMPRESSION_CCITTFAX3},
      {.name = "fax 4",
       .photometric = 0,
       .samples = 1,
       .bits = 1,
       .compression = COMPRESSION_CCITTFAX4},
      {.name = "fax RLE",
       .photometric = 0,
       .samples = 1,
       .bits = 1,
       .compression = COMPRESSION_CCITTRLE},
      {.name = "grey", .photometric = 1, .samples = 1},
      {.name = "grey, white is zero", .photometric = 0, .samples = 1},
      {.name = "grey and alpha", .photometric = 1, .samples = 2, .extra = 2},
      {.name = "grey 16", .photometric = 1, .samples = 1, .bits = 16},
      {.name = "grey 16 big", .photometric = 1, .samples = 1, .bits = 16, .big_endian = true},
      {.name = "palette 8", .photometric = 3, .samples = 1},
      {.name = "ink", .photometric = 5, .samples = 4},
      {.name = "ink deflate",
       .photometric = 5,
       .samples = 4,
       .compression = COMPRESSION_ADOBE_DEFLATE},
      {.name = "Lab", .photometric = 8, .samples = 3},
      {.name = "YCbCr 1x1", .photometric = 6, .subsampling = 1},
      {.name = "YCbCr 2x2", .photometric = 6, .rows_per_strip = 8},
      {.name = "YCbCr 2x2 LZW",
       .photometric = 6,
       .compression = COMPRESSION_LZW,
       .rows_per_strip = 8},
      {.name = "YCbCr 2x2 JPEG",
       .photometric = 6,
       .compression = COMPRESSION_JPEG,
       .rows_per_strip = 16},
      {.name = "YCbCr 2x2 JPEG tiles",
       .photometric = 6,
       .compression = COMPRESSION_JPEG,
       .tile = 32},
      {.name = "JPEG", .compression = COMPRESSION_JPEG, .rows_per_strip = 8},
      {.name = "grey JPEG",
       .photometric = 1,
       .samples = 1,
       .compression = COMPRESSION_JPEG,
       .rows_per_strip = 8},
      {.name = "one strip", .rows_per_strip = 0},
      {.name = "one strip LZW", .compression = COMPRESSION_LZW, .rows_per_strip = 0},
      {.name = "rows alone", .rows_per_strip = 1},
      {.name = "LZW predictor 16", .bits = 16, .compression = COMPRESSION_LZW, .predictor = 2},
      {.name = "fill order", .compression = COMPRESSION_LZW, .fill_order = 2},
      {.name = "four, not said", .samples = 4, .without_extra = true},
      {.name = "four, alpha", .samples = 4, .extra = 2},
      {.name = "four, multiplied alpha", .samples = 4, .extra = 1},
      {.name = "four, alpha, tiles", .samples = 4, .tile = 16, .extra = 2},
      {.name = "four, alpha, planes", .samples = 4, .separate = true, .extra = 2},
  };
  return kKinds;
}

// Every codec that this libtiff has, in every arrangement of the samples.
void AddCompressedColours(std::vector<TiffKind>* kinds) {
  for (const int compression :
       {COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_PACKBITS, COMPRESSION_ADOBE_DEFLATE,
        COMPRESSION_DEFLATE, COMPRESSION_LZMA, COMPRESSION_ZSTD, COMPRESSION_WEBP}) {
    if (TIFFIsCODECConfigured(static_cast<uint16_t>(compression)) == 0) continue;
    for (const int bits : {8, 16}) {
      for (const int tile : {0, 16}) {
        for (const bool separate : {false, true}) {
          if (compression == COMPRESSION_WEBP && (bits == 16 || separate)) continue;
          kinds->push_back({.name = "colour " + std::to_string(bits) + " codec " +
                                    std::to_string(compression) + (tile > 0 ? " tiles" : "") +
                                    (separate ? " planes" : ""),
                            .bits = bits,
                            .compression = compression,
                            .tile = tile,
                            .separate = separate});
        }
      }
    }
  }
}

}  // namespace

std::vector<TiffKind> TiffKinds() {
  std::vector<TiffKind> kinds = PlainKinds();
  AddCompressedColours(&kinds);
  return kinds;
}

namespace {

class BmpFile {
 public:
  void Put(uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i)
      bytes_.push_back(i < 4 ? static_cast<uint8_t>(value >> 8 * i) : uint8_t{0});
  }
  void Fill(size_t size) { bytes_.resize(std::max(bytes_.size(), size)); }
  Buffer& bytes() { return bytes_; }

 private:
  Buffer bytes_;
};

// All before the pixels.
BmpFile BmpStart(const BmpKind& kind, Samples& samples) {
  const bool core = kind.header_size == 12;
  const uint32_t colors = kind.bits > 8 ? 0 : kind.colors > 0 ? kind.colors : 1U << kind.bits;
  const bool masks_behind = !kind.masks.empty() && kind.header_size == 40;
  BmpFile file;
  file.Put('B' | 'M' << 8, 2);
  file.Put(0, 8);
  file.Put(14 + kind.header_size + colors * (core ? 3 : 4) + (masks_behind ? 12 : 0), 4);
  file.Put(kind.header_size, 4);
  file.Put(static_cast<uint32_t>(kind.width), core ? 2 : 4);
  file.Put(static_cast<uint32_t>(kind.from_top ? -kind.height : kind.height), core ? 2 : 4);
  file.Put(1, 2);
  file.Put(static_cast<uint32_t>(kind.bits), 2);
  if (!core) {
    file.Put(kind.compression, 4);
    file.Put(0, 12);
    file.Put(kind.colors, 4);
    file.Put(0, 4);
    for (size_t i = 0; i < (masks_behind ? 3 : kind.masks.size()); ++i) file.Put(kind.masks[i], 4);
    file.Fill(14 + kind.header_size);
  }
  for (uint32_t i = 0; i < colors * (core ? 3 : 4); ++i) file.Put(samples.Next(), 1);
  return file;
}

// Repeats where pixels do, literals elsewhere, and each line ended.
Buffer RunsOf(const BmpKind& kind, Samples& samples) {
  Buffer runs;
  const int unit = kind.bits == 4 ? 2 : 1;
  for (int y = 0; y < kind.height; ++y) {
    for (int left = kind.width; left > 0;) {
      const int count = std::min(left, 3 + samples.Next() % 9);
      left -= count;
      if (count < 3 || samples.Next() % 2 == 0) {
        runs.push_back(static_cast<uint8_t>(count));
        runs.push_back(samples.Next());
        continue;
      }
      runs.push_back(0);
      runs.push_back(static_cast<uint8_t>(count));
      for (int i = 0; i < (count + unit - 1) / unit; ++i) runs.push_back(samples.Next());
      if (runs.size() % 2 != 0) runs.push_back(0);
    }
    runs.insert(runs.end(), {0, uint8_t{y + 1 == kind.height}});
  }
  return runs;
}

}  // namespace

std::vector<uint8_t> BmpOfRuns(const BmpKind& kind, const std::vector<uint8_t>& runs) {
  Samples samples;
  Buffer bytes = BmpStart(kind, samples).bytes();
  bytes.insert(bytes.end(), runs.begin(), runs.end());
  return bytes;
}

std::vector<uint8_t> EncodeBmpKind(const BmpKind& kind) {
  Samples samples;
  if (kind.compression == 1 || kind.compression == 2) {
    return BmpOfRuns(kind, RunsOf(kind, samples));
  }
  Buffer bytes = BmpStart(kind, samples).bytes();
  Buffer pixels(static_cast<size_t>((kind.width * kind.bits + 31) / 32 * 4 * kind.height));
  samples.Fill(pixels);
  bytes.insert(bytes.end(), pixels.begin(), pixels.end());
  return bytes;
}

std::vector<BmpKind> BmpKinds() {
  std::vector<BmpKind> kinds = {
      {.name = "565", .bits = 16, .compression = 3, .masks = {0xF800, 0x7E0, 0x1F}},
      {.name = "555 by masks", .bits = 16, .compression = 3, .masks = {0x7C00, 0x3E0, 0x1F}},
      {.name = "masks, version 4",
       .bits = 32,
       .compression = 3,
       .header_size = 108,
       .masks = {0xFF, 0xFF00, 0xFF0000, 0xFF000000}},
      {.name = "without masks",
       .bits = 32,
       .compression = 3,
       .header_size = 56,
       .masks = {0, 0, 0, 0}},
      {.name = "usual masks", .bits = 32, .compression = 3, .masks = {0xFF0000, 0xFF00, 0xFF}},
      {.name = "RLE 8", .bits = 8, .compression = 1},
      {.name = "RLE 4", .bits = 4, .compression = 2},
      {.name = "RLE 8 from the top", .bits = 8, .compression = 1, .from_top = true},
      {.name = "short palette", .bits = 8, .colors = 77},
      {.name = "long palette", .bits = 4, .colors = 200},
  };
  for (const uint32_t header_size : {12U, 40U, 52U, 108U, 124U}) {
    for (const int bits : {1, 4, 8, 16, 24, 32}) {
      for (const bool from_top : {false, true}) {
        if (header_size == 12 && (from_top || bits == 16)) continue;
        kinds.push_back({.name = "header " + std::to_string(header_size) + ", " +
                                 std::to_string(bits) + " bits" +
                                 (from_top ? ", from the top" : ""),
                         .bits = bits,
                         .header_size = header_size,
                         .from_top = from_top});
      }
    }
  }
  return kinds;
}

}  // namespace vigie::testing
