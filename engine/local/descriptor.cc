#include "engine/local/descriptor.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <numbers>

#include "engine/local/descriptor_pattern.h"

namespace vigie {
namespace {

constexpr int kAngles = 256;
constexpr int kOne = 1 << 14;  // 1 in the table of cosines

// Rounded to 1/kOne, so that all that follows is arithmetic of integers.
struct Turn {
  int32_t cosine;
  int32_t sine;
};

const std::array<Turn, kAngles>& Turns() {
  static const auto* const kTurns = [] {
    auto* turns = new std::array<Turn, kAngles>;
    for (size_t i = 0; i < turns->size(); ++i) {
      const double angle = 2 * std::numbers::pi * static_cast<double>(i) / kAngles;
      (*turns)[i] = {static_cast<int32_t>(std::lround(kOne * std::cos(angle))),
                     static_cast<int32_t>(std::lround(kOne * std::sin(angle)))};
    }
    return turns;
  }();
  return *kTurns;
}

// Half the width of the disc's row that lies `y` from its middle.
constexpr std::array<int, kPatchRadius + 1> kHalfWidths = {15, 15, 15, 15, 14, 14, 14, 13,
                                                           13, 12, 11, 10, 9,  8,  6,  3};

// All points of the pattern, first and second of each pair in turn.
struct Points {
  static constexpr size_t kCount = 512;
  std::array<int32_t, kCount> x;
  std::array<int32_t, kCount> y;
};

const Points& PatternPoints() {
  static const auto* const kPoints = [] {
    auto* points = new Points;
    for (size_t i = 0; i < 128; ++i) {
      const PointPair& pair = kDescriptorPattern[i];
      for (size_t half = 0; half < 2; ++half) {
        const int up = half == 0 ? 1 : -1;
        const size_t at = 2 * (i + 128 * half);
        points->x[at] = pair.x1;
        points->y[at] = up * pair.y1;
        points->x[at + 1] = pair.x2;
        points->y[at + 1] = up * pair.y2;
      }
    }
    return points;
  }();
  return *kPoints;
}

}  // namespace

uint8_t OrientationOf(const uint8_t* center, int stride) {
  int right = 0;
  int down = 0;
  for (int y = -kPatchRadius; y <= kPatchRadius; ++y) {
    const int half = kHalfWidths[static_cast<size_t>(std::abs(y))];
    const uint8_t* row = center + static_cast<ptrdiff_t>(y) * stride;
    int sum = 0;
    for (int x = -half; x <= half; ++x) {
      sum += row[x];
      right += x * row[x];
    }
    down += y * sum;
  }
  const double turns = std::atan2(down, right) / (2 * std::numbers::pi);
  return static_cast<uint8_t>(std::lround(turns * kAngles) & (kAngles - 1));
}

Pdq256 DescribePlace(const uint8_t* center, int stride, uint8_t angle) {
  static const Points& points = PatternPoints();
  const Turn turn = Turns()[angle];
  std::array<int32_t, Points::kCount> offsets;
  for (size_t i = 0; i < offsets.size(); ++i) {
    // The half is added before cutting off: rounds to the nearest, also below zero.
    const int32_t x = (points.x[i] * turn.cosine - points.y[i] * turn.sine + kOne / 2) >> 14;
    const int32_t y = (points.x[i] * turn.sine + points.y[i] * turn.cosine + kOne / 2) >> 14;
    offsets[i] = y * stride + x;
  }
  Pdq256 bits;
  for (size_t byte = 0; byte < bits.bytes.size(); ++byte) {
    unsigned value = 0;
    for (size_t bit = 0; bit < 8; ++bit) {
      const size_t at = 2 * (8 * byte + bit);
      value |= static_cast<unsigned>(center[offsets[at]] < center[offsets[at + 1]]) << bit;
    }
    bits.bytes[byte] = static_cast<uint8_t>(value);
  }
  return bits;
}

Pdq256 MirroredDescriptor(const Pdq256& descriptor) {
  Pdq256 mirrored;
  constexpr size_t kHalf = sizeof(mirrored.bytes) / 2;
  for (size_t i = 0; i < kHalf; ++i) {
    mirrored.bytes[i] = descriptor.bytes[i + kHalf];
    mirrored.bytes[i + kHalf] = descriptor.bytes[i];
  }
  return mirrored;
}

}  // namespace vigie
