#include "engine/variants/edges.h"

#include <algorithm>
#include <cstdlib>

namespace vigie {
namespace {

// Shades. What recompression leaves of even ground is below; the faintest edge that is looked for.
constexpr int kRough = 5;
// How much a step differs from the one before: in a blur the steps are large, but all alike.
constexpr int kBend = 4;
constexpr int kLeastStep = 6;

// to[x] = |a[x] - b[x]|
void Differences(const uint8_t* a, const uint8_t* b, size_t width, uint8_t* to) {
  for (size_t x = 0; x < width; ++x) {
    to[x] = static_cast<uint8_t>(a[x] > b[x] ? a[x] - b[x] : b[x] - a[x]);
  }
}

void SumUp(const uint8_t* flags, size_t width, uint16_t* sums) {
  uint16_t sum = 0;
  sums[0] = 0;
  for (size_t x = 0; x < width; ++x) {
    sum = static_cast<uint16_t>(sum + flags[x]);
    sums[x + 1] = sum;
  }
}

}  // namespace

Plane Transposed(const Plane& plane) {
  Plane turned{.width = plane.height, .height = plane.width, .at = {}};
  turned.at.resize(plane.at.size());
  constexpr int kTile = 32;
  for (int top = 0; top < plane.height; top += kTile) {
    const int bottom = std::min(top + kTile, plane.height);
    for (int x = 0; x < plane.width; ++x) {
      for (int y = top; y < bottom; ++y) {
        turned.at[static_cast<size_t>(x) * static_cast<size_t>(plane.height) +
                  static_cast<size_t>(y)] =
            plane.at[static_cast<size_t>(y) * static_cast<size_t>(plane.width) +
                     static_cast<size_t>(x)];
      }
    }
  }
  return turned;
}

Edges::Edges(const Plane& plane)
    : lines_(plane.height), pitch_(static_cast<size_t>(plane.width) + 1) {
  const auto width = static_cast<size_t>(plane.width);
  const auto height = static_cast<size_t>(plane.height);
  // Two rows of zeros before the first and after the last step: nothing is beyond the plane.
  constexpr size_t kMargin = 2;
  std::vector<uint8_t> steps((height + 2 * kMargin) * width);
  const auto step = [&](size_t line) { return steps.data() + (line + kMargin) * width; };
  for (size_t y = 1; y < height; ++y) {
    Differences(&plane.at[y * width], &plane.at[(y - 1) * width], width, step(y));
  }
  edge_.resize(height * pitch_);
  rough_.resize(height * pitch_);
  bent_.resize(height * pitch_);
  std::vector<uint8_t> flags(width);
  for (size_t y = 0; y < height; ++y) {
    const uint8_t* here = step(y);
    const uint8_t* before = here - width;
    const uint8_t* after = here + width;
    const uint8_t* far_before = before - width;
    const uint8_t* far_after = after + width;
    for (size_t x = 0; x < width; ++x) {
      const bool edge = here[x] >= kLeastStep && here[x] >= before[x] && here[x] >= after[x] &&
                        here[x] > far_before[x] + far_after[x];
      flags[x] = edge ? 1 : 0;
    }
    SumUp(flags.data(), width, &edge_[y * pitch_]);
    for (size_t x = 0; x < width; ++x) flags[x] = here[x] >= kRough ? 1 : 0;
    SumUp(flags.data(), width, &rough_[y * pitch_]);
    if (y < 2) std::fill(flags.begin(), flags.end(), uint8_t{0});
    for (size_t x = 0; x < width && y >= 2; ++x) {
      const uint8_t* const row = &plane.at[(y - 2) * width + x];
      if (std::abs(row[0] - 2 * row[width] + row[2 * width]) < kBend) flags[x] = 0;
    }
    SumUp(flags.data(), width, &bent_[y * pitch_]);
  }
}

}  // namespace vigie
