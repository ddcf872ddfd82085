#include "engine/image/format.h"

#include <algorithm>

#include "engine/image/byte_reader.h"
#include "engine/image/header_parsers.h"

namespace vigie {
namespace {

bool StartsWith(Bytes bytes, std::string_view magic, size_t at = 0) {
  return bytes.size() >= at + magic.size() &&
         std::equal(magic.begin(), magic.end(), bytes.begin() + static_cast<ptrdiff_t>(at),
                    [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
}

// The family of ISO media files that starts with a list of brands ("ftyp", ISO 23008-12).
ImageFormat DetectByBrand(Bytes bytes) {
  const ByteReader reader(bytes, ByteOrder::kBig);
  const size_t end = std::min<size_t>(reader.U32(0), std::min<size_t>(bytes.size(), 256));
  bool heif = false;
  for (size_t at = 8; at + 4 <= end; at += 4) {
    if (at == 12) continue;  // the minor version stands between the brands
    if (StartsWith(bytes, "avif", at) || StartsWith(bytes, "avis", at)) return ImageFormat::kAvif;
    heif = heif || StartsWith(bytes, "hei", at) || StartsWith(bytes, "hev", at) ||
           StartsWith(bytes, "mif1", at) || StartsWith(bytes, "msf1", at);
  }
  return heif ? ImageFormat::kHeif : ImageFormat::kUnknown;
}

absl::Status Parse(Bytes bytes, ImageHeader& header) {
  switch (header.format) {
    case ImageFormat::kJpeg:
      return ParseJpegHeader(bytes, header);
    case ImageFormat::kPng:
      return ParsePngHeader(bytes, header);
    case ImageFormat::kWebp:
      return ParseWebpHeader(bytes, header);
    case ImageFormat::kBmp:
      return ParseBmpHeader(bytes, header);
    case ImageFormat::kTiff:
      return ParseTiffHeader(bytes, header);
    case ImageFormat::kGif:
      return ParseGifHeader(bytes, header);
    case ImageFormat::kAvif:
    case ImageFormat::kHeif:
      return ParseBmffHeader(bytes, header);
    case ImageFormat::kUnknown:
      break;
  }
  return UnsupportedImage("the content is not a picture in a known format");
}

}  // namespace

std::string_view Name(ImageFormat format) {
  switch (format) {
    case ImageFormat::kJpeg:
      return "JPEG";
    case ImageFormat::kPng:
      return "PNG";
    case ImageFormat::kWebp:
      return "WebP";
    case ImageFormat::kBmp:
      return "BMP";
    case ImageFormat::kTiff:
      return "TIFF";
    case ImageFormat::kGif:
      return "GIF";
    case ImageFormat::kAvif:
      return "AVIF";
    case ImageFormat::kHeif:
      return "HEIF";
    case ImageFormat::kUnknown:
      break;
  }
  return "unknown";
}

ImageFormat DetectFormat(Bytes bytes) {
  using namespace std::string_view_literals;
  if (StartsWith(bytes, "\xff\xd8\xff")) return ImageFormat::kJpeg;
  if (StartsWith(bytes, "\x89PNG\r\n\x1a\n")) return ImageFormat::kPng;
  if (StartsWith(bytes, "RIFF") && StartsWith(bytes, "WEBP", 8)) return ImageFormat::kWebp;
  if (StartsWith(bytes, "BM")) return ImageFormat::kBmp;
  if (StartsWith(bytes, "GIF87a") || StartsWith(bytes, "GIF89a")) return ImageFormat::kGif;
  for (const auto magic : {"II*\0"sv, "MM\0*"sv, "II+\0"sv, "MM\0+"sv}) {
    if (StartsWith(bytes, magic)) return ImageFormat::kTiff;
  }
  if (StartsWith(bytes, "ftyp", 4)) return DetectByBrand(bytes);
  return ImageFormat::kUnknown;
}

absl::StatusOr<ImageHeader> ReadHeader(Bytes bytes) {
  if (bytes.empty()) return CorruptImage("the picture has no bytes");
  ImageHeader header;
  header.format = DetectFormat(bytes);
  header.data_end = bytes.size();
  VIGIE_RETURN_IF_ERROR(Parse(bytes, header));
  if (header.width < 1 || header.height < 1) return CorruptImage("the picture has no pixels");
  return header;
}

}  // namespace vigie
