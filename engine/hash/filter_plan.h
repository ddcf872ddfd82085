// How a picture goes through the filter: sizes, and where everything lies in the scratch.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/base/pixels.h"
#include "engine/hash/reduced.h"
#include "engine/hash/scratch.h"

namespace vigie {

// The widest vector that the kernels use, in floats. Rows are whole vectors of any instruction set.
inline constexpr size_t kMaxLanes = 16;

// Bytes of a load from the picture's row and of what a shuffle puts together.
inline constexpr size_t kShuffled = 16;

// Columns that are turned at once before the box slides over them. Divides the pitch of rows.
inline constexpr size_t kTileColumns = 16;

inline size_t RoundUp(size_t value, size_t step) { return (value + step - 1) / step * step; }

// The box filter along lines of `length` samples. Sample i of the output is the mean of the samples
// from i + lag + 1 - window to i + lag that exist, by a running sum: it is ready when sample
// i + lag has been added. Samples outside count as zero: adding or subtracting one changes nothing.
struct Box {
  explicit Box(size_t line)
      : length(line), window((line + kSteps - 1) / kSteps), lag(window / 2), wanted() {
    for (size_t i = 0; i < kReducedSide; ++i) {
      wanted[i] = static_cast<size_t>((static_cast<double>(i) + 0.5) * static_cast<double>(line) /
                                      kReducedSide);
    }
  }

  // Samples under the window at output i.
  size_t Count(size_t i) const {
    const size_t after = std::min(i + lag + 1, length);
    return after - (i + lag + 1 > window ? i + lag + 1 - window : 0);
  }

  size_t length;
  size_t window;  // one slides over a line in about 128 steps
  size_t lag;
  std::array<size_t, kReducedSide> wanted;  // outputs that the 64x64 form reads; may repeat

 private:
  static constexpr size_t kSteps = 128;
};

// Rows of floats `pitch` apart, all in one block. `history` of them lie before row 0.
struct Rows {
  float* data = nullptr;  // row 0
  size_t pitch = 0;
  size_t history = 0;

  float* row(ptrdiff_t y) const { return data + y * static_cast<ptrdiff_t>(pitch); }
};

// Which pixels of a row are sampled, by nearest neighbour, and how they get into a row of their
// own: grey as bytes, colour as 32 bits with the first channel lowest.
struct Sampling {
  size_t group = 0;             // pixels that make 16 bytes of the new row
  uint32_t* offsets = nullptr;  // of each pixel's first byte in the picture's row
  // The bytes of group i come from `loads` times 16 bytes that begin at bases[i]. The positions in
  // one load, 16 bytes, follow those in the load before; 0x80: not in this load, zero.
  // No loads: pixel by pixel instead.
  size_t loads = 0;
  uint32_t* bases = nullptr;
  uint8_t* positions = nullptr;
};

// The filter works on strips of rows that stay in the second-level cache. Rows that the window
// still needs are kept before row 0 of the next strip.
struct FilterPlan {
  // Sizes and pointers for `view` sampled to width x height. Throws std::bad_alloc.
  FilterPlan(const PixelView& view, size_t width, size_t height, PdqScratch& scratch);

  PixelView pixels;
  Box x;           // along rows of the sampled picture
  Box y;           // along its columns
  size_t strip;    // rows done together
  bool sum_bytes;  // first pass by sums of grey bytes

  Sampling sampling;
  uint8_t* gray = nullptr;         // a sampled row; zeros on both sides
  size_t gray_margin = 0;          // of them
  uint32_t* color = nullptr;       // a sampled row; null for a grey picture
  size_t* every_column = nullptr;  // 0, 1, 2...; null with sum_bytes
  float* turned = nullptr;         // columns of a strip, after pass 1; null with sum_bytes
  float* ring = nullptr;           // the columns that a window over rows reaches back to
  size_t ring_columns = 0;         // a power of two
  Rows once;                       // after pass 1, along rows
  Rows twice;                      // after pass 2, along columns; luma before pass 1
  float* narrow = nullptr;         // after pass 3, along rows: 64 columns of `strip` floats
  Rows thrice;                     // the same, in rows
  float* sums = nullptr;           // of pass 2, one a column
  float* narrow_sums = nullptr;    // of pass 4

 private:
  template <typename Place>
  void Lay(Place&& place);
  void FillSampling();
};

}  // namespace vigie
