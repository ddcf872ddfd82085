// Straight edges and even ground: what the borders of pictures in a picture are told by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace vigie {

// Brightness, row after row.
struct Plane {
  int width = 0;
  int height = 0;
  std::vector<uint8_t> at;
};

// The same with rows and columns exchanged.
Plane Transposed(const Plane& plane);

// Steps from each row of a plane to the next, and how much of a stretch of it each takes in.
class Edges {
 public:
  explicit Edges(const Plane& plane);

  int lines() const { return lines_; }
  // The share of the pixels from `begin` to `end` (not with it) of row `line` that differ from the
  // row before by more than from anything around: 1 for the edge of a picture on a ground. 0 to 1.
  float Edge(int line, int begin, int end) const { return Share(edge_, line, begin, end); }
  // The share that differs from the row before at all: 0 for rows of even ground, gradients and
  // blur. 0 to 1.
  float Rough(int line, int begin, int end) const { return Share(rough_, line, begin, end); }
  // Likewise, without steps that are like the ones before them: 0 for a strong blur, too.
  float Bent(int line, int begin, int end) const { return Share(bent_, line, begin, end); }

 private:
  // Sums along a row; sums[line * pitch_ + x] counts the pixels before x.
  using Sums = std::vector<uint16_t>;
  float Share(const Sums& sums, int line, int begin, int end) const {
    const size_t row = static_cast<size_t>(line) * pitch_;
    const int count = sums[row + static_cast<size_t>(end)] - sums[row + static_cast<size_t>(begin)];
    return static_cast<float>(count) / static_cast<float>(end - begin);
  }

  int lines_;
  size_t pitch_;
  Sums edge_;
  Sums rough_;
  Sums bent_;
};

}  // namespace vigie
