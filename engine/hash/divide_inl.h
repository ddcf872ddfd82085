// Division of many floats by one small count, with the bits of a true division. Included once for
// every instruction set, as Highway's own headers are.
#if defined(VIGIE_ENGINE_HASH_DIVIDE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef VIGIE_ENGINE_HASH_DIVIDE_INL_H_
#undef VIGIE_ENGINE_HASH_DIVIDE_INL_H_
#else
#define VIGIE_ENGINE_HASH_DIVIDE_INL_H_
#endif

#include <bit>
#include <cstddef>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace vigie {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Up to here DivideCorrected was compared with division for every significand (divide_test.cc).
constexpr size_t kLargestProvenCount = 64;

// By a power of two: the product with the reciprocal, which is exact.
struct DivideExact {
  float reciprocal;
  template <class V>
  HWY_INLINE V operator()(V v) const {
    return hn::Mul(v, hn::Set(hn::DFromV<V>(), reciprocal));
  }
};

// The product with the rounded reciprocal is at most a little beside the quotient. The remainder
// of that quotient is exact when fused, and what it adds rounds to the true quotient (Markstein
// 1990). Only where fused multiply-adds are instructions.
struct DivideCorrected {
  float count;
  float reciprocal;
  template <class V>
  HWY_INLINE V operator()(V v) const {
    const hn::DFromV<V> d;
    const V r = hn::Set(d, reciprocal);
    const V quotient = hn::Mul(v, r);
    const V remainder = hn::NegMulAdd(quotient, hn::Set(d, count), v);
    return hn::MulAdd(remainder, r, quotient);
  }
};

struct Divide {
  float count;
  template <class V>
  HWY_INLINE V operator()(V v) const {
    return hn::Div(v, hn::Set(hn::DFromV<V>(), count));
  }
};

// Calls use(divide) where divide(v) is v / count, bit by bit, by the fastest of the ways above.
// A quotient under 2^-126 may differ; no window over samples of 0.114 and more has one.
template <class Use>
HWY_INLINE void WithDivisor(size_t count, const Use& use) {
  const float divisor = static_cast<float>(count);
  if (std::has_single_bit(count)) return use(DivideExact{1 / divisor});
#if HWY_NATIVE_FMA
  if (count <= kLargestProvenCount) return use(DivideCorrected{divisor, 1 / divisor});
#endif
  use(Divide{divisor});
}

}  // namespace HWY_NAMESPACE
}  // namespace vigie
HWY_AFTER_NAMESPACE();

#endif  // toggled
