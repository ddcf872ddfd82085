// The passes of the filter. Every output is the result of the reference's operations in the
// reference's order (see Box); vectors hold outputs that are independent of each other.
#if defined(VIGIE_ENGINE_HASH_BOX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef VIGIE_ENGINE_HASH_BOX_INL_H_
#undef VIGIE_ENGINE_HASH_BOX_INL_H_
#else
#define VIGIE_ENGINE_HASH_BOX_INL_H_
#endif

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "engine/hash/filter_plan.h"
#include "engine/hash/with_constant.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace vigie {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Floats = hn::CappedTag<float, kMaxLanes>;

// By a power of two: the product with the reciprocal is exact, and cheaper.
struct DivideByPower {
  float reciprocal;
  template <class V>
  HWY_INLINE V operator()(V v) const {
    return hn::Mul(v, hn::Set(hn::DFromV<V>(), reciprocal));
  }
};

struct Divide {
  float count;
  template <class V>
  HWY_INLINE V operator()(V v) const {
    return hn::Div(v, hn::Set(hn::DFromV<V>(), count));
  }
};

// Calls use(divide) where divide(v) is v / count.
template <class Use>
HWY_INLINE void WithDivisor(size_t count, const Use& use) {
  const auto divisor = static_cast<float>(count);
  if (std::has_single_bit(count)) return use(DivideByPower{1 / divisor});
  use(Divide{divisor});
}

#if HWY_TARGET == HWY_SCALAR

HWY_INLINE void TurnTile(const float* in, size_t /*pitch*/, float* out, size_t out_pitch) {
  for (size_t i = 0; i < 4; ++i) out[i * out_pitch] = in[i];
}

#else

// A vector whose blocks of 4 floats come from rows `pitch` apart.
template <class D>
HWY_INLINE hn::Vec<D> LoadBlocks(D d, const float* in, size_t pitch) {
  if constexpr (hn::MaxLanes(D()) <= 4) {
    return hn::LoadU(d, in);
  } else {
    const hn::Half<D> half;
    return hn::Combine(d, LoadBlocks(half, in + hn::Lanes(half) / 4 * pitch, pitch),
                       LoadBlocks(half, in, pitch));
  }
}

// Four columns of as many rows as a vector has lanes, turned into four rows of one vector.
HWY_INLINE void TurnTile(const float* in, size_t pitch, float* out, size_t out_pitch) {
  const Floats d;
  const auto row0 = LoadBlocks(d, in, 4 * pitch);
  const auto row1 = LoadBlocks(d, in + pitch, 4 * pitch);
  const auto row2 = LoadBlocks(d, in + 2 * pitch, 4 * pitch);
  const auto row3 = LoadBlocks(d, in + 3 * pitch, 4 * pitch);
  const auto even_low = hn::InterleaveLower(d, row0, row2);
  const auto odd_low = hn::InterleaveLower(d, row1, row3);
  const auto even_high = hn::InterleaveUpper(d, row0, row2);
  const auto odd_high = hn::InterleaveUpper(d, row1, row3);
  hn::Store(hn::InterleaveLower(d, even_low, odd_low), d, out);
  hn::Store(hn::InterleaveUpper(d, even_low, odd_low), d, out + out_pitch);
  hn::Store(hn::InterleaveLower(d, even_high, odd_high), d, out + 2 * out_pitch);
  hn::Store(hn::InterleaveUpper(d, even_high, odd_high), d, out + 3 * out_pitch);
}

#endif

// Turns `rows` rows of `columns` floats into columns; `rows` is a multiple of kMaxLanes. Writes 4
// columns at a time, up to 3 more than there are.
HWY_INLINE void Turn(const float* in, size_t pitch, size_t rows, size_t columns, float* out,
                     size_t out_pitch) {
  for (size_t r = 0; r < rows; r += hn::Lanes(Floats())) {
    for (size_t c = 0; c < columns; c += 4) {
      TurnTile(in + r * pitch + c, pitch, out + c * out_pitch + r, out_pitch);
    }
  }
}

// Pass 1 of one row of bytes with zeros on both sides. Integers under 2^24 are exact in single
// precision whatever the order they are added in, so the running sum may be replaced by a sum for
// each output. Columns from the row's end to `pitch` become zero.
HWY_INLINE void BoxBytes(const uint8_t* bytes, const Box& box, float* HWY_RESTRICT out,
                         size_t pitch) {
  const Floats d;
  const hn::Rebind<uint8_t, Floats> d8;
  const hn::Rebind<int32_t, Floats> d32;
  const uint8_t* first = bytes + box.lag + 1 - box.window;  // under the window of output 0
  WithDivisor(box.window, [&](auto divide) HWY_ATTR {
    WithConstant(box.window, [&](auto window) HWY_ATTR {
      for (size_t x = 0; x < box.length; x += hn::Lanes(d)) {
        auto sum = hn::PromoteTo(d32, hn::LoadU(d8, first + x));
        for (size_t k = 1; k < window; ++k) {
          sum = hn::Add(sum, hn::PromoteTo(d32, hn::LoadU(d8, first + x + k)));
        }
        hn::Store(divide(hn::ConvertTo(d, sum)), d, out + x);
      }
    });
  });
  const auto write_again = [&](size_t x) {
    int sum = 0;
    for (size_t k = 0; k < box.window; ++k) sum += first[x + k];
    out[x] = static_cast<float>(sum) / static_cast<float>(box.Count(x));
  };
  // At the ends fewer samples are under the window.
  for (size_t x = 0; x + box.lag + 1 < box.window; ++x) write_again(x);
  for (size_t x = box.length - box.lag; x < box.length; ++x) write_again(x);
  std::fill(out + box.length, out + pitch, 0.0f);
}

