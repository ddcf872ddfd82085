// AVIF by libavif: still pictures and sequences.
#include <avif/avif.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "engine/image/codecs.h"
#include "engine/image/header_parsers.h"

namespace vigie {
namespace {

constexpr uint32_t kMaxFrames = 100'000;  // each costs memory before it is decoded

struct DestroyDecoder {
  void operator()(avifDecoder* decoder) const { avifDecoderDestroy(decoder); }
};

absl::Status ErrorOf(avifResult result) {
  if (result == AVIF_RESULT_OUT_OF_MEMORY) return NoMemoryToDecode();
  return CorruptImage("the AVIF's data cannot be decoded");
}

void Configure(avifDecoder& decoder, const ImageHeader& header) {
  decoder.maxThreads = 1;
  decoder.ignoreExif = AVIF_TRUE;
  decoder.ignoreXMP = AVIF_TRUE;
  decoder.strictFlags = AVIF_STRICT_DISABLED;  // what browsers show is looked at
  // The header's limits again, inside the decoder: the stream may say other than the container.
  decoder.imageSizeLimit = static_cast<uint32_t>(
      std::clamp<int64_t>(header.width * header.height, 1, AVIF_DEFAULT_IMAGE_SIZE_LIMIT));
  decoder.imageCountLimit = kMaxFrames;
  if (header.animated) decoder.requestedSource = AVIF_DECODER_SOURCE_TRACKS;
}

// The part of the picture that is shown.
avifCropRect Shown(const avifImage& image) {
  avifCropRect all = {.x = 0, .y = 0, .width = image.width, .height = image.height};
  if ((image.transformFlags & AVIF_TRANSFORM_CLAP) == 0) return all;
  avifCropRect shown;
  avifDiagnostics diagnostics;
  avifDiagnosticsClearError(&diagnostics);
  const bool valid =
      avifCropRectConvertCleanApertureBox(&shown, &image.clap, image.width, image.height,
                                          image.yuvFormat, &diagnostics) == AVIF_TRUE;
  return valid ? shown : all;
}

absl::StatusOr<PixelBuffer> PixelsOf(const avifImage& image, const avifCropRect& shown,
                                     const Sample& sample) {
  const bool transparent = image.alphaPlane != nullptr;
  const size_t channels = transparent ? 4 : 3;
  avifRGBImage rgb;
  avifRGBImageSetDefaults(&rgb, &image);
  rgb.depth = 8;
  rgb.format = transparent ? AVIF_RGB_FORMAT_BGRA : AVIF_RGB_FORMAT_BGR;
  rgb.avoidLibYUV = AVIF_TRUE;  // the same arithmetic on every machine
  rgb.chromaUpsampling = AVIF_CHROMA_UPSAMPLING_BILINEAR;
  rgb.rowBytes = static_cast<uint32_t>(channels) * image.width;
  const auto pixels =
      std::make_unique_for_overwrite<uint8_t[]>(size_t{rgb.rowBytes} * image.height);
  rgb.pixels = pixels.get();
  const avifResult result = avifImageYUVToRGB(&image, &rgb);
  if (result != AVIF_RESULT_OK) return ErrorOf(result);
  const uint8_t* const first =
      pixels.get() + size_t{shown.y} * rgb.rowBytes + size_t{shown.x} * channels;
  if (transparent) {
    return CompositeSample({.data = first,
                            .stride_bytes = rgb.rowBytes,
                            .order = ChannelOrder::kBgr,
                            .transparency = Transparency::kStraight},
                           sample);
  }
  return CopySample({.data = first,
                     .width = static_cast<int>(shown.width),
                     .height = static_cast<int>(shown.height),
                     .stride_bytes = rgb.rowBytes,
                     .order = ChannelOrder::kBgr},
                    sample);
}

}  // namespace

absl::Status DecodeAvif(Bytes bytes, const ImageHeader& header, FrameReceiver& receiver) {
  const std::unique_ptr<avifDecoder, DestroyDecoder> decoder(avifDecoderCreate());
  if (decoder == nullptr) return NoMemoryToDecode();
  Configure(*decoder, header);
  avifResult result = avifDecoderSetIOMemory(decoder.get(), bytes.data(), bytes.size());
  if (result == AVIF_RESULT_OK) result = avifDecoderParse(decoder.get());
  if (result != AVIF_RESULT_OK) return ErrorOf(result);
  const int64_t pixels = int64_t{decoder->image->width} * decoder->image->height;
  if (pixels < 1 || pixels > header.width * header.height) {
    return CorruptImage("the AVIF's sizes contradict each other");
  }
  const avifCropRect shown = Shown(*decoder->image);
  receiver.SetSize(shown.width, shown.height);
  const auto size = std::pair(decoder->image->width, decoder->image->height);
  while (true) {
    VIGIE_RETURN_IF_ERROR(receiver.Spend(pixels));
    result = avifDecoderNextImage(decoder.get());
    if (result == AVIF_RESULT_NO_IMAGES_REMAINING) return absl::OkStatus();
    if (result != AVIF_RESULT_OK) return ErrorOf(result);
    const avifImage& image = *decoder->image;
    if (std::pair(image.width, image.height) != size) {
      return CorruptImage("a frame of the AVIF has another size");
    }
    PixelBuffer kept;
    VIGIE_ASSIGN_OR_RETURN(kept, PixelsOf(image, shown, receiver.sample()));
    if (!receiver.Take(std::move(kept), static_cast<int64_t>(1000 * decoder->imageTiming.pts))) {
      return absl::OkStatus();
    }
  }
}

}  // namespace vigie
