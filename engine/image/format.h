// What an encoded picture says about itself, read without decoding it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/base/digest.h"
#include "engine/base/status.h"

namespace vigie {

enum class ImageFormat : uint8_t {
  kUnknown,
  kJpeg,
  kPng,
  kWebp,
  kBmp,
  kTiff,
  kGif,
  kAvif,
  kHeif,  // also HEIC
};

// "JPEG", "PNG"... for messages; "unknown" for kUnknown.
std::string_view Name(ImageFormat format);

// By the first bytes of the content; file names and content types play no part.
ImageFormat DetectFormat(Bytes bytes);

// How the colours of a picture that has transparency are stored.
enum class Transparency : uint8_t {
  kNone,
  kStraight,       // as they are, alpha beside them
  kPremultiplied,  // times alpha
};

struct ImageHeader {
  ImageFormat format = ImageFormat::kUnknown;
  // AVIF, HEIF: of the largest picture or track in the file.
  int64_t width = 0;   // pixels, at least 1
  int64_t height = 0;  // pixels, at least 1
  bool animated = false;
  Transparency transparency = Transparency::kNone;  // PNG, TIFF
  bool interlaced = false;                          // PNG
  // False when the data stops before the picture does: pixels may be missing.
  bool complete = true;

  // What decoding costs beyond width * height, because small files can ask for much work:
  int scans = 1;  // JPEG: how often the decoder goes over the picture
  // Memory that the decoder itself needs for the whole picture, bytes, the pixels it gives not
  // counted: the coefficients of a JPEG that comes in several scans, an interlaced PNG, strips and
  // tiles that must be whole, canvases of animations.
  int64_t decoder_bytes = 0;
  // TIFF: size of one tile or strip; GIF: of the largest frame. May exceed the picture.
  int64_t block_pixels = 0;
  size_t data_end = 0;  // JPEG: where decodable data ends when it is not complete
  int components = 0;   // JPEG: 1 grey, 3 colour, 4 ink
};

// The header of `bytes`. Every declared number is only reported, nothing is allocated by it; time
// is linear in bytes.size(). Thread-safe. Errors, all INVALID_ARGUMENT:
//   UNSUPPORTED_FORMAT  not one of the formats above, or a variant of them we cannot read
//   IMAGE_CORRUPT       empty, cut inside the header, or without width or height
absl::StatusOr<ImageHeader> ReadHeader(Bytes bytes);

}  // namespace vigie
