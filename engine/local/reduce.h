// A picture of any size as a small grey one.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/base/pixels.h"

namespace vigie {

// Rows without padding.
struct GrayPicture {
  int width = 0;
  int height = 0;
  std::vector<uint8_t> pixels;
};

// `pixels` in grey, its longer side reduced to `most_side` when it is longer. Each pixel is the
// mean of what it covers: first of whole squares of pixels, exactly, then, with at most twice as
// many pixels a side left, of areas in 1/256 pixel. Integers only. Throws std::bad_alloc; memory is
// a row of the picture and the result.
GrayPicture ReduceToGray(const PixelView& pixels, int most_side);

}  // namespace vigie
