// The quotients of the kernels are those of a division, to the bit, on every instruction set that
// this machine has.
#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <vector>

#include "engine/base/simd.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/unit/hash/divide_test.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "engine/hash/divide_inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace vigie {
namespace HWY_NAMESPACE {
namespace {

// How many of the `size` floats, a multiple of 16, have another quotient than by division.
size_t CountWrong(const float* dividends, size_t size, size_t count) {
  const hn::CappedTag<float, 16> d;
  size_t wrong = 0;
  WithDivisor(count, [&](auto divide) HWY_ATTR {
    const auto divisor = hn::Set(d, static_cast<float>(count));
    for (size_t i = 0; i < size; i += hn::Lanes(d)) {
      const auto v = hn::LoadU(d, dividends + i);
      wrong += hn::Lanes(d) - hn::CountTrue(d, hn::Eq(divide(v), hn::Div(v, divisor)));
    }
  });
  return wrong;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace vigie
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vigie {
namespace {

HWY_EXPORT(CountWrong);

class Divide : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { ASSERT_TRUE(ForceSimdTarget(GetParam()).ok()); }
  void TearDown() override { ASSERT_TRUE(ForceSimdTarget("").ok()); }
};

// Neither a power of two in the dividend nor one in the count changes the significand of a
// quotient, so all significands of one binade by the odd counts are all cases there are.
TEST_P(Divide, HasTheBitsOfADivisionForEverySignificandAndProvenCount) {
  constexpr size_t kSignificands = size_t{1} << 23;
  std::vector<float> dividends(kSignificands);
  for (size_t i = 0; i < kSignificands; ++i) {
    dividends[i] = std::bit_cast<float>(static_cast<uint32_t>(0x3F800000 + i));
  }
  for (size_t count = 1; count <= HWY_NAMESPACE::kLargestProvenCount; count += 2) {
    ASSERT_EQ(HWY_DYNAMIC_DISPATCH(CountWrong)(dividends.data(), kSignificands, count), 0U)
        << count;
  }
}

TEST_P(Divide, HasTheBitsOfADivisionForOtherCountsAndMagnitudes) {
  std::vector<float> dividends;
  for (float scale = 0x1p-90f; scale < 0x1p30f; scale *= 2) {
    for (int i = 0; i < 1024; ++i) dividends.push_back(scale * (1 + static_cast<float>(i) / 997));
  }
  dividends.resize(dividends.size() / 16 * 16, 0.0f);
  for (size_t count = 1; count < 600; ++count) {
    ASSERT_EQ(HWY_DYNAMIC_DISPATCH(CountWrong)(dividends.data(), dividends.size(), count), 0U)
        << count;
  }
}

INSTANTIATE_TEST_SUITE_P(Hash, Divide, ::testing::ValuesIn(SimdTargets()),
                         [](const auto& param) { return param.param; });

}  // namespace
}  // namespace vigie
#endif
