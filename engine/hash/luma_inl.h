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
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace vigie {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR

HWY_INLINE size_t Shuffle(const FilterPlan& /*plan*/, const uint8_t* /*row*/,
                          uint8_t* const* /*planes*/) {
  return 0;
}

#else

// Samples the pixels of `row` to one plane a channel, 16 at a time. Returns how many.
HWY_INLINE size_t Shuffle(const FilterPlan& plan, const uint8_t* row, uint8_t* const* planes) {
  const hn::FixedTag<uint8_t, kShuffled> d;
  const Sampling& sampling = plan.sampling;
  if (sampling.loads == 0) return 0;
  const auto channels = static_cast<size_t>(plan.pixels.channels());
  const uint8_t* positions = sampling.positions;
  size_t x = 0;
  for (; x + kShuffled <= plan.x.length; x += kShuffled) {
    const uint8_t* from = row + sampling.bases[x / kShuffled];
    for (size_t c = 0; c < channels; ++c) {
      auto pixels = hn::Zero(d);
      for (size_t k = 0; k < sampling.loads; ++k, positions += kShuffled) {
        const auto bytes = hn::LoadU(d, from + k * kShuffled);
        pixels = hn::Or(pixels, hn::TableLookupBytesOr0(bytes, hn::Load(d, positions)));
      }
      hn::StoreU(pixels, d, planes[c] + x);
    }
  }
  return x;
}

#endif

// Samples row `y` of the sampled picture into plan.bytes: one plane a channel. Bytes outside the
// picture's rows are never touched.
HWY_INLINE void LoadBytes(const FilterPlan& plan, size_t y) {
  const PixelView& pixels = plan.pixels;
  const size_t from = y * static_cast<size_t>(pixels.height) / plan.y.length;
  const uint8_t* row = pixels.row(static_cast<int>(from));
  const size_t width = plan.x.length;
  const uint32_t* offsets = plan.sampling.offsets;
  if (pixels.order == ChannelOrder::kGray) {
    uint8_t* const gray = plan.bytes[0];
    if (offsets == nullptr) {
      std::copy_n(row, width, gray);
    } else {
      for (size_t x = Shuffle(plan, row, &gray); x < width; ++x) gray[x] = row[offsets[x]];
    }
    return;
  }
  const bool rgb = pixels.order == ChannelOrder::kRgb;
  uint8_t* const planes[] = {plan.bytes[rgb ? 0 : 2], plan.bytes[1], plan.bytes[rgb ? 2 : 0]};
  size_t x = 0;
  if (offsets != nullptr) {
    x = Shuffle(plan, row, planes);
  } else {
    const hn::ScalableTag<uint8_t> d;
    for (; x + hn::Lanes(d) <= width; x += hn::Lanes(d)) {
      hn::Vec<decltype(d)> a, b, c;
      hn::LoadInterleaved3(d, row + 3 * x, a, b, c);
      hn::StoreU(a, d, planes[0] + x);
      hn::StoreU(b, d, planes[1] + x);
      hn::StoreU(c, d, planes[2] + x);
    }
  }
  for (; x < width; ++x) {
    const uint8_t* pixel = row + (offsets == nullptr ? 3 * x : offsets[x]);
    for (size_t c = 0; c < 3; ++c) planes[c][x] = pixel[c];
  }
}

// The same bytes as floats, as many as a vector of D has.
template <class D>
HWY_INLINE hn::Vec<D> FloatsOfBytes(D d, const uint8_t* bytes) {
  const hn::Rebind<uint8_t, D> d8;
  const hn::Rebind<int32_t, D> d32;
  return hn::ConvertTo(d, hn::PromoteTo(d32, hn::LoadU(d8, bytes)));
}

// Luma of the row in plan.bytes. Rec. 601 weights, summed left to right. `out` has room for whole
// vectors.
HWY_INLINE void Luma(const FilterPlan& plan, float* HWY_RESTRICT out) {
  const hn::CappedTag<float, kMaxLanes> d;
  const uint8_t* const* bytes = plan.bytes.data();
  if (plan.pixels.order == ChannelOrder::kGray) {
    for (size_t x = 0; x < plan.x.length; x += hn::Lanes(d)) {
      hn::Store(FloatsOfBytes(d, bytes[0] + x), d, out + x);
    }
    return;
  }
  const auto red = hn::Set(d, 0.299f);
  const auto green = hn::Set(d, 0.587f);
  const auto blue = hn::Set(d, 0.114f);
  for (size_t x = 0; x < plan.x.length; x += hn::Lanes(d)) {
    const auto sum = hn::Add(hn::Mul(red, FloatsOfBytes(d, bytes[0] + x)),
                             hn::Mul(green, FloatsOfBytes(d, bytes[1] + x)));
    hn::Store(hn::Add(sum, hn::Mul(blue, FloatsOfBytes(d, bytes[2] + x))), d, out + x);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace vigie
HWY_AFTER_NAMESPACE();

#endif  // toggled
