// Pixels of any size and content through the kernels of any instruction set: the bits are those of
// the definition, and nothing outside the pixels is read. The first bytes of the input choose the
// size, the order of channels, padding, profile and instruction set; the others are the pixels,
// over and over.
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "engine/base/simd.h"
#include "engine/hash/filter.h"
#include "engine/hash/pdq.h"
#include "engine/hash/pdq_definition.h"

namespace {

constexpr size_t kHeader = 7;
constexpr int kLongestSide = 700;

int Side(const uint8_t* data) { return 1 + (data[0] | data[1] << 8) % kLongestSide; }

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<std::string> targets = vigie::SimdTargets();
  static vigie::PdqScratch scratch;
  static vigie::definition::Scratch plain;
  if (size <= kHeader) return 0;
  const auto order = static_cast<vigie::ChannelOrder>(data[4] % 3);
  const auto profile = data[4] / 3 % 2 == 0 ? vigie::Profile::kReference : vigie::Profile::kFull;
  vigie::PixelView view{.data = nullptr,
                        .width = Side(data),
                        .height = Side(data + 2),
                        .stride_bytes = 0,
                        .order = order};
  const size_t row = static_cast<size_t>(view.width * view.channels());
  view.stride_bytes = row + data[5] % 70;
  // A block that ends with the last pixel, so that a sanitizer sees the first byte read outside.
  std::vector<uint8_t> pixels(view.stride_bytes * static_cast<size_t>(view.height - 1) + row);
  const size_t content = size - kHeader;
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = data[kHeader + i % content];
  view.data = pixels.data();

  Require(vigie::ForceSimdTarget(targets[data[6] % targets.size()]).ok());
  vigie::Reduced expected_pixels;
  vigie::Reduced got_pixels;
  const auto width = static_cast<size_t>(view.width);
  const auto height = static_cast<size_t>(view.height);
  vigie::definition::Reduce(view, width, height, /*unfiltered=*/false, plain, expected_pixels);
  vigie::Reduce(view, width, height, scratch, got_pixels);
  Require(std::memcmp(&got_pixels, &expected_pixels, sizeof(got_pixels)) == 0);

  const auto expected = vigie::definition::ComputePdqOrientations(view, profile, plain);
  const auto got = vigie::ComputePdqOrientations(view, profile, scratch);
  Require(got.hashes == expected.hashes && got.quality == expected.quality);
  const auto expected_one = vigie::definition::ComputePdq(view, profile, plain);
  const auto one = vigie::ComputePdq(view, profile, scratch);
  Require(one.hash == expected_one.hash && one.quality == expected_one.quality);
  return 0;
}
