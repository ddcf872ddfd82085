#include "engine/hash/pdq.h"

#include <cstddef>

#include "engine/hash/filter.h"
#include "engine/hash/transform.h"

namespace vigie {
namespace {

constexpr size_t kPreScaledSide = 512;

bool TooSmall(const PixelView& pixels) {
  return pixels.width < kPdqMinSide || pixels.height < kPdqMinSide;
}

void ReduceBy(const PixelView& pixels, Profile profile, PdqScratch& scratch, Reduced& out) {
  const auto width = static_cast<size_t>(pixels.width);
  const auto height = static_cast<size_t>(pixels.height);
  if (profile == Profile::kReference && (width > kPreScaledSide || height > kPreScaledSide)) {
    Reduce(pixels, kPreScaledSide, kPreScaledSide, scratch, out);
  } else {
    Reduce(pixels, width, height, scratch, out);
  }
}

}  // namespace

PdqResult ComputePdq(const PixelView& pixels, Profile profile, PdqScratch& scratch) {
  if (TooSmall(pixels)) return {};
  Reduced reduced;
  if (pixels.width == kReducedSide && pixels.height == kReducedSide) {
    LumaOnly(pixels, scratch, reduced);
  } else {
    ReduceBy(pixels, profile, scratch, reduced);
  }
  Frequencies frequencies;
  Dct64To16(reduced, frequencies);
  return {.hash = AboveMedian(frequencies), .quality = Quality(reduced)};
}

PdqOrientations ComputePdqOrientations(const PixelView& pixels, Profile profile,
                                       PdqScratch& scratch) {
  if (TooSmall(pixels)) return {};
  Reduced reduced;
  ReduceBy(pixels, profile, scratch, reduced);
  Frequencies frequencies;
  Dct64To16(reduced, frequencies);
  return {.hashes = AboveMedianOfAll(frequencies), .quality = Quality(reduced)};
}

}  // namespace vigie
