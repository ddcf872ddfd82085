// TIFF by libtiff, whose conversion to 8-bit colours is what OpenCV hashes too: a strip or a row of
// tiles at a time, large strips row by row.
#include <tiffio.h>

#include <algorithm>
#include <cstdio>  // SEEK_SET
#include <cstring>
#include <limits>
#include <vector>

#include "engine/image/codecs.h"
#include "engine/image/header_parsers.h"
#include "engine/image/kept_rows.h"

namespace vigie {
namespace {

// Beside the parts of a picture libtiff has tables: of codecs, of colours, 8 bytes a strip.
constexpr size_t kTables = size_t{16} << 20;
constexpr size_t kTablesPerByte = 8;

struct Source {
  Bytes bytes;
  size_t at = 0;
  bool damaged = false;  // libtiff said so
};

Source& SourceOf(thandle_t handle) { return *static_cast<Source*>(handle); }

tmsize_t ReadBytes(thandle_t handle, void* to, tmsize_t count) {
  Source& source = SourceOf(handle);
  const size_t given =
      std::min(source.bytes.size() - source.at, static_cast<size_t>(std::max<tmsize_t>(count, 0)));
  std::memcpy(to, source.bytes.data() + source.at, given);
  source.at += given;
  return static_cast<tmsize_t>(given);
}

tmsize_t WriteNothing(thandle_t, void*, tmsize_t) { return 0; }

toff_t Seek(thandle_t handle, toff_t offset, int whence) {
  Source& source = SourceOf(handle);
  const size_t from = whence == SEEK_CUR ? source.at : whence == SEEK_END ? source.bytes.size() : 0;
  source.at = static_cast<size_t>(std::min<toff_t>(from + offset, source.bytes.size()));
  return source.at;
}

int Close(thandle_t) { return 0; }

toff_t Size(thandle_t handle) { return SourceOf(handle).bytes.size(); }

// libtiff reads what is mapped where it is. It does not write there.
int Map(thandle_t handle, void** base, toff_t* size) {
  *base = const_cast<uint8_t*>(SourceOf(handle).bytes.data());
  *size = SourceOf(handle).bytes.size();
  return 1;
}

void Unmap(thandle_t, void*, toff_t) {}

// Not 0: nobody else is told, so nothing is printed.
int NoteError(TIFF*, void* source, const char*, const char*, va_list) {
  static_cast<Source*>(source)->damaged = true;
  return 1;
}
int Ignore(TIFF*, void*, const char*, const char*, va_list) { return 1; }

class TiffFile {
 public:
  TiffFile(Source& source, size_t max_allocation) {
    TIFFOpenOptions* const options = TIFFOpenOptionsAlloc();
    if (options == nullptr) return;
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, static_cast<tmsize_t>(max_allocation));
    TIFFOpenOptionsSetErrorHandlerExtR(options, NoteError, &source);
    TIFFOpenOptionsSetWarningHandlerExtR(options, Ignore, nullptr);
    file_ = TIFFClientOpenExt("", "r", &source, ReadBytes, WriteNothing, Seek, Close, Size, Map,
                              Unmap, options);
    TIFFOpenOptionsFree(options);
  }
  ~TiffFile() {
    if (began_) TIFFRGBAImageEnd(&image_);
    if (file_ != nullptr) TIFFClose(file_);
  }
  TiffFile(const TiffFile&) = delete;
  TiffFile& operator=(const TiffFile&) = delete;

  // Whether it is a picture of the size that our parser read, of a kind that libtiff can show.
  bool Begin(const ImageHeader& header) {
    uint32_t width = 0;
    uint32_t height = 0;
    uint16_t photometric = 0;
    uint16_t compression = COMPRESSION_NONE;
    char message[1024];
    if (file_ == nullptr || TIFFGetField(file_, TIFFTAG_IMAGEWIDTH, &width) == 0 ||
        TIFFGetField(file_, TIFFTAG_IMAGELENGTH, &height) == 0 || width != header.width ||
        height != header.height || TIFFGetField(file_, TIFFTAG_PHOTOMETRIC, &photometric) == 0 ||
        TIFFRGBAImageOK(file_, message) == 0) {
      return false;
    }
    // libtiff shows zeros for a codec that it does not know.
    TIFFGetFieldDefaulted(file_, TIFFTAG_COMPRESSION, &compression);
    if (TIFFIsCODECConfigured(compression) == 0) return false;
    began_ = TIFFRGBAImageBegin(&image_, file_, /*stop_on_error=*/0, message) != 0;
    image_.orientation = image_.req_orientation = ORIENTATION_TOPLEFT;  // as it is stored
    return began_;
  }

  TIFF* file() const { return file_; }
  TIFFRGBAImage& image() { return image_; }
  bool tiled() const { return TIFFIsTiled(file_) != 0; }
  // Whether a row of the file is a row of the picture, with all samples of a pixel together.
  bool has_rows() const {
    return !tiled() && image_.isContig != 0 && image_.photometric != PHOTOMETRIC_YCBCR;
  }

