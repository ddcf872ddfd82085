// WebP by libwebp: still pictures, and animations by its own composer.
#include <webp/decode.h>
#include <webp/demux.h>

#include <memory>

#include "engine/image/codecs.h"
#include "engine/image/header_parsers.h"

namespace vigie {
namespace {

struct DeleteDecoder {
  void operator()(WebPAnimDecoder* decoder) const { WebPAnimDecoderDelete(decoder); }
};

bool Fits(int width, int height, const ImageHeader& header) {
  return width == header.width && height == header.height;
}

}  // namespace

absl::StatusOr<PixelBuffer> DecodeWebp(Bytes bytes, const ImageHeader& header,
                                       const Sample& sample) {
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(bytes.data(), bytes.size(), &features) != VP8_STATUS_OK ||
      !Fits(features.width, features.height, header) || features.has_animation != 0) {
    return CorruptImage("the WebP's header cannot be read");
  }
  const size_t width = static_cast<size_t>(features.width);
  const size_t height = static_cast<size_t>(features.height);
  if (features.has_alpha != 0) {
    const auto pixels = std::make_unique_for_overwrite<uint8_t[]>(4 * width * height);
    if (WebPDecodeBGRAInto(bytes.data(), bytes.size(), pixels.get(), 4 * width * height,
                           static_cast<int>(4 * width)) == nullptr) {
      return CorruptImage("the WebP's data cannot be decoded");
    }
    return CompositeSample({.data = pixels.get(),
                            .stride_bytes = 4 * width,
                            .order = ChannelOrder::kBgr,
                            .transparency = Transparency::kStraight},
                           sample);
  }
  const PixelBuffer pixels = PixelBuffer::Make(features.width, features.height, ChannelOrder::kBgr);
  if (WebPDecodeBGRInto(bytes.data(), bytes.size(), pixels.data.get(), 3 * width * height,
                        static_cast<int>(3 * width)) == nullptr) {
    return CorruptImage("the WebP's data cannot be decoded");
  }
  return sample.all() ? pixels : CopySample(pixels.view(), sample);
}

absl::Status DecodeWebpFrames(Bytes bytes, const ImageHeader& header, FrameReceiver& receiver) {
  WebPAnimDecoderOptions options;
  WebPAnimDecoderOptionsInit(&options);
  options.color_mode = MODE_BGRA;
  options.use_threads = 0;
  const WebPData data = {.bytes = bytes.data(), .size = bytes.size()};
  const std::unique_ptr<WebPAnimDecoder, DeleteDecoder> decoder(
      WebPAnimDecoderNew(&data, &options));
  WebPAnimInfo info;
  if (decoder == nullptr || WebPAnimDecoderGetInfo(decoder.get(), &info) == 0 ||
      !Fits(static_cast<int>(info.canvas_width), static_cast<int>(info.canvas_height), header)) {
    return CorruptImage("the animated WebP cannot be read");
  }
  int64_t time_ms = 0;
  while (WebPAnimDecoderHasMoreFrames(decoder.get()) != 0) {
    VIGIE_RETURN_IF_ERROR(receiver.Spend(header.width * header.height));
    uint8_t* canvas = nullptr;
    int end_ms = 0;
    if (WebPAnimDecoderGetNext(decoder.get(), &canvas, &end_ms) == 0) {
      return CorruptImage("a frame of the WebP cannot be decoded");
    }
    const AlphaView pixels = {.data = canvas,
                              .stride_bytes = 4 * static_cast<size_t>(info.canvas_width),
                              .order = ChannelOrder::kBgr,
                              .transparency = Transparency::kStraight};
    if (!receiver.Take(CompositeSample(pixels, receiver.sample()), time_ms)) break;
    time_ms = end_ms;
  }
  return absl::OkStatus();
}

}  // namespace vigie
