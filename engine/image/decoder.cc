#include "engine/image/decoder.h"

#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/image/codecs.h"
#include "engine/image/frame_receiver.h"
#include "engine/image/header_parsers.h"

namespace vigie {
namespace {

// The widest and highest picture that any of our libraries accepts.
constexpr int64_t kMaxSide = int64_t{1} << 20;

// A progressive JPEG costs its pixels once per scan. Real ones have about 10 scans; the largest
// allowed picture may have this many, a smaller one more.
constexpr int64_t kScansOfLargest = 16;

constexpr int64_t kBytesAPixel = 3;

absl::Status TooLarge(absl::string_view what, int64_t value, int64_t limit) {
  return Error(absl::StatusCode::kInvalidArgument, "IMAGE_TOO_LARGE",
               ToStd(absl::StrCat("the picture has ", value, " ", what, ", the limit is ", limit)));
}

// Whether the decoder goes row by row, so that what is not sampled takes no memory.
bool KeepsSampleOnly(ImageFormat format) {
  return format == ImageFormat::kJpeg || format == ImageFormat::kPng ||
         format == ImageFormat::kBmp || format == ImageFormat::kTiff;
}

absl::Status CheckLimits(const ImageHeader& header, const DecodeLimits& limits,
                         const Sample& sample) {
  for (const int64_t side : {header.width, header.height}) {
    if (side > kMaxSide) return TooLarge("pixels along one side", side, kMaxSide);
  }
  const int64_t pixels = header.width * header.height;
  if (pixels > limits.max_pixels) return TooLarge("pixels", pixels, limits.max_pixels);
  if (header.block_pixels > limits.max_pixels) {
    return TooLarge("pixels in one part", header.block_pixels, limits.max_pixels);
  }
  const int64_t sampled =
      KeepsSampleOnly(header.format) ? int64_t{sample.width()} * sample.height() : pixels;
  const int64_t memory = header.decoder_bytes + kBytesAPixel * sampled;
  if (memory > limits.max_memory_bytes) {
    return TooLarge("bytes to decode in memory", memory, limits.max_memory_bytes);
  }
  const int64_t max_scans = kScansOfLargest * (limits.max_pixels / pixels);
  if (header.scans > max_scans) return TooLarge("JPEG scans", header.scans, max_scans);
  return absl::OkStatus();
}

// Whether the decoder gives anything of a picture whose data stops. For the other formats it works
// up to the gap and then refuses.
bool DecodesInPart(ImageFormat format) {
  return format == ImageFormat::kJpeg || format == ImageFormat::kTiff ||
         format == ImageFormat::kGif;
}

absl::StatusOr<PixelBuffer> DecodeStill(Bytes bytes, const ImageHeader& header, DecodeMode mode,
                                        const Sample& sample) {
  switch (header.format) {
    case ImageFormat::kJpeg:
      return DecodeJpeg(bytes, header, mode, sample);
    case ImageFormat::kPng:
      return DecodePng(bytes, header, sample);
    case ImageFormat::kBmp:
      return DecodeBmp(bytes, header, sample);
    default:
      return DecodeWebp(bytes, header, sample);
  }
}

// Every frame to the receiver; not OK: why the rest, or all, is missing.
absl::Status Decode(Bytes bytes, const ImageHeader& header, DecodeMode mode,
                    FrameReceiver& receiver) {
  try {
    if (header.format == ImageFormat::kGif) return DecodeGif(bytes, header, receiver);
    if (header.format == ImageFormat::kAvif) return DecodeAvif(bytes, header, receiver);
    if (header.format == ImageFormat::kHeif) return DecodeHeif(bytes, header, receiver);
    if (header.format == ImageFormat::kTiff) return DecodeTiff(bytes, header, receiver);
    if (header.format == ImageFormat::kWebp && header.animated) {
      return DecodeWebpFrames(bytes, header, receiver);
    }
    PixelBuffer pixels;
    VIGIE_ASSIGN_OR_RETURN(pixels, DecodeStill(bytes, header, mode, receiver.sample()));
    receiver.Take(std::move(pixels), 0);
    return absl::OkStatus();
  } catch (const std::bad_alloc&) {
    return NoMemoryToDecode();
  }
}

}  // namespace

absl::StatusOr<FrameSummary> DecodeFrames(Bytes bytes, const DecodeLimits& limits, DecodeMode mode,
                                          Sampling sampling, FrameSink sink) {
  if (bytes.size() > limits.max_image_bytes) {
    return TooLarge("bytes", static_cast<int64_t>(bytes.size()),
                    static_cast<int64_t>(limits.max_image_bytes));
  }
  VIGIE_ASSIGN_OR_RETURN(const ImageHeader header, ReadHeader(bytes));
  const Sample sample(header.width, header.height, sampling);
  VIGIE_RETURN_IF_ERROR(CheckLimits(header, limits, sample));
  if (!header.complete && !DecodesInPart(header.format)) {
    return CorruptImage("the picture's data is not complete");
  }
  FrameReceiver receiver(header, limits, sampling, sink);
  FrameSummary summary{.format = header.format,
                       .width = 0,
                       .height = 0,
                       .animated = header.animated,
                       .frames = 0,
                       .rest = Decode(bytes, header, mode, receiver)};
  summary.width = receiver.sample().picture_width();
  summary.height = receiver.sample().picture_height();
  summary.frames = receiver.frames();
  if (summary.rest.ok() && !header.complete) {
    summary.rest = CorruptImage("the picture is cut off before its end");
  }
  if (summary.frames > 0) return summary;
  if (summary.rest.ok()) return CorruptImage("the picture has no frame");
  return summary.rest;
}

absl::StatusOr<DecodedImage> DecodeImage(Bytes bytes, const DecodeLimits& limits, DecodeMode mode,
                                         Sampling sampling) {
  DecodedImage image;
  const auto take_first = [&image](const Frame& frame) {
    image.pixels = frame.pixels;
    image.owner = frame.owner;
    return false;
  };
  FrameSummary summary;
  VIGIE_ASSIGN_OR_RETURN(summary, DecodeFrames(bytes, limits, mode, sampling, take_first));
  image.width = summary.width;
  image.height = summary.height;
  image.format = summary.format;
  image.animated = summary.animated;
  image.complete = summary.rest.ok();
  return image;
}

}  // namespace vigie
