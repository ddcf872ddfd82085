// Decoding, alone and with hashing: what an upload costs before any search.
#include <benchmark/benchmark.h>

#include <map>
#include <utility>

#include "bench/inputs.h"
#include "engine/hash/pdq.h"
#include "engine/image/decoder.h"

namespace vigie::bench {
namespace {

constexpr uint64_t kSeed = 2;
// Bits between the hash of the pixels and that of their JPEG of quality 90.
constexpr int kMaxDistance = 8;

struct Input {
  Picture picture;
  std::vector<uint8_t> jpeg;
  Pdq256 hash;  // of the picture's own pixels
};

const Input& InputOf(int width, int height) {
  static std::map<std::pair<int, int>, Input> inputs;
  Input& input = inputs[{width, height}];
  if (input.jpeg.empty()) {
    PdqScratch scratch;
    input.picture = MakePicture(width, height, ChannelOrder::kBgr, kSeed);
    input.jpeg = ToJpeg(input.picture);
    input.hash = ComputePdq(input.picture.view(), Profile::kReference, scratch).hash;
  }
  return input;
}

// True when `image` is the whole picture of `input`, by its size and its hash.
bool IsPictureOf(const Input& input, const absl::StatusOr<DecodedImage>& image) {
  if (!image.ok() || !image->complete || image->pixels.width != input.picture.width ||
      image->pixels.height != input.picture.height) {
    return false;
  }
  PdqScratch scratch;
  const Pdq256 hash = ComputePdq(image->pixels, Profile::kReference, scratch).hash;
  return HammingDistance(hash, input.hash) <= kMaxDistance;
}

void Sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"width", "height"})
      ->Args({500, 375})
      ->Args({1600, 1200})
      ->Unit(benchmark::kMicrosecond);
}

void BM_Decode(benchmark::State& state, DecodeMode mode) {
  const Input& input = InputOf(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
  if (!IsPictureOf(input, DecodeImage(input.jpeg, DecodeLimits{}, mode))) {
    return state.SkipWithError("the decoded picture is another one");
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(DecodeImage(input.jpeg, DecodeLimits{}, mode));
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(input.jpeg.size()));
}
BENCHMARK_CAPTURE(BM_Decode, exact, DecodeMode::kExact)->Apply(Sizes);
BENCHMARK_CAPTURE(BM_Decode, fast, DecodeMode::kFast)->Apply(Sizes);

void BM_DecodeAndHash(benchmark::State& state, DecodeMode mode) {
  const Input& input = InputOf(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
  PdqScratch scratch;
  const auto run = [&]() -> absl::StatusOr<PdqOrientations> {
    const auto image = DecodeImage(input.jpeg, DecodeLimits{}, mode);
    if (!image.ok()) return image.status();
    return ComputePdqOrientations(image->pixels, Profile::kReference, scratch);
  };
  const auto once = run();
  if (!once.ok() || HammingDistance(once->hashes[0], input.hash) > kMaxDistance) {
    return state.SkipWithError("the hash is that of another picture");
  }
  for (auto _ : state) benchmark::DoNotOptimize(run());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(BM_DecodeAndHash, exact, DecodeMode::kExact)->Apply(Sizes);
BENCHMARK_CAPTURE(BM_DecodeAndHash, fast, DecodeMode::kFast)->Apply(Sizes);

}  // namespace
}  // namespace vigie::bench
