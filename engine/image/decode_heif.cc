// HEIF and HEIC by libheif: the primary picture, turned and cropped as the file says.
#include <libheif/heif.h>

#include <algorithm>
#include <memory>

#include "engine/image/codecs.h"
#include "engine/image/header_parsers.h"

namespace vigie {
namespace {

struct Release {
  void operator()(heif_context* context) const { heif_context_free(context); }
  void operator()(heif_image_handle* handle) const { heif_image_handle_release(handle); }
  void operator()(heif_image* image) const { heif_image_release(image); }
  void operator()(heif_decoding_options* options) const { heif_decoding_options_free(options); }
};
template <typename T>
using Owned = std::unique_ptr<T, Release>;

absl::Status ErrorOf(const heif_error& error) {
  switch (error.code) {
    case heif_error_Memory_allocation_error:
      return NoMemoryToDecode();
    case heif_error_Unsupported_feature:
    case heif_error_Unsupported_filetype:
      return UnsupportedImage("the HEIF is coded in a way that is not supported");
    default:
      return CorruptImage("the HEIF's data cannot be decoded");
  }
}

absl::StatusOr<PixelBuffer> PixelsOf(const heif_image_handle* handle, const Sample& sample) {
  const bool transparent = heif_image_handle_has_alpha_channel(handle) != 0;
  const Owned<heif_decoding_options> options(heif_decoding_options_alloc());
  if (options == nullptr) return NoMemoryToDecode();
  options->convert_hdr_to_8bit = 1;
  heif_image* decoded = nullptr;
  const heif_error error = heif_decode_image(
      handle, &decoded, heif_colorspace_RGB,
      transparent ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB, options.get());
  const Owned<heif_image> image(decoded);
  if (error.code != heif_error_Ok) return ErrorOf(error);
  int stride = 0;
  const uint8_t* const plane =
      heif_image_get_plane_readonly(image.get(), heif_channel_interleaved, &stride);
  const int width = heif_image_get_width(image.get(), heif_channel_interleaved);
  const int height = heif_image_get_height(image.get(), heif_channel_interleaved);
  if (plane == nullptr || width != heif_image_handle_get_width(handle) ||
      height != heif_image_handle_get_height(handle)) {
    return CorruptImage("the HEIF's data has another size than its header");
  }
  if (transparent) {
    const bool multiplied = heif_image_handle_is_premultiplied_alpha(handle) != 0;
    return CompositeSample(
        {.data = plane,
         .stride_bytes = static_cast<size_t>(stride),
         .order = ChannelOrder::kRgb,
         .transparency = multiplied ? Transparency::kPremultiplied : Transparency::kStraight},
        sample);
  }
  return CopySample({.data = plane,
                     .width = width,
                     .height = height,
                     .stride_bytes = static_cast<size_t>(stride),
                     .order = ChannelOrder::kRgb},
                    sample);
}

}  // namespace

absl::Status DecodeHeif(Bytes bytes, const ImageHeader& header, FrameReceiver& receiver) {
  const Owned<heif_context> context(heif_context_alloc());
  if (context == nullptr) return NoMemoryToDecode();
  heif_context_set_max_decoding_threads(context.get(), 0);
  // The header's limits again, inside the decoder, which counts the padding of its planes too.
  constexpr int64_t kPadding = 64;
  heif_context_set_maximum_image_size_limit(
      context.get(), static_cast<int>(std::max(header.width, header.height) + kPadding));
  heif_error error = heif_context_read_from_memory_without_copy(context.get(), bytes.data(),
                                                                bytes.size(), nullptr);
  if (error.code != heif_error_Ok) return ErrorOf(error);
  heif_image_handle* primary = nullptr;
  error = heif_context_get_primary_image_handle(context.get(), &primary);
  const Owned<heif_image_handle> handle(primary);
  if (error.code != heif_error_Ok) return ErrorOf(error);
  const int64_t width = heif_image_handle_get_width(handle.get());
  const int64_t height = heif_image_handle_get_height(handle.get());
  if (width < 1 || height < 1 || width * height > header.width * header.height) {
    return CorruptImage("the HEIF's sizes contradict each other");
  }
  receiver.SetSize(width, height);
  VIGIE_RETURN_IF_ERROR(receiver.Spend(width * height));
  PixelBuffer pixels;
  VIGIE_ASSIGN_OR_RETURN(pixels, PixelsOf(handle.get(), receiver.sample()));
  receiver.Take(std::move(pixels), 0);
  if (header.animated) return UnsupportedImage("the sequence of pictures in a HEIF is not read");
  return absl::OkStatus();
}

}  // namespace vigie
