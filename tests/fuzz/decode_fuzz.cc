// Any bytes through the decoder, in both modes, and what comes out through the hash.
#include <cstdlib>

#include "engine/hash/pdq.h"
#include "engine/image/decoder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Small, so that a fuzzer spends its time on many pictures and not on large ones.
  constexpr vigie::DecodeLimits kLimits = {.max_image_bytes = 1 << 20, .max_pixels = 1'000'000};
  static vigie::PdqScratch scratch;
  for (const auto mode : {vigie::DecodeMode::kExact, vigie::DecodeMode::kFast}) {
    const auto image = vigie::DecodeImage({data, size}, kLimits, mode);
    if (!image.ok()) {
      if (vigie::ReasonOf(image.status()).empty()) std::abort();
      continue;
    }
    if (int64_t{image->pixels.width} * image->pixels.height > kLimits.max_pixels) std::abort();
    for (const auto profile : {vigie::Profile::kReference, vigie::Profile::kFull}) {
      const auto result = vigie::ComputePdqOrientations(image->pixels, profile, scratch);
      if (result.quality < 0 || result.quality > 100) std::abort();
    }
  }
  return 0;
}
