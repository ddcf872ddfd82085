// Encoded bytes to pixels, under limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/functional/function_ref.h"
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
  // What the composed frames of an animation may have together; a frame under 10 000 pixels counts
  // as that many. Each frame alone is a picture under the limits above.
  int64_t max_animation_pixels = 128'000'000;
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
  bool animated = false;  // these pixels are the first frame's only
  // False when data is missing: the rest of the picture is black or grey. A match
  // found on it counts, the absence of one does not.
  bool complete = true;
  std::shared_ptr<const void> owner;
};

// One frame of an animation, as a viewer shows it: composed with those before it.
struct Frame {
  PixelView pixels;     // valid while `owner` lives
  int number = 0;       // from 0; of a still picture 0
  int64_t time_ms = 0;  // when it is shown first, from the start
  std::shared_ptr<const void> owner;
};

// Given each frame in turn; false: no more are wanted. Called by the thread that called.
using FrameSink = absl::FunctionRef<bool(const Frame&)>;

struct FrameSummary {
  ImageFormat format = ImageFormat::kUnknown;
  int width = 0;  // of the picture
  int height = 0;
  bool animated = false;
  int frames = 0;  // decoded, with those that repeated the one before and were not given
  // OK when nothing is missing. Otherwise why the rest of the picture was not given: IMAGE_CORRUPT
  // (damaged or cut off), IMAGE_TOO_LARGE (max_animation_pixels), UNSUPPORTED_FORMAT.
  absl::Status rest;
};

// The frames of `bytes` from first to last, 8 bits a channel, all of the same size; a still picture
// has one. A frame whose pixels are those of the frame before is left out. Memory does not grow
// with the number of frames.
//
// Pixels are as stored: an orientation tag of a JPEG, PNG, TIFF or AVIF is ignored; HEIF's and
// AVIF's clean aperture and HEIF's rotation and mirror, which are part of the picture, are applied.
// Samples over 8 bits keep their upper 8. Transparency is composited on white:
// (c * a + 255 * (255 - a) + 127) / 255 in integers, also what a GIF or WebP leaves uncovered.
//
// kExact gives the pixels that the reference hashes; kFast takes the luma plane of a JPEG as it is,
// and is like kExact for other formats. The same bytes always give the same pixels. Thread-safe.
// The limits are checked before anything is allocated. Errors, when there is no first frame:
//   IMAGE_TOO_LARGE     (INVALID_ARGUMENT) over a limit; the message names it and the value
//   UNSUPPORTED_FORMAT  (INVALID_ARGUMENT)
//   IMAGE_CORRUPT       (INVALID_ARGUMENT) the header or the body cannot be read
//   OUT_OF_MEMORY       (RESOURCE_EXHAUSTED)
absl::StatusOr<FrameSummary> DecodeFrames(Bytes bytes, const DecodeLimits& limits, DecodeMode mode,
                                          Sampling sampling, FrameSink sink);

// A still picture, or the first frame of an animation. As DecodeFrames().
absl::StatusOr<DecodedImage> DecodeImage(Bytes bytes, const DecodeLimits& limits, DecodeMode mode,
                                         Sampling sampling = Sampling::kAllPixels);

}  // namespace vigie
