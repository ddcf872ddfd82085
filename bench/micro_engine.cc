// The engine as the server calls it, without the network: a check from bytes or hashes to the
// verdict, and a durable upload.
#include <benchmark/benchmark.h>

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "bench/inputs.h"
#include "engine/hash/pdq.h"
#include "engine/match/pipeline.h"

namespace vigie::bench {
namespace {

constexpr uint64_t kPictureSeed = 5;
constexpr uint64_t kEntrySeed = 6;
constexpr uint64_t kUploadSeed = 7;
constexpr size_t kEntries = 10'000;
constexpr size_t kBatch = 500;

// 10 000 entries, the last of which is the picture that is checked.
struct Known {
  explicit Known(const Picture& picture) : jpeg(ToJpeg(picture)) {
    PdqScratch scratch;
    hashes = ComputePdqOrientations(picture.view(), Profile::kReference, scratch);
    auto entries = RandomHashes(kEntries - 1, kEntrySeed);
    entries.push_back(hashes.hashes[0]);
    entry = world.Fill(entries).back();
  }

  World world;
  std::vector<uint8_t> jpeg;
  PdqOrientations hashes;
  EntryNumber entry = 0;
};

// Made once for each size: Google Benchmark calls a benchmark several times to find out how often
// to repeat it.
Known& KnownOf(int width, int height) {
  static std::map<std::pair<int, int>, std::unique_ptr<Known>> made;
  auto& known = made[{width, height}];
  if (known == nullptr) {
    known = std::make_unique<Known>(MakePicture(width, height, ChannelOrder::kBgr, kPictureSeed));
  }
  return *known;
}

bool IsMatchOf(const absl::StatusOr<Verdict>& verdict, EntryNumber entry) {
  return verdict.ok() && verdict->outcome == Outcome::kMatch &&
         verdict->action == Action::kProvisionalBlock && verdict->matches.size() == 1 &&
         verdict->matches[0].entry == entry;
}

CheckOptions AsPlatform() {
  CheckOptions options;
  options.organisation = kPlatform;
  return options;
}

void BM_CheckImage(benchmark::State& state) {
  Known& known = KnownOf(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
  const Pipeline pipeline(known.world.catalog(), SystemClock(), PipelineOptions{});
  const CheckOptions options = AsPlatform();
  if (!IsMatchOf(pipeline.CheckImage(known.jpeg, options), known.entry)) {
    return state.SkipWithError("the known picture was not found");
  }
  const auto other = ToJpeg(MakePicture(640, 480, ChannelOrder::kBgr, kPictureSeed + 1));
  const auto innocent = pipeline.CheckImage(other, options);
  if (!innocent.ok() || innocent->outcome != Outcome::kNoMatch) {
    return state.SkipWithError("an unknown picture matched or was not scanned");
  }
  for (auto _ : state) benchmark::DoNotOptimize(pipeline.CheckImage(known.jpeg, options));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_CheckImage)
    ->ArgNames({"width", "height"})
    ->Args({500, 375})
    ->Args({1600, 1200})
    ->Unit(benchmark::kMicrosecond);

void BM_CheckFingerprints(benchmark::State& state) {
  Known& known = KnownOf(500, 375);
  const Pipeline pipeline(known.world.catalog(), SystemClock(), PipelineOptions{});
  const CheckOptions options = AsPlatform();
  std::vector<QueryFingerprint> queries;
  for (size_t i = 0; i < known.hashes.hashes.size(); ++i) {
    queries.push_back({MakePdqFingerprint(known.hashes.hashes[i], known.hashes.quality,
                                          Profile::kReference, DecodeMode::kExact),
                       static_cast<Orientation>(i)});
  }
  if (!IsMatchOf(pipeline.CheckFingerprints(queries, options), known.entry)) {
    return state.SkipWithError("the known picture was not found");
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(pipeline.CheckFingerprints(queries, options));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_CheckFingerprints)->Unit(benchmark::kMicrosecond);

std::vector<NewEntry> MakeBatch(Random& random) {
  std::vector<NewEntry> entries;
  for (size_t i = 0; i < kBatch; ++i) entries.push_back(EntryOf(random.Hash()));
  return entries;
}

bool AllNew(const absl::StatusOr<UploadOutcome>& outcome) {
  if (!outcome.ok() || outcome->results.size() != kBatch) return false;
  for (const UploadResult& result : outcome->results) {
    if (!result.status.ok() || !result.created) return false;
  }
  return true;
}

// By the wall: the work is done by the disk and by whoever commits.
void BM_Upload(benchmark::State& state) {
  World world;
  Random random(kUploadSeed);
  const auto first = MakeBatch(random);
  if (!AllNew(world.Upload(first))) return state.SkipWithError("an entry was refused");
  const Pdq256 uploaded = PdqOf(first.back().fingerprints[0]);
  const auto hits = world.catalog().FindNear({&uploaded, 1}, 0);
  if (!hits.ok() || hits->size() != 1) {
    return state.SkipWithError("an acknowledged entry is not matchable");
  }
  for (auto _ : state) {
    state.PauseTiming();
    const auto batch = MakeBatch(random);
    state.ResumeTiming();
    if (!AllNew(world.Upload(batch))) {
      state.SkipWithError("an entry was refused");
      break;
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBatch));
}
BENCHMARK(BM_Upload)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace vigie::bench
