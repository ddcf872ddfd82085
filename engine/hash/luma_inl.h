// A row of the picture, sampled, as bytes and as luma.
#if defined(VIGIE_ENGINE_HASH_LUMA_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef VIGIE_ENGINE_HASH_LUMA_INL_H_
#undef VIGIE_ENGINE_HASH_LUMA_INL_H_
#else
#define VIGIE_ENGINE_HASH_LUMA_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "engine/hash/filter_plan.h"
#include "engine/hash/with_constant.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace vigie {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR

HWY_INLINE size_t Shuffle(const Sampling& /*sampling*/, const uint8_t* /*row*/, size_t /*width*/,
                          uint8_t* /*out*/) {
  return 0;
}

#else

// Samples pixels of `row`, a group at a time. Returns how many.
HWY_INLINE size_t Shuffle(const Sampling& sampling, const uint8_t* row, size_t width,
                          uint8_t* HWY_RESTRICT out) {
  const hn::FixedTag<uint8_t, kShuffled> d;
  if (sampling.loads == 0) return 0;
  const size_t groups = width / sampling.group;
  const uint32_t* bases = sampling.bases;
  const uint8_t* positions = sampling.positions;
  WithConstant(sampling.loads, [&](auto loads) HWY_ATTR {
    for (size_t i = 0; i < groups; ++i) {
      auto pixels = hn::Zero(d);
      for (size_t k = 0; k < loads; ++k) {
        const auto bytes = hn::LoadU(d, row + bases[i] + k * kShuffled);
        const auto from = hn::Load(d, positions + (i * loads + k) * kShuffled);
        pixels = hn::Or(pixels, hn::TableLookupBytesOr0(bytes, from));
      }
      hn::Store(pixels, d, out + i * kShuffled);
    }
  });
  return groups * sampling.group;
}

#endif

// Samples row `y` of the sampled picture into plan.gray or plan.color. Bytes outside the picture's
// rows are never touched.
HWY_INLINE void LoadRow(const FilterPlan& plan, size_t y) {
  const PixelView& pixels = plan.pixels;
  const size_t from = y * static_cast<size_t>(pixels.height) / plan.y.length;
  const uint8_t* row = pixels.row(static_cast<int>(from));
  const size_t width = plan.x.length;
  const Sampling& sampling = plan.sampling;
  if (pixels.order == ChannelOrder::kGray) {
    size_t x = Shuffle(sampling, row, width, plan.gray);
    for (; x < width; ++x) plan.gray[x] = row[sampling.offsets[x]];
    return;
  }
  size_t x = Shuffle(sampling, row, width, reinterpret_cast<uint8_t*>(plan.color));
  for (; x < width; ++x) {
    const uint8_t* pixel = row + sampling.offsets[x];
    plan.color[x] = uint32_t{pixel[0]} | uint32_t{pixel[1]} << 8 | uint32_t{pixel[2]} << 16;
  }
}

// Luma of the sampled row. Rec. 601 weights, summed left to right. `out` has room for whole
// vectors.
HWY_INLINE void Luma(const FilterPlan& plan, float* HWY_RESTRICT out) {
  const hn::CappedTag<float, kMaxLanes> d;
  const hn::RebindToSigned<decltype(d)> d32;
  if (plan.color == nullptr) {
    const hn::Rebind<uint8_t, decltype(d)> d8;
    for (size_t x = 0; x < plan.x.length; x += hn::Lanes(d)) {
      const auto gray = hn::PromoteTo(d32, hn::LoadU(d8, plan.gray + x));
      hn::Store(hn::ConvertTo(d, gray), d, out + x);
    }
    return;
  }
  const bool rgb = plan.pixels.order == ChannelOrder::kRgb;
  const auto first_weight = hn::Set(d, rgb ? 0.299f : 0.114f);
  const auto green_weight = hn::Set(d, 0.587f);
  const auto last_weight = hn::Set(d, rgb ? 0.114f : 0.299f);
  const auto byte = hn::Set(d32, 0xFF);
  for (size_t x = 0; x < plan.x.length; x += hn::Lanes(d)) {
    const auto pixels = hn::Load(d32, reinterpret_cast<const int32_t*>(plan.color) + x);
    const auto first = hn::ConvertTo(d, hn::And(pixels, byte));
    const auto green = hn::ConvertTo(d, hn::And(hn::ShiftRight<8>(pixels), byte));
    const auto last = hn::ConvertTo(d, hn::ShiftRight<16>(pixels));
    const auto a = hn::Mul(first, first_weight);
    const auto b = hn::Mul(green, green_weight);
    const auto c = hn::Mul(last, last_weight);
    // Red first; a sum of two does not depend on their order.
    hn::Store(rgb ? hn::Add(hn::Add(a, b), c) : hn::Add(hn::Add(c, b), a), d, out + x);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace vigie
HWY_AFTER_NAMESPACE();

#endif  // toggled
