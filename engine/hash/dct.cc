#include "engine/hash/dct.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <numbers>

namespace vigie {
namespace {

constexpr int kMedianRank = 127;  // counted from 0

struct CosineTable {
  float rows[kDctSide][kDecimatedSide];

  CosineTable() {
    // Rounded to float first, multiplied in double, rounded again: the reference's order.
    const float scale = static_cast<float>(std::sqrt(2.0 / kDecimatedSide));
    for (int i = 0; i < kDctSide; ++i) {
      for (int j = 0; j < kDecimatedSide; ++j) {
        const double angle = std::numbers::pi / 2 / kDecimatedSide * (i + 1) * (2 * j + 1);
        rows[i][j] = static_cast<float>(static_cast<double>(scale) * std::cos(angle));
      }
    }
  }
};

const CosineTable& Cosines() {
  static const CosineTable table;
  return table;
}

bool IsOdd(int i) { return i % 2 != 0; }

// One step between neighbours in percent of the full scale, towards zero.
int GradientPercent(float u, float v) { return std::abs(static_cast<int>((u - v) * 100 / 255)); }

}  // namespace

void Dct64To16(const Decimated& pixels, Frequencies& out) {
  const CosineTable& d = Cosines();
  for (int i = 0; i < kDctSide; ++i) {
    // The loops over k are outside so that neighbouring sums grow side by side; each of them still
    // takes its terms in the order k = 0..63.
    float t[kDecimatedSide] = {};
    for (int k = 0; k < kDecimatedSide; ++k) {
      for (int j = 0; j < kDecimatedSide; ++j) t[j] += d.rows[i][k] * pixels[k][j];
    }
    for (int j = 0; j < kDctSide; ++j) {
      float sum = 0;
      for (int k = 0; k < kDecimatedSide; ++k) sum += t[k] * d.rows[j][k];
      out[i][j] = sum;
    }
  }
}

void Orient(const Frequencies& in, Orientation orientation, Frequencies& out) {
  for (int i = 0; i < kDctSide; ++i) {
    for (int j = 0; j < kDctSide; ++j) {
      const float value = in[i][j];
      switch (orientation) {
        case Orientation::kOriginal:
          out[i][j] = value;
          break;
        case Orientation::kRotate90:
          out[j][i] = IsOdd(j) ? value : -value;
          break;
        case Orientation::kRotate180:
          out[i][j] = IsOdd(i + j) ? -value : value;
          break;
        case Orientation::kRotate270:
          out[j][i] = IsOdd(i) ? value : -value;
          break;
        case Orientation::kFlipX:
          out[i][j] = IsOdd(i) ? value : -value;
          break;
        case Orientation::kFlipY:
          out[i][j] = IsOdd(j) ? value : -value;
          break;
        case Orientation::kFlipPlus1:
          out[j][i] = value;
          break;
        case Orientation::kFlipMinus1:
          out[j][i] = IsOdd(i + j) ? -value : value;
          break;
      }
    }
  }
}

Pdq256 AboveMedian(const Frequencies& in) {
  float sorted[kDctSide * kDctSide];
  std::memcpy(sorted, in, sizeof(sorted));
  std::nth_element(sorted, sorted + kMedianRank, std::end(sorted));
  const float median = sorted[kMedianRank];
  Pdq256 hash;
  for (int i = 0; i < kDctSide; ++i) {
    for (int j = 0; j < kDctSide; ++j) {
      if (!(in[i][j] > median)) continue;
      const size_t bit = static_cast<size_t>(kDctSide * i + j);
      hash.bytes[31 - bit / 8] |= static_cast<uint8_t>(1U << (bit % 8));
    }
  }
  return hash;
}

int Quality(const Decimated& pixels) {
  int sum = 0;
  for (int i = 0; i < kDecimatedSide; ++i) {
    for (int j = 0; j < kDecimatedSide; ++j) {
      if (i + 1 < kDecimatedSide) sum += GradientPercent(pixels[i][j], pixels[i + 1][j]);
      if (j + 1 < kDecimatedSide) sum += GradientPercent(pixels[i][j], pixels[i][j + 1]);
    }
  }
  return std::min(100, sum / 90);
}

}  // namespace vigie
