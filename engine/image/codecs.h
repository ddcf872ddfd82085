// Inside engine/image only: one decoder per library.
//
// Each is given bytes whose header was read and found within the limits, and gives pixels of
// exactly that size or an error (IMAGE_CORRUPT, OUT_OF_MEMORY). None starts threads, writes to the
// error output or touches the disk. May throw std::bad_alloc, which DecodeImage() catches.
#pragma once

#include "engine/base/digest.h"
#include "engine/base/status.h"
#include "engine/image/decoder.h"
#include "engine/image/format.h"
#include "engine/image/frame_receiver.h"
#include "engine/image/pixel_buffer.h"

namespace vigie {

absl::StatusOr<PixelBuffer> DecodeJpeg(Bytes bytes, const ImageHeader& header, DecodeMode mode,
                                       const Sample& sample);

// A still WebP.
absl::StatusOr<PixelBuffer> DecodeWebp(Bytes bytes, const ImageHeader& header,
                                       const Sample& sample);

// The formats that may have several frames: each composed frame to `receiver`, until it wants no
// more. Not OK: why the rest is missing.
absl::Status DecodeWebpFrames(Bytes bytes, const ImageHeader& header, FrameReceiver& receiver);
absl::Status DecodeAvif(Bytes bytes, const ImageHeader& header, FrameReceiver& receiver);
absl::Status DecodeHeif(Bytes bytes, const ImageHeader& header, FrameReceiver& receiver);
absl::Status DecodeGif(Bytes bytes, const ImageHeader& header, FrameReceiver& receiver);

absl::StatusOr<PixelBuffer> DecodePng(Bytes bytes, const ImageHeader& header, const Sample& sample);
absl::StatusOr<PixelBuffer> DecodeBmp(Bytes bytes, const ImageHeader& header, const Sample& sample);

// The first page, to `receiver`. Not OK: nothing was given, or what is behind some damage is black.
absl::Status DecodeTiff(Bytes bytes, const ImageHeader& header, FrameReceiver& receiver);

}  // namespace vigie
