#include "engine/image/pixel_buffer.h"

#include <cstring>

namespace vigie {

PixelBuffer PixelBuffer::Make(int width, int height, ChannelOrder order) {
  PixelBuffer buffer{.data = nullptr, .width = width, .height = height, .order = order};
  buffer.data =
      std::shared_ptr<uint8_t[]>(new uint8_t[buffer.stride_bytes() * static_cast<size_t>(height)]);
  return buffer;
}

PixelView PixelBuffer::view() const {
  const size_t channels = order == ChannelOrder::kGray ? 1 : 3;
  return {.data = data.get(),
          .width = width,
          .height = height,
          .stride_bytes = static_cast<size_t>(width) * channels,
          .order = order};
}

Sample::Sample(int64_t width, int64_t height, Sampling sampling)
    : in_width_(width),
      in_height_(height),
      all_(sampling == Sampling::kAllPixels ||
           (width <= kPreScaledSide && height <= kPreScaledSide)) {}

namespace {

template <typename Blend>
PixelBuffer Composite(const AlphaView& pixels, const Sample& sample, Blend blend) {
  PixelBuffer kept = PixelBuffer::Make(sample.width(), sample.height(), pixels.order);
  for (int y = 0; y < kept.height; ++y) {
    const uint8_t* const in =
        pixels.data + static_cast<size_t>(sample.row(y)) * pixels.stride_bytes;
    uint8_t* out = kept.row(y);
    for (int x = 0; x < kept.width; ++x, out += 3) {
      const uint8_t* const pixel = in + 4 * static_cast<size_t>(sample.column(x));
      for (int c = 0; c < 3; ++c) out[c] = blend(pixel[c], pixel[3]);
    }
  }
  return kept;
}

}  // namespace

PixelBuffer CompositeSample(const AlphaView& pixels, const Sample& sample) {
  return pixels.transparency == Transparency::kPremultiplied
             ? Composite(pixels, sample, PremultipliedOnWhite)
             : Composite(pixels, sample, OnWhite);
}

PixelBuffer CopySample(const PixelView& pixels, const Sample& sample) {
  PixelBuffer kept = PixelBuffer::Make(sample.width(), sample.height(), pixels.order);
  const size_t channels = static_cast<size_t>(pixels.channels());
  for (int y = 0; y < kept.height; ++y) {
    const uint8_t* const in = pixels.row(sample.row(y));
    uint8_t* out = kept.row(y);
    if (sample.all()) {
      std::memcpy(out, in, kept.stride_bytes());
      continue;
    }
    for (int x = 0; x < kept.width; ++x, out += channels) {
      std::memcpy(out, in + static_cast<size_t>(sample.column(x)) * channels, channels);
    }
  }
  return kept;
}

}  // namespace vigie
