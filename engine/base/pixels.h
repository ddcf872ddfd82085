// Decoded pixels on their way from the decoder to the hash: a view, owned by somebody else.
#pragma once

#include <cstddef>
#include <cstdint>

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

}  // namespace vigie
