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

// Inclusive. What one upload may cost.
struct DecodeLimits {
  size_t max_image_bytes = size_t{32} << 20;
  int64_t max_pixels = 64'000'000;  // width times height; photographs of phones reach 50 million
  // Memory for pixels and for what the decoder keeps of the whole picture, by the header's numbers.
  int64_t max_memory_bytes = int64_t{256} << 20;
};

// Which pixels the caller needs.
enum class Sampling : uint8_t {
  kAllPixels,
  // Those that Profile::kReference hashes: of a picture with a side above 512 the sample of
  // 512x512 that PDQ's reference takes first (column floor(x * width / 512), rows likewise), of a
  // smaller picture all. Hashing gives the same bits either way; a large JPEG is never in memory.
  kPdqReference,
};

struct DecodedImage {
  PixelView pixels;  // valid while `owner` lives
  int width = 0;     // of the picture; `pixels` has fewer when it is a sample
  int height = 0;
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
absl::StatusOr<DecodedImage> DecodeImage(Bytes bytes, const DecodeLimits& limits, DecodeMode mode,
                                         Sampling sampling = Sampling::kAllPixels);

}  // namespace vigie