  // Rows of a strip or a tile.
  int64_t block_rows() const {
    uint32_t rows = std::numeric_limits<uint32_t>::max();
    TIFFGetFieldDefaulted(file_, tiled() ? TIFFTAG_TILELENGTH : TIFFTAG_ROWSPERSTRIP, &rows);
    return std::clamp<int64_t>(rows, 1, image_.height);
  }

 private:
  TIFF* file_ = nullptr;
  TIFFRGBAImage image_{};
  bool began_ = false;
};

// Hands on rows of libtiff's pixels, one word each.
class Raster {
 public:
  Raster(const ImageHeader& header, int64_t rows, KeptRows& kept)
      : width_(static_cast<size_t>(header.width)),
        kind_(header.transparency == Transparency::kNone ? RowPixels::kBgrUnused
                                                         : RowPixels::kBgrMultipliedAlpha),
        words_(width_ * static_cast<size_t>(rows)),
        line_(4 * width_),
        kept_(kept) {}

  uint32_t* words() { return words_.data(); }
  void Clear() { std::fill(words_.begin(), words_.end(), 0); }

  // Row `i` of the words is row `y` of the picture.
  void Put(int64_t i, int y) {
    if (!kept_.Wants(y)) return;
    const uint32_t* const words = words_.data() + static_cast<size_t>(i) * width_;
    for (size_t x = 0; x < width_; ++x) {
      line_[4 * x] = static_cast<uint8_t>(TIFFGetB(words[x]));
      line_[4 * x + 1] = static_cast<uint8_t>(TIFFGetG(words[x]));
      line_[4 * x + 2] = static_cast<uint8_t>(TIFFGetR(words[x]));
      line_[4 * x + 3] = static_cast<uint8_t>(TIFFGetA(words[x]));
    }
    kept_.Put(y, line_.data(), kind_);
  }

 private:
  size_t width_;
  RowPixels kind_;
  std::vector<uint32_t> words_;
  std::vector<uint8_t> line_;
  KeptRows& kept_;
};

// Rows of strips, converted one by one by the routine that libtiff would call for the whole strip.
// What is behind an error in a strip is zeros. Returns how many rows were read.
int64_t DecodeByRows(TiffFile& tiff, const ImageHeader& header, KeptRows& kept) {
  Raster raster(header, 1, kept);
  std::vector<uint8_t> samples(static_cast<size_t>(TIFFScanlineSize(tiff.file())));
  const int64_t strip = tiff.block_rows();
  const uint32_t width = static_cast<uint32_t>(header.width);
  int64_t read = 0;
  int64_t lost_until = 0;
  for (int64_t y = 0; y < header.height; ++y) {
    if (y >= lost_until) {
      if (TIFFReadScanline(tiff.file(), samples.data(), static_cast<uint32_t>(y)) >= 0) {
        ++read;
      } else {
        lost_until = y - y % strip + strip;
      }
    }
    if (y < lost_until) std::fill(samples.begin(), samples.end(), uint8_t{0});
    tiff.image().put.contig(&tiff.image(), raster.words(), 0, 0, width, 1, 0, 0, samples.data());
    raster.Put(0, static_cast<int>(y));
  }
  return read;
}

// Strips, or rows of tiles. Returns how many rows were read.
int64_t DecodeByBlocks(TiffFile& tiff, const ImageHeader& header, KeptRows& kept) {
  const int64_t rows = tiff.block_rows();
  Raster raster(header, rows, kept);
  int64_t read = 0;
  for (int64_t y = 0; y < header.height; y += rows) {
    const int64_t count = std::min(rows, header.height - y);
    raster.Clear();
    tiff.image().row_offset = static_cast<int>(y);
    const bool ok =
        TIFFRGBAImageGet(&tiff.image(), raster.words(), static_cast<uint32_t>(header.width),
                         static_cast<uint32_t>(count)) != 0;
    if (ok) read += count;
    for (int64_t i = 0; i < count; ++i) raster.Put(i, static_cast<int>(y + i));
  }
  return read;
}

}  // namespace

absl::Status DecodeTiff(Bytes bytes, const ImageHeader& header, FrameReceiver& receiver) {
  Source source{.bytes = bytes};
  TiffFile tiff(
      source, kTables + kTablesPerByte * bytes.size() + static_cast<size_t>(header.decoder_bytes));
  if (!tiff.Begin(header)) return CorruptImage("the TIFF is damaged, or of a kind not known");
  KeptRows kept(receiver.sample());
  source.damaged = false;  // by what has no part in the pixels
  // What was weighed against the limits decides, and nothing takes more.
  const int64_t block = 4 * header.width * tiff.block_rows();
  const int64_t row = static_cast<int64_t>(TIFFScanlineSize(tiff.file()));
  int64_t read = 0;
  if (block <= header.decoder_bytes) {
    read = DecodeByBlocks(tiff, header, kept);
  } else if (tiff.has_rows() && row > 0 && row <= header.decoder_bytes) {
    read = DecodeByRows(tiff, header, kept);
  }
  if (read == 0) return CorruptImage("the TIFF's data cannot be decoded");
  receiver.Take(kept.pixels(), 0);
  if (source.damaged || read < header.height) return CorruptImage("a part of the TIFF is damaged");
  return absl::OkStatus();
}

}  // namespace vigie
