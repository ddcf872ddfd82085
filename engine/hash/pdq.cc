#include "engine/hash/pdq.h"

#include <algorithm>

#include "engine/hash/dct.h"

namespace vigie {
namespace {

constexpr size_t kPreScaledSide = 512;

bool TooSmall(const PixelView& pixels) {
  return pixels.width < kPdqMinSide || pixels.height < kPdqMinSide;
}

// Luma of one row at the given byte offsets. Rec. 601 weights, summed left to right.
void LumaRow(const uint8_t* row, ChannelOrder order, const std::vector<size_t>& columns,
             float* out) {
  if (order == ChannelOrder::kGray) {
    for (size_t x = 0; x < columns.size(); ++x) out[x] = row[columns[x]];
    return;
  }
  const size_t red = order == ChannelOrder::kRgb ? 0 : 2;
  for (size_t x = 0; x < columns.size(); ++x) {
    const uint8_t* pixel = row + columns[x];
    out[x] = 0.299f * static_cast<float>(pixel[red]) + 0.587f * static_cast<float>(pixel[1]) +
             0.114f * static_cast<float>(pixel[2 - red]);
  }
}

}  // namespace

// What the two functions share; a class only to reach the scratch's buffers.
class PdqHasher {
 public:
  // Pixels to their filtered 64x64 form. With `keep_64`, a 64x64 picture is taken as it is.
  static void Reduce(const PixelView& pixels, Profile profile, bool keep_64, PdqScratch& scratch,
                     Decimated& out) {
    size_t width = static_cast<size_t>(pixels.width);
    size_t height = static_cast<size_t>(pixels.height);
    if (profile == Profile::kReference && (width > kPreScaledSide || height > kPreScaledSide)) {
      width = kPreScaledSide;
      height = kPreScaledSide;
    }
    LoadLuma(pixels, width, height, scratch);
    if (keep_64 && width == kDecimatedSide && height == kDecimatedSide) {
      std::copy_n(scratch.jarosz_.plane.data(), width * height, &out[0][0]);
      return;
    }
    FilterAndDecimate(width, height, scratch.jarosz_, out);
  }

 private:
  // Luma of the picture sampled by nearest neighbour to width x height, into scratch.plane. Pixels
  // that the sampling does not select are never touched.
  static void LoadLuma(const PixelView& pixels, size_t width, size_t height, PdqScratch& scratch) {
    const size_t in_width = static_cast<size_t>(pixels.width);
    const size_t in_height = static_cast<size_t>(pixels.height);
    const size_t channels = static_cast<size_t>(pixels.channels());
    scratch.columns_.resize(width);
    for (size_t x = 0; x < width; ++x) scratch.columns_[x] = x * in_width / width * channels;
    std::vector<float>& plane = scratch.jarosz_.plane;
    if (plane.size() < width * height) plane.resize(width * height);
    for (size_t y = 0; y < height; ++y) {
      LumaRow(pixels.row(static_cast<int>(y * in_height / height)), pixels.order, scratch.columns_,
              plane.data() + y * width);
    }
  }
};

PdqResult ComputePdq(const PixelView& pixels, Profile profile, PdqScratch& scratch) {
  if (TooSmall(pixels)) return {};
  Decimated reduced;
  PdqHasher::Reduce(pixels, profile, /*keep_64=*/true, scratch, reduced);
  Frequencies frequencies;
  Dct64To16(reduced, frequencies);
  return {.hash = AboveMedian(frequencies), .quality = Quality(reduced)};
}

PdqOrientations ComputePdqOrientations(const PixelView& pixels, Profile profile,
                                       PdqScratch& scratch) {
  if (TooSmall(pixels)) return {};
  Decimated reduced;
  PdqHasher::Reduce(pixels, profile, /*keep_64=*/false, scratch, reduced);
  Frequencies frequencies;
  Dct64To16(reduced, frequencies);
  PdqOrientations result;
  result.quality = Quality(reduced);
  for (int o = 0; o < kOrientations; ++o) {
    Frequencies turned;
    Orient(frequencies, static_cast<Orientation>(o), turned);
    result.hashes[static_cast<size_t>(o)] = AboveMedian(turned);
  }
  return result;
}

}  // namespace vigie
