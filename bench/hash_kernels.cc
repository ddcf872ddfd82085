#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limits>

#include "bench/hash.h"
#include "bench/inputs.h"
#include "engine/base/simd.h"
#include "engine/hash/pdq.h"
#include "engine/hash/pdq_definition.h"

namespace vigie::bench {
namespace {

constexpr uint64_t kSeed = 3;

// Microseconds of one call.
template <typename Work>
double Time(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
  return took.count();
}

// One size on all targets. In each round everything is called once, so that what the machine does
// meanwhile happens to all; the fastest call counts.
void MeasureSize(int side, ChannelOrder order, double seconds, std::vector<KernelRow>* rows,
                 bool* all_right) {
  const Picture picture = MakePicture(side, side, order, kSeed);
  const PixelView pixels = picture.view();
  PdqScratch scratch;
  definition::Scratch plain;
  const PdqResult one = definition::ComputePdq(pixels, Profile::kReference, plain);
  const auto all = definition::ComputePdqOrientations(pixels, Profile::kReference, plain);

  std::vector<KernelRow> measured;
  for (const std::string& target : SimdTargets()) {
    static_cast<void>(ForceSimdTarget(target));
    const PdqResult got = ComputePdq(pixels, Profile::kReference, scratch);
    const PdqOrientations got_all = ComputePdqOrientations(pixels, Profile::kReference, scratch);
    static_cast<void>(ForceSimdTarget(""));
    if (got.hash != one.hash || got.quality != one.quality || got_all.hashes != all.hashes ||
        got_all.quality != all.quality) {
      std::fprintf(stderr, "vigie-bench: %s at %d: other bits than the definition; not timed\n",
                   target.c_str(), side);
      *all_right = false;
      continue;
    }
    constexpr double kNever = std::numeric_limits<double>::infinity();
    measured.push_back({.side = side,
                        .order = order,
                        .target = target,
                        .us = kNever,
                        .eight_us = kNever,
                        .definition_us = kNever});
  }
  double definition_us = std::numeric_limits<double>::infinity();
  for (double spent_us = 0; spent_us < seconds * 1e6;) {
    const double us = Time([&] { definition::ComputePdq(pixels, Profile::kReference, plain); });
    definition_us = std::min(definition_us, us);
    spent_us += us;
    for (KernelRow& row : measured) {
      static_cast<void>(ForceSimdTarget(row.target));
      const double us_one = Time([&] { ComputePdq(pixels, Profile::kReference, scratch); });
      const double us_all =
          Time([&] { ComputePdqOrientations(pixels, Profile::kReference, scratch); });
      row.us = std::min(row.us, us_one);
      row.eight_us = std::min(row.eight_us, us_all);
      spent_us += us_one + us_all;
    }
  }
  static_cast<void>(ForceSimdTarget(""));
  for (KernelRow& row : measured) {
    row.definition_us = definition_us;
    rows->push_back(row);
  }
}

}  // namespace

std::vector<KernelRow> MeasureKernels(double seconds, bool* all_right) {
  std::vector<KernelRow> rows;
  const std::string target = ActiveSimdTarget();
  for (const int side : {64, 256, 512, 1024}) {
    for (const ChannelOrder order : {ChannelOrder::kGray, ChannelOrder::kBgr}) {
      std::fprintf(stderr, "vigie-bench: kernels, %dx%d %s\n", side, side,
                   order == ChannelOrder::kGray ? "grey" : "colour");
      MeasureSize(side, order, seconds, &rows, all_right);
    }
  }
  static_cast<void>(ForceSimdTarget(target));  // as VIGIE_SIMD has it
  return rows;
}

}  // namespace vigie::bench
