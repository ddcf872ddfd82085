#include "engine/hash/transform.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/hash/transform.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "engine/hash/box_inl.h"
// clang-format on

#ifndef VIGIE_ENGINE_HASH_TRANSFORM_ONCE_
#define VIGIE_ENGINE_HASH_TRANSFORM_ONCE_
namespace vigie {
namespace {

constexpr int kValues = kDctSide * kDctSide;
constexpr size_t kMedianRank = 128;  // counted from 1

// The first 16 cosines after the constant one, and the same turned.
struct CosineTable {
  alignas(64) float rows[kDctSide][kReducedSide];
  alignas(64) float columns[kReducedSide][kDctSide];

  CosineTable() {
    // Rounded to float first, multiplied in double, rounded again: the reference's order.
    const float scale = static_cast<float>(std::sqrt(2.0 / kReducedSide));
    for (int i = 0; i < kDctSide; ++i) {
      for (int j = 0; j < kReducedSide; ++j) {
        const double angle = std::numbers::pi / 2 / kReducedSide * (i + 1) * (2 * j + 1);
        rows[i][j] = columns[j][i] =
            static_cast<float>(static_cast<double>(scale) * std::cos(angle));
      }
    }
  }
};

const CosineTable& Cosines() {
  static const CosineTable table;
  return table;
}

// Numbers the floats in their order; -0 comes right before 0.
float FloatOf(int32_t number) {
  return std::bit_cast<float>(number >= 0 ? number : number ^ std::numeric_limits<int32_t>::max());
}
constexpr int32_t kInfinity = 0x7F800000;

// An orientation as what is done to the frequencies: turned first, then every other row or column
// negated, beginning with number 0.
struct Turned {
  bool turned;
  bool rows;
  bool columns;
};
constexpr Turned kTurned[kOrientations] = {
    {.turned = false, .rows = false, .columns = false},  // original
    {.turned = true, .rows = true, .columns = false},    // rotate 90
    {.turned = false, .rows = true, .columns = true},    // rotate 180: negated where i + j is odd
    {.turned = true, .rows = false, .columns = true},    // rotate 270
    {.turned = false, .rows = true, .columns = false},   // flip X
    {.turned = false, .rows = false, .columns = true},   // flip Y
    {.turned = true, .rows = false, .columns = false},   // flip plus 1
    {.turned = true, .rows = true, .columns = true},     // flip minus 1
};

}  // namespace
}  // namespace vigie
#endif

