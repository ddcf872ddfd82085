// Decoded pixels on their way from the decoder to the hash: a view, owned by somebody else.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/base/types.h"

namespace vigie {

enum class ChannelOrder : uint8_t { kGray, kRgb, kBgr };

// `height` rows of `width` pixels, 8 bits a channel, 1 channel (kGray) or 3 interleaved ones.
// Row y starts at data + y * stride_bytes.
struct PixelView {
  const uint8_t* data = nullptr;
  int width = 0;
  int height = 0;
  size_t stride_bytes = 0;
  ChannelOrder order = ChannelOrder::kGray;

  int channels() const { return order == ChannelOrder::kGray ? 1 : 3; }
  const uint8_t* row(int y) const { return data + static_cast<size_t>(y) * stride_bytes; }
};

// Inside its picture, in pixels.
struct Rectangle {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;
  friend bool operator==(const Rectangle&, const Rectangle&) = default;
};

// A part of a picture that may be a picture of its own.
struct Variant {
  VariantKind kind = VariantKind::kTrimmed;
  Rectangle rectangle;
  friend bool operator==(const Variant&, const Variant&) = default;
};

}  // namespace vigie
