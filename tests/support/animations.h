// Animations made by arithmetic, sound ones and such as no encoder writes.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/support/pictures.h"

namespace vigie::testing {

// Where a frame lies and what becomes of it.
struct GifFrame {
  int left = 0;
  int top = 0;
  int width = 0;
  int height = 0;
  std::vector<uint8_t> indices;  // width * height of them; fewer: the data stops there
  int delay = 0;                 // hundredths of a second
  int disposal = 0;              // 0 and 1 keep, 2 clear, 3 restore
  int transparent = -1;          // palette index
  bool interlaced = false;
  std::vector<uint8_t> palette;  // of its own, as GifWriter's; empty: the animation's
};

// A GIF, block by block. Nothing is checked.
class GifWriter {
 public:
  // `palette` is red, green, blue of 2, 4, 8... 256 colours; empty: none.
  GifWriter(int width, int height, const std::vector<uint8_t>& palette);
  void Add(const GifFrame& frame);
  // The file; without `trailer` as if cut off behind the last frame.
  std::vector<uint8_t> Finish(bool trailer = true);

 private:
  void Put16(int value);
  std::vector<uint8_t> bytes_;
};

// Index i is the grey (i, i, i).
std::vector<uint8_t> GrayPalette();

// A frame that covers all of a kGray picture's size, with its values as indices.
GifFrame FrameOf(const Picture& gray);

// The pictures (kGray, of one size), 100 ms each.
std::vector<uint8_t> EncodeGif(const std::vector<Picture>& pictures);

// The pictures (kBgr, of one size), 100 ms each, lossless. Throws std::runtime_error.
std::vector<uint8_t> EncodeAnimatedWebp(const std::vector<Picture>& pictures);

}  // namespace vigie::testing
