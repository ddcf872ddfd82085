// vigie-bench trust: from a flagger's upload to a platform's block.
#include <stdexcept>
#include <thread>

#include "bench/inputs.h"
#include "bench/search_data.h"
#include "bench/server_process.h"
#include "bench/trust.h"
#include "engine/store/sqlite_store.h"

namespace vigie::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr char kList[] = "bench";
constexpr char kFlagger[] = "bench-flagger";
constexpr size_t kSeedBatch = 10'000;
constexpr auto kPause = std::chrono::milliseconds(50);  // between the beginnings of two rounds
constexpr uint64_t kLoadSeed = 31;

template <typename T>
T OrThrow(absl::StatusOr<T> result) {
  if (!result.ok()) throw std::runtime_error(std::string(MessageOf(result.status())));
  return *std::move(result);
}

// Into the data folder itself, which no server uses yet.
void Seed(const std::string& data_dir, size_t entries) {
  const Principal flagger{.key_id = "bench-key",
                          .organisation = kFlagger,
                          .role = Role::kTrustedFlagger,
                          .designation = Designation{.id = "bench"}};
  const auto store = OrThrow(OpenSqliteStore(data_dir + "/vigie.db"));
  const auto catalog = OrThrow(Catalog::Open(*store, SystemClock(), {}, {}));
  OrThrow(catalog->CreateList(
      flagger,
      {.id = kList, .kind = ListKind::kBlock, .category = Category::kNcii, .settings = {}}));
  for (size_t done = 0; done < entries;) {
    std::vector<NewEntry> batch;
    while (batch.size() < kSeedBatch && done < entries) {
      batch.push_back(EntryOf(UniformHash(done++)));
    }
    OrThrow(catalog->Upload(flagger, kList, batch));
    if (!catalog->Maintain().ok()) throw std::runtime_error("index maintenance failed");
  }
  if (!catalog->WriteCheckpoint(data_dir + "/checkpoint").ok()) {
    throw std::runtime_error("no checkpoint was written");
  }
}

}  // namespace

SubmitResult MeasureSubmit(const TrustOptions& options) {
  const TemporaryFolder folder;
  const std::string data_dir = folder.File("data");
  const std::string flagger_key = CreateKey(options.program, data_dir, kFlagger, "trusted_flagger");
  const std::string platform_key = CreateKey(options.program, data_dir, kPlatform, "platform");
  Seed(data_dir, options.entries);
  ServerProcess server(options.program, data_dir);
  Caller flagger(server.address(), flagger_key);
  Caller platform(server.address(), platform_key);
  Caller crowd(server.address(), platform_key);
  (void)platform.Check(UniformHash(0));  // the connections are made
  (void)crowd.Check(UniformHash(0));
  (void)flagger.Submit(kList, UniformHash(options.entries));

  CheckLoad load(crowd, options.checks, kLoadSeed);
  SubmitResult result;
  std::vector<double> acknowledged;
  std::vector<double> blocked;
  const auto begin = Clock::now();
  for (size_t round = 0; round < options.rounds; ++round) {
    const auto due = begin + kPause * static_cast<int64_t>(round);
    const Pdq256 hash = UniformHash(options.entries + 1 + round);
    std::this_thread::sleep_until(due);
    const std::string entry = flagger.Submit(kList, hash);
    acknowledged.push_back(MicrosecondsSince(due));
    const v1::Verdict verdict = platform.Check(hash);
    blocked.push_back(MicrosecondsSince(due));
    if (verdict.action() != v1::PROVISIONAL_BLOCK || verdict.matches_size() != 1 ||
        verdict.matches(0).entry() != entry) {
      ++result.missed;
    }
  }
  result.acknowledged = Summarise(std::move(acknowledged));
  result.blocked = Summarise(std::move(blocked));
  result.checks = load.Stop();
  return result;
}

}  // namespace vigie::bench
