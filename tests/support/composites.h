// Pictures put together from others, as people post them again.
#pragma once

#include <algorithm>
#include <cstddef>

#include "tests/support/pictures.h"

namespace vigie::testing {

// A canvas of one shade, of the same channels as `like`.
inline Picture Canvas(int width, int height, uint8_t shade, const Picture& like) {
  return Flat(width, height, shade, like.order);
}

// Copies `picture` onto `canvas` with its corner at (x, y). It fits.
inline void PasteAt(const Picture& picture, int x, int y, Picture* canvas) {
  const size_t channels = picture.order == ChannelOrder::kGray ? 1 : 3;
  const size_t bytes = static_cast<size_t>(picture.width) * channels;
  for (int row = 0; row < picture.height; ++row) {
    const auto from =
        picture.data.begin() + static_cast<std::ptrdiff_t>(static_cast<size_t>(row) * bytes);
    const auto to = canvas->data.begin() +
                    static_cast<std::ptrdiff_t>(
                        (static_cast<size_t>(y + row) * static_cast<size_t>(canvas->width) +
                         static_cast<size_t>(x)) *
                        channels);
    std::copy(from, from + static_cast<std::ptrdiff_t>(bytes), to);
  }
}

inline Picture Framed(const Picture& picture, int width, uint8_t shade) {
  Picture framed = Canvas(picture.width + 2 * width, picture.height + 2 * width, shade, picture);
  PasteAt(picture, width, width, &framed);
  return framed;
}

// Dark strokes in rows, as text on paper has them.
inline void WriteText(int x, int y, int width, int height, Picture* canvas) {
  const size_t channels = canvas->order == ChannelOrder::kGray ? 1 : 3;
  for (int row = y; row < y + height; ++row) {
    if ((row - y) % 16 >= 10) continue;
    for (int column = x; column < x + width; ++column) {
      const unsigned stroke = static_cast<unsigned>(column / 3 * 7919 + (row - y) / 16 * 104729);
      if (stroke % 5 > 1) continue;
      const auto at = (static_cast<size_t>(row) * static_cast<size_t>(canvas->width) +
                       static_cast<size_t>(column)) *
                      channels;
      for (size_t c = 0; c < channels; ++c) canvas->data[at + c] = 20;
    }
  }
}

}  // namespace vigie::testing
