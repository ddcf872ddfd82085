// PDQ of pixels that are already decoded.
#include <benchmark/benchmark.h>

#include <string>

#include "bench/inputs.h"
#include "engine/base/digest.h"
#include "engine/hash/pdq.h"

namespace vigie::bench {
namespace {

constexpr int kSide = 512;
constexpr uint64_t kSeed = 1;
// Of the picture below. At 512x512 both profiles see the same pixels. A kernel that gives other
// bits is another algorithm, however fast.
constexpr char kExpected[] = "8373d33271a611c633170b1f5e0eb57cc763f8f4c87254b0cc776b4b29137489";

const Picture& Input() {
  static const Picture picture = MakePicture(kSide, kSide, ChannelOrder::kGray, kSeed);
  return picture;
}

void BM_Pdq(benchmark::State& state, Profile profile) {
  PdqScratch scratch;
  const PixelView pixels = Input().view();
  if (ToHex(ComputePdq(pixels, profile, scratch).hash.bytes) != kExpected) {
    return state.SkipWithError("the hash has other bits than it must");
  }
  for (auto _ : state) benchmark::DoNotOptimize(ComputePdq(pixels, profile, scratch));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(BM_Pdq, reference, Profile::kReference)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_Pdq, full, Profile::kFull)->Unit(benchmark::kMicrosecond);

void BM_PdqOrientations(benchmark::State& state, Profile profile) {
  PdqScratch scratch;
  const PixelView pixels = Input().view();
  const PdqOrientations all = ComputePdqOrientations(pixels, profile, scratch);
  if (ToHex(all.hashes[0].bytes) != kExpected) {
    return state.SkipWithError("the hash has other bits than it must");
  }
  for (auto _ : state) benchmark::DoNotOptimize(ComputePdqOrientations(pixels, profile, scratch));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(BM_PdqOrientations, reference, Profile::kReference)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_PdqOrientations, full, Profile::kFull)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace vigie::bench