HWY_BEFORE_NAMESPACE();
namespace vigie {
namespace HWY_NAMESPACE {
namespace {

// out = left * right, 16 rows and kColumns columns. Each element is the sum of its 64 products in
// order, rounded after each operation.
template <size_t kColumns>
HWY_INLINE void Multiply(const float (&left)[kDctSide][kReducedSide],
                         const float (&right)[kReducedSide][kColumns],
                         float (&out)[kDctSide][kColumns]) {
  const Floats d;
  for (size_t i = 0; i < kDctSide; i += 4) {
    for (size_t j = 0; j < kColumns; j += hn::Lanes(d)) {
      auto sum0 = hn::Zero(d);
      auto sum1 = sum0;
      auto sum2 = sum0;
      auto sum3 = sum0;
      for (size_t k = 0; k < kReducedSide; ++k) {
        const auto row = hn::Load(d, &right[k][j]);
        sum0 = hn::Add(sum0, hn::Mul(hn::Set(d, left[i][k]), row));
        sum1 = hn::Add(sum1, hn::Mul(hn::Set(d, left[i + 1][k]), row));
        sum2 = hn::Add(sum2, hn::Mul(hn::Set(d, left[i + 2][k]), row));
        sum3 = hn::Add(sum3, hn::Mul(hn::Set(d, left[i + 3][k]), row));
      }
      hn::Store(sum0, d, &out[i][j]);
      hn::Store(sum1, d, &out[i + 1][j]);
      hn::Store(sum2, d, &out[i + 2][j]);
      hn::Store(sum3, d, &out[i + 3][j]);
    }
  }
}

void Transform(const Reduced& pixels, const CosineTable& cosines, Frequencies& out) {
  alignas(64) float half[kDctSide][kReducedSide];
  Multiply(cosines.rows, pixels.at, half);
  Multiply(half, cosines.columns, out.at);
}

// One step between neighbours in percent of the full scale, towards zero.
template <class V>
HWY_INLINE hn::Vec<hn::RebindToSigned<hn::DFromV<V>>> Percent(V u, V v) {
  const hn::DFromV<V> d;
  const hn::RebindToSigned<decltype(d)> d32;
  const V percent = hn::Div(hn::Mul(hn::Sub(u, v), hn::Set(d, 100.0f)), hn::Set(d, 255.0f));
  return hn::Abs(hn::ConvertTo(d32, percent));
}

int SumGradients(const Reduced& pixels) {
  const Floats d;
  const hn::RebindToSigned<Floats> d32;
  const size_t lanes = hn::Lanes(d);
  auto sum = hn::Zero(d32);
  for (size_t i = 0; i < kReducedSide; ++i) {
    const float* row = pixels.at[i];
    if (i + 1 < kReducedSide) {
      for (size_t j = 0; j < kReducedSide; j += lanes) {
        sum = hn::Add(sum, Percent(hn::Load(d, row + j), hn::Load(d, row + kReducedSide + j)));
      }
    }
    size_t j = 0;
    for (; j + lanes < kReducedSide; j += lanes) {
      sum = hn::Add(sum, Percent(hn::Load(d, row + j), hn::LoadU(d, row + j + 1)));
    }
    // The last vector begins one earlier, so as not to read beyond the row: its first lane is done.
    const auto last = Percent(hn::LoadU(d, row + j - 1), hn::Load(d, row + j));
    sum = hn::Add(sum, hn::IfThenZeroElse(hn::FirstN(d32, 1), last));
  }
  return hn::GetLane(hn::SumOfLanes(d32, sum));
}

// The 128th smallest of the values: floats are numbered in their order, and the number is found
// bit by bit, counting the values that are not larger.
HWY_INLINE float Median(const float* values) {
  const Floats d;
  int64_t low = -int64_t{kInfinity} - 1;
  int64_t high = kInfinity;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    const auto limit = hn::Set(d, FloatOf(static_cast<int32_t>(middle)));
    size_t count = 0;
    for (size_t i = 0; i < kValues; i += hn::Lanes(d)) {
      count += hn::CountTrue(d, hn::Le(hn::Load(d, values + i), limit));
    }
    if (count >= kMedianRank) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return FloatOf(static_cast<int32_t>(low));
}

// `in` with every other row or column negated.
HWY_INLINE void Negate(const Frequencies& in, bool rows, bool columns, Frequencies& out) {
  const Floats d;
  alignas(64) float signs[2][kDctSide];
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < kDctSide; ++j) {
      const bool negative = (rows && i == 0) != (columns && j % 2 == 0);
      signs[i][j] = negative ? -0.0f : 0.0f;
    }
  }
  for (size_t i = 0; i < kDctSide; ++i) {
    for (size_t j = 0; j < kDctSide; j += hn::Lanes(d)) {
      hn::Store(hn::Xor(hn::Load(d, &in.at[i][j]), hn::Load(d, &signs[i % 2][j])), d,
                &out.at[i][j]);
    }
  }
}

HWY_INLINE Pdq256 Above(const Frequencies& in, float median) {
  const Floats d;
  const auto limit = hn::Set(d, median);
  Pdq256 hash;
  for (size_t i = 0; i < kDctSide; ++i) {
    uint32_t row = 0;
    for (size_t j = 0; j < kDctSide; j += hn::Lanes(d)) {
      uint8_t bits[8] = {};
      hn::StoreMaskBits(d, hn::Gt(hn::Load(d, &in.at[i][j]), limit), bits);
      row |= (uint32_t{bits[0]} | uint32_t{bits[1]} << 8) << j;
    }
    hash.bytes[31 - 2 * i] = static_cast<uint8_t>(row);
    hash.bytes[30 - 2 * i] = static_cast<uint8_t>(row >> 8);
  }
  return hash;
}

void HashOne(const Frequencies& in, Pdq256& hash) { hash = Above(in, Median(&in.at[0][0])); }

void HashAll(const Frequencies& in, Pdq256* hashes) {
  Frequencies turned;
  Turn(&in.at[0][0], kDctSide, kDctSide, kDctSide, &turned.at[0][0], kDctSide);
  // Turning moves the values and keeps them: four medians serve eight orientations.
  float medians[2][2];
  for (const bool rows : {false, true}) {
    for (const bool columns : {false, true}) {
      Frequencies negated;
      Negate(in, rows, columns, negated);
      medians[rows][columns] = Median(&negated.at[0][0]);
    }
  }
  for (size_t o = 0; o < kOrientations; ++o) {
    const Turned& how = kTurned[o];
    Frequencies negated;
    Negate(how.turned ? turned : in, how.rows, how.columns, negated);
    const float median =
        how.turned ? medians[how.columns][how.rows] : medians[how.rows][how.columns];
    hashes[o] = Above(negated, median);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace vigie
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vigie {

HWY_EXPORT(Transform);
HWY_EXPORT(SumGradients);
HWY_EXPORT(HashOne);
HWY_EXPORT(HashAll);

void Dct64To16(const Reduced& pixels, Frequencies& out) {
  HWY_DYNAMIC_DISPATCH(Transform)(pixels, Cosines(), out);
}

int Quality(const Reduced& pixels) {
  return std::min(100, HWY_DYNAMIC_DISPATCH(SumGradients)(pixels) / 90);
}

Pdq256 AboveMedian(const Frequencies& in) {
  Pdq256 hash;
  HWY_DYNAMIC_DISPATCH(HashOne)(in, hash);
  return hash;
}

std::array<Pdq256, kOrientations> AboveMedianOfAll(const Frequencies& in) {
  std::array<Pdq256, kOrientations> hashes;
  HWY_DYNAMIC_DISPATCH(HashAll)(in, hashes.data());
  return hashes;
}

}  // namespace vigie
#endif
