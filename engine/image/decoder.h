// Encoded bytes to pixels, under limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/base/digest.h"
#include "engine/base/pixels.h"
#include "engine/base/status.h"
#include "engine/base/types.h"
#include "engine/image/format.h"

namespace vigie {

// Inclusive. What one upload may cost: 3 bytes of memory a pixel, 10 for a progressive JPEG, and
// time in proportion.
struct DecodeLimits {
  size_t max_image_bytes = size_t{32} << 20;
  int64_t max_pixels = 64'000'000;  // width times height; photographs of phones reach 50 million
};

struct DecodedImage {
  PixelView pixels;  // valid while `owner` lives
  ImageFormat format = ImageFormat::kUnknown;
  // False when data is missing (JPEG, TIFF): the rest of the picture is black or grey. A match
  // found on it counts, the absence of one does not.
  bool complete = true;
  std::shared_ptr<const void> owner;
};

// The pixels of `bytes`, 8 bits a channel, as stored: an orientation tag is ignored, transparency
// is dropped. kExact gives the pixels that the reference hashes; kFast takes the luma plane of a
// JPEG as it is, and is like kExact for other formats. The same bytes always give the same pixels.
// Thread-safe, and starts no threads. The limits are checked before anything is allocated. Errors:
//   IMAGE_TOO_LARGE     (INVALID_ARGUMENT) over a limit; the message names it and the value
//   UNSUPPORTED_FORMAT  (INVALID_ARGUMENT) also for animations
//   IMAGE_CORRUPT       (INVALID_ARGUMENT) the header or the body cannot be read
//   OUT_OF_MEMORY       (RESOURCE_EXHAUSTED)
absl::StatusOr<DecodedImage> DecodeImage(Bytes bytes, const DecodeLimits& limits, DecodeMode mode);

}  // namespace vigie
