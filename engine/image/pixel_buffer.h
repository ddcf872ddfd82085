// Inside engine/image only: pixels on their way out of a decoder, and which of them are kept.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/base/pixels.h"
#include "engine/image/decoder.h"
#include "engine/image/format.h"

namespace vigie {

// Rows without padding, shared by whoever looks at them. The memory is not cleared: whoever makes
// one writes every pixel, or gives it to nobody.
struct PixelBuffer {
  std::shared_ptr<uint8_t[]> data;
  int width = 0;
  int height = 0;
  ChannelOrder order = ChannelOrder::kBgr;

  // Throws std::bad_alloc.
  static PixelBuffer Make(int width, int height, ChannelOrder order);

  PixelView view() const;
  size_t stride_bytes() const { return view().stride_bytes; }
  uint8_t* row(int y) const { return data.get() + static_cast<size_t>(y) * stride_bytes(); }
};

// Which pixels of a picture a Sampling keeps: in nearest-neighbour order, pixel (x, y) of the
// sample is pixel (column(x), row(y)) of the picture. Without need to sample, all of them.
class Sample {
 public:
  Sample(int64_t width, int64_t height, Sampling sampling);

  int picture_width() const { return static_cast<int>(in_width_); }
  int picture_height() const { return static_cast<int>(in_height_); }
  bool all() const { return all_; }
  int width() const { return static_cast<int>(all_ ? in_width_ : kPreScaledSide); }
  int height() const { return static_cast<int>(all_ ? in_height_ : kPreScaledSide); }
  int column(int x) const { return static_cast<int>(all_ ? x : x * in_width_ / kPreScaledSide); }
  int row(int y) const { return static_cast<int>(all_ ? y : y * in_height_ / kPreScaledSide); }

 private:
  static constexpr int64_t kPreScaledSide = 512;  // of PDQ's reference profile

  int64_t in_width_;
  int64_t in_height_;
  bool all_;
};

// 8-bit samples of four channels, the fourth being how opaque the pixel is.
struct AlphaView {
  const uint8_t* data = nullptr;
  size_t stride_bytes = 0;
  ChannelOrder order = ChannelOrder::kBgr;  // of the first three
  Transparency transparency = Transparency::kStraight;
};

// The value of a sample on a white background: (c * a + 255 * (255 - a)) / 255, rounded.
inline uint8_t OnWhite(int sample, int alpha) {
  return static_cast<uint8_t>((sample * alpha + 255 * (255 - alpha) + 127) / 255);
}

// The same of colours that are stored times alpha.
inline uint8_t PremultipliedOnWhite(int sample, int alpha) {
  return static_cast<uint8_t>(std::min(255, sample + 255 - alpha));
}

// The kept pixels on a white background. Throws std::bad_alloc.
PixelBuffer CompositeSample(const AlphaView& pixels, const Sample& sample);

// The kept pixels of `pixels`, copied. Throws std::bad_alloc.
PixelBuffer CopySample(const PixelView& pixels, const Sample& sample);

}  // namespace vigie
