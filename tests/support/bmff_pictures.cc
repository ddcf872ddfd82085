#include "tests/support/bmff_pictures.h"

#include <avif/avif.h>
#include <libheif/heif.h>

#include <cstring>
#include <memory>
#include <stdexcept>

// The HEVC encoder behind libheif keeps a table until the end: the leak check of a sanitizer asks.
extern "C" const char* __lsan_default_suppressions() { return "leak:x265::\n"; }

namespace vigie::testing {
namespace {

void Require(bool fine) {
  if (!fine) throw std::runtime_error("the picture cannot be encoded");
}

void SetShownPart(const AvifOptions& options, avifImage* image) {
  if (options.shown_width == 0) return;
  image->transformFlags = AVIF_TRANSFORM_CLAP;
  image->clap = {.widthN = static_cast<uint32_t>(options.shown_width),
                 .widthD = 1,
                 .heightN = static_cast<uint32_t>(options.shown_height),
                 .heightD = 1,
                 .horizOffN = 0,
                 .horizOffD = 1,
                 .vertOffN = 0,
                 .vertOffD = 1};
}

// `picture` with the alpha of `options`, as the encoder takes it.
void AddPicture(const Picture& picture, const AvifOptions& options, bool still,
                avifEncoder* encoder) {
  const std::unique_ptr<avifImage, decltype(&avifImageDestroy)> image(
      avifImageCreate(static_cast<uint32_t>(picture.width), static_cast<uint32_t>(picture.height),
                      options.ten_bits ? 10 : 8, AVIF_PIXEL_FORMAT_YUV444),
      avifImageDestroy);
  SetShownPart(options, image.get());
  std::vector<uint8_t> bgra;
  for (size_t at = 0; at < picture.data.size(); at += 3) {
    bgra.insert(bgra.end(), {picture.data[at], picture.data[at + 1], picture.data[at + 2]});
    bgra.push_back(options.alpha);
  }
  avifRGBImage rgb;
  avifRGBImageSetDefaults(&rgb, image.get());
  rgb.depth = 8;
  rgb.format = AVIF_RGB_FORMAT_BGRA;
  rgb.ignoreAlpha = options.alpha == 255 ? AVIF_TRUE : AVIF_FALSE;
  rgb.pixels = bgra.data();
  rgb.rowBytes = 4 * image->width;
  Require(avifImageRGBToYUV(image.get(), &rgb) == AVIF_RESULT_OK);
  Require(avifEncoderAddImage(encoder, image.get(), 1,
                              still ? AVIF_ADD_IMAGE_FLAG_SINGLE : AVIF_ADD_IMAGE_FLAG_NONE) ==
          AVIF_RESULT_OK);
}

heif_error Append(heif_context*, const void* data, size_t size, void* to) {
  auto& bytes = *static_cast<std::vector<uint8_t>*>(to);
  bytes.insert(bytes.end(), static_cast<const uint8_t*>(data),
               static_cast<const uint8_t*>(data) + size);
  return {.code = heif_error_Ok, .subcode = heif_suberror_Unspecified, .message = "Success"};
}

}  // namespace

std::vector<uint8_t> EncodeAvif(const std::vector<Picture>& pictures, const AvifOptions& options) {
  const std::unique_ptr<avifEncoder, decltype(&avifEncoderDestroy)> encoder(avifEncoderCreate(),
                                                                            avifEncoderDestroy);
  encoder->maxThreads = 1;
  encoder->speed = 8;
  encoder->minQuantizer = 1;
  encoder->maxQuantizer = 5;
  encoder->timescale = 10;
  for (const Picture& picture : pictures) {
    AddPicture(picture, options, pictures.size() == 1, encoder.get());
  }
  avifRWData data = AVIF_DATA_EMPTY;
  const avifResult result = avifEncoderFinish(encoder.get(), &data);
  std::vector<uint8_t> bytes(data.data, data.data + data.size);
  avifRWDataFree(&data);
  Require(result == AVIF_RESULT_OK);
  return bytes;
}

std::vector<uint8_t> EncodeHeic(const Picture& picture, bool turn) {
  if (heif_have_encoder_for_format(heif_compression_HEVC) == 0) return {};
  heif_image* image = nullptr;
  heif_image_create(picture.width, picture.height, heif_colorspace_RGB, heif_chroma_interleaved_RGB,
                    &image);
  heif_image_add_plane(image, heif_channel_interleaved, picture.width, picture.height, 8);
  int stride = 0;
  uint8_t* const plane = heif_image_get_plane(image, heif_channel_interleaved, &stride);
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      const uint8_t* const bgr = picture.view().row(y) + 3 * x;
      for (int c = 0; c < 3; ++c) plane[y * stride + 3 * x + c] = bgr[2 - c];
    }
  }
  heif_context* const context = heif_context_alloc();
  heif_encoder* encoder = nullptr;
  heif_context_get_encoder_for_format(context, heif_compression_HEVC, &encoder);
  heif_encoder_set_lossy_quality(encoder, 95);
  heif_encoder_set_logging_level(encoder, 0);
  heif_encoding_options* const options = heif_encoding_options_alloc();
  if (turn) options->image_orientation = heif_orientation_rotate_90_cw;
  const heif_error encoded = heif_context_encode_image(context, image, encoder, options, nullptr);
  std::vector<uint8_t> bytes;
  heif_writer writer = {.writer_api_version = 1, .write = Append};
  const heif_error written = heif_context_write(context, &writer, &bytes);
  heif_encoding_options_free(options);
  heif_encoder_release(encoder);
  heif_context_free(context);
  heif_image_release(image);
  Require(encoded.code == heif_error_Ok && written.code == heif_error_Ok);
  return bytes;
}

}  // namespace vigie::testing