// One step of the running sums of `width` columns, rounded up to whole vectors.
HWY_INLINE void Slide(const float* newest, const float* oldest, size_t width,
                      float* HWY_RESTRICT sums) {
  const Floats d;
  for (size_t x = 0; x < width; x += hn::Lanes(d)) {
    // Add first: in single precision (a + b) - c is not a + (b - c).
    const auto grown = hn::Add(hn::Load(d, sums + x), hn::Load(d, newest + x));
    hn::Store(hn::Sub(grown, hn::Load(d, oldest + x)), d, sums + x);
  }
}

// The same, and the means.
HWY_INLINE void SlideAndWrite(const float* newest, const float* oldest, size_t width,
                              float* HWY_RESTRICT sums, size_t count, float* HWY_RESTRICT out) {
  const Floats d;
  WithDivisor(count, [&](auto divide) HWY_ATTR {
    for (size_t x = 0; x < width; x += hn::Lanes(d)) {
      const auto grown = hn::Add(hn::Load(d, sums + x), hn::Load(d, newest + x));
      const auto sum = hn::Sub(grown, hn::Load(d, oldest + x));
      hn::Store(sum, d, sums + x);
      hn::Store(divide(sum), d, out + x);
    }
  });
}

// The box along kVectors vectors of rows at once: several chains of additions keep the adders busy.
// Output number i, of column wanted[i], goes to out + i * plan.strip, a float for each row.
template <size_t kVectors>
HWY_INLINE void BoxRowGroup(const FilterPlan& plan, const size_t* wanted, size_t outputs,
                            const float* in, float* out) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const size_t slot = kVectors * lanes;
  const Box& box = plan.x;
  const size_t mask = plan.ring_columns - 1;
  for (size_t t = 1; t <= box.window; ++t)
    std::fill_n(plan.ring + ((0 - t) & mask) * slot, slot, 0.0f);
  hn::Vec<Floats> sums[kVectors];
  for (size_t v = 0; v < kVectors; ++v) sums[v] = hn::Zero(d);
  size_t done = 0;
  for (size_t tile = 0;; tile += kTileColumns) {
    float* const columns = plan.ring + (tile & mask) * slot;
    for (size_t v = 0; v < kVectors; ++v) {
      const float* const rows = in + v * lanes * plan.twice.pitch + tile;
      for (size_t c = 0; c < kTileColumns; c += 4) {
        TurnTile(rows + c, plan.twice.pitch, columns + v * lanes + c * slot, slot);
      }
    }
    for (size_t t = tile; t < tile + kTileColumns; ++t) {
      const float* newest = plan.ring + (t & mask) * slot;
      const float* oldest = plan.ring + ((t - box.window) & mask) * slot;
      for (size_t v = 0; v < kVectors; ++v) {
        const auto grown = hn::Add(sums[v], hn::Load(d, newest + v * lanes));
        sums[v] = hn::Sub(grown, hn::Load(d, oldest + v * lanes));
      }
      while (t == wanted[done] + box.lag) {
        WithDivisor(box.Count(wanted[done]), [&](auto divide) HWY_ATTR {
          for (size_t v = 0; v < kVectors; ++v) {
            hn::Store(divide(sums[v]), d, out + done * plan.strip + v * lanes);
          }
        });
        if (++done == outputs) return;
      }
    }
  }
}

// Passes 1 and 3: the box along the first `rows` rows of plan.twice, or a few more, at the columns
// `wanted`. The output is turned: column i begins at out + i * plan.strip.
HWY_INLINE void BoxAlongRows(const FilterPlan& plan, const size_t* wanted, size_t outputs,
                             size_t rows, float* out) {
  const size_t lanes = hn::Lanes(Floats());
  size_t r = 0;
  for (; r + 3 * lanes < rows; r += 4 * lanes) {
    BoxRowGroup<4>(plan, wanted, outputs, plan.twice.row(static_cast<ptrdiff_t>(r)), out + r);
  }
  for (; r < rows; r += lanes) {
    BoxRowGroup<1>(plan, wanted, outputs, plan.twice.row(static_cast<ptrdiff_t>(r)), out + r);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace vigie
HWY_AFTER_NAMESPACE();

#endif  // toggled
