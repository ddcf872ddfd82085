// Inside engine/image only: for decoders that go row by row, so that only what is kept takes
// memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/image/pixel_buffer.h"

namespace vigie {

// What a row holds: 8-bit samples, blue, green, red, and in all but the first a fourth.
enum class RowPixels : uint8_t {
  kBgr,
  kBgrUnused,          // the fourth says nothing
  kBgrAlpha,           // how opaque the pixel is
  kBgrMultipliedAlpha  // so too, and the others are stored times it
};

// Takes the rows of a picture, in any order, and keeps what a Sample keeps of them, on a white
// background. Nothing throws but the constructor, and nothing has a destructor that a jump must not
// leave out while a row is put.
class KeptRows {
 public:
  // Throws std::bad_alloc.
  explicit KeptRows(const Sample& sample);

  // Whether anything of row `y` is kept. Put() does nothing with the others.
  bool Wants(int y) const;

  // Where row `y` can be written to instead of being put; nullptr when not all of it is kept.
  uint8_t* Whole(int y) const { return sample_.all() ? out_.row(y) : nullptr; }

  void Put(int y, const uint8_t* row, RowPixels kind);

  // Only when every row was put: what was not is memory of before.
  const PixelBuffer& pixels() const { return out_; }

 private:
  int FirstAt(int y) const;

  Sample sample_;
  PixelBuffer out_;
  std::vector<size_t> columns_;  // empty when all are kept
};

}  // namespace vigie
