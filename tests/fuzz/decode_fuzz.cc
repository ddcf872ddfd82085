// Any bytes of the formats in VIGIE_FUZZ_FORMATS through their decoder, in every mode, and what
// comes out through the hash. One program a decoder, so that a fuzzer learns one at a time.
#include <algorithm>
#include <cstdlib>

#include "engine/hash/pdq.h"
#include "engine/image/decoder.h"

namespace vigie {
namespace {

constexpr ImageFormat kFormats[] = {VIGIE_FUZZ_FORMATS};

// Small, so that a fuzzer spends its time on many pictures and not on large ones.
constexpr DecodeLimits kLimits = {.max_image_bytes = 1 << 20,
                                  .max_pixels = 1'000'000,
                                  .max_memory_bytes = 64 << 20,
                                  .max_animation_pixels = 2'000'000};

void Decode(Bytes bytes, DecodeMode mode, Sampling sampling, PdqScratch& scratch) {
  int given = 0;
  const auto take = [&](const Frame& frame) {
    const PixelView& pixels = frame.pixels;
    if (int64_t{pixels.width} * pixels.height > kLimits.max_pixels) std::abort();
    if (sampling == Sampling::kPdqReference && (pixels.width > 512 || pixels.height > 512)) {
      std::abort();
    }
    const auto result = ComputePdqOrientations(pixels, Profile::kReference, scratch);
    if (result.quality < 0 || result.quality > 100) std::abort();
    ++given;
    return true;
  };
  const auto summary = DecodeFrames(bytes, kLimits, mode, sampling, take);
  if (summary.ok()) {
    if (given == 0 || given > summary->frames) std::abort();
    if (!summary->rest.ok() && ReasonOf(summary->rest).empty()) std::abort();
  } else if (given != 0 || ReasonOf(summary.status()).empty()) {
    std::abort();
  }
}

}  // namespace
}  // namespace vigie

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vigie;
  static PdqScratch scratch;
  const Bytes bytes(data, size);
  const ImageFormat format = DetectFormat(bytes);
  if (std::find(std::begin(kFormats), std::end(kFormats), format) == std::end(kFormats)) return -1;
  for (const auto mode : {DecodeMode::kExact, DecodeMode::kFast}) {
    if (mode == DecodeMode::kFast && format != ImageFormat::kJpeg) continue;
    for (const auto sampling : {Sampling::kAllPixels, Sampling::kPdqReference}) {
      Decode(bytes, mode, sampling, scratch);
    }
  }
  return 0;
}
