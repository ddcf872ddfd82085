#include "engine/hash/jarosz.h"

#include <algorithm>

namespace vigie {
namespace {

// Lines of a horizontal pass computed together. A running sum is one long dependency chain;
// several independent ones keep the adder busy, and their rows still fit the first-level cache.
constexpr size_t kRowsTogether = 8;

// One window slides over the picture in about 128 steps, whatever the size of the picture.
size_t Window(size_t length) { return (length + 127) / 128; }

// BoxLines() with the distance between lanes known to the compiler where it matters: neighbouring
// floats become vector instructions.
template <bool kAdjacent>
class LaneBox {
 public:
  LaneBox(size_t lanes, size_t lane_step, float* sums)
      : lanes_(lanes), lane_step_(lane_step), sums_(sums) {
    std::fill_n(sums, lanes, 0.0f);
  }

  void Add(const float* in) {
    for (size_t l = 0; l < lanes_; ++l) sums_[l] += in[At(l)];
  }
  void AddAndWrite(const float* in, float* out, float count) {
    for (size_t l = 0; l < lanes_; ++l) {
      const float sum = sums_[l] + in[At(l)];
      sums_[l] = sum;
      out[At(l)] = sum / count;
    }
  }
  void SlideAndWrite(const float* in, const float* oldest, float* out, float count) {
    for (size_t l = 0; l < lanes_; ++l) {
      // Add first: in single precision (a + b) - c is not a + (b - c).
      const float grown = sums_[l] + in[At(l)];
      const float sum = grown - oldest[At(l)];
      sums_[l] = sum;
      out[At(l)] = sum / count;
    }
  }
  void ShrinkAndWrite(const float* oldest, float* out, float count) {
    for (size_t l = 0; l < lanes_; ++l) {
      const float sum = sums_[l] - oldest[At(l)];
      sums_[l] = sum;
      out[At(l)] = sum / count;
    }
  }

 private:
  size_t At(size_t lane) const { return kAdjacent ? lane : lane * lane_step_; }

  const size_t lanes_;
  const size_t lane_step_;
  float* __restrict__ const sums_;
};

template <bool kAdjacent>
void Box(const float* in, float* out, size_t length, size_t step, size_t lanes, size_t lane_step,
         size_t window, float* sums) {
  LaneBox<kAdjacent> box(lanes, lane_step, sums);
  const size_t half = (window + 2) / 2;
  const float* newest = in;
  const float* oldest = in;
  size_t count = 0;
  for (size_t t = 0; t < half - 1; ++t, newest += step) {
    box.Add(newest);
    ++count;
  }
  for (size_t t = 0; t < window - half + 1; ++t, newest += step, out += step) {
    ++count;
    box.AddAndWrite(newest, out, static_cast<float>(count));
  }
  for (size_t t = window; t < length; ++t, newest += step, oldest += step, out += step) {
    box.SlideAndWrite(newest, oldest, out, static_cast<float>(count));
  }
  for (size_t t = 0; t < half - 1; ++t, oldest += step, out += step) {
    --count;
    box.ShrinkAndWrite(oldest, out, static_cast<float>(count));
  }
}

void BoxAlongRows(const float* in, float* out, size_t width, size_t height, float* sums) {
  for (size_t y = 0; y < height; y += kRowsTogether) {
    BoxLines(in + y * width, out + y * width, width, 1, std::min(kRowsTogether, height - y), width,
             Window(width), sums);
  }
}

// All columns advance together, row by row: memory is read in order.
void BoxAlongColumns(const float* in, float* out, size_t width, size_t height, float* sums) {
  BoxLines(in, out, height, width, width, 1, Window(height), sums);
}

}  // namespace

void BoxLines(const float* in, float* out, size_t length, size_t step, size_t lanes,
              size_t lane_step, size_t window, float* sums) {
  if (lane_step == 1) {
    Box<true>(in, out, length, step, lanes, lane_step, window, sums);
  } else {
    Box<false>(in, out, length, step, lanes, lane_step, window, sums);
  }
}

size_t DecimatedIndex(int i, size_t length) {
  return static_cast<size_t>((i + 0.5) * static_cast<double>(length) / kDecimatedSide);
}

void FilterAndDecimate(size_t width, size_t height, JaroszScratch& scratch, Decimated& out) {
  constexpr size_t kSide = kDecimatedSide;
  // The last pass works on 64 columns only, which are more than a narrow picture has.
  const size_t size = std::max(width, kSide) * height;
  if (scratch.plane.size() < size) scratch.plane.resize(size);
  if (scratch.other.size() < size) scratch.other.resize(size);
  const size_t lanes = std::max({width, kSide, kRowsTogether});
  if (scratch.sums.size() < lanes) scratch.sums.resize(lanes);
  float* const plane = scratch.plane.data();
  float* const other = scratch.other.data();
  float* const sums = scratch.sums.data();

  BoxAlongRows(plane, other, width, height, sums);
  BoxAlongColumns(other, plane, width, height, sums);
  BoxAlongRows(plane, other, width, height, sums);

  // A column's sum depends on that column alone: columns nobody reads are left out of pass four.
  for (size_t y = 0; y < height; ++y) {
    for (int j = 0; j < kDecimatedSide; ++j) {
      plane[y * kSide + static_cast<size_t>(j)] = other[y * width + DecimatedIndex(j, width)];
    }
  }
  BoxAlongColumns(plane, other, kSide, height, sums);
  for (int i = 0; i < kDecimatedSide; ++i) {
    std::copy_n(other + DecimatedIndex(i, height) * kSide, kSide, out[i]);
  }
}

}  // namespace vigie
