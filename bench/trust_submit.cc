// vigie-bench trust: from a flagger's upload to a platform's block.
#include <stdexcept>
#include <thread>

#include "bench/inputs.h"
#include "bench/pacing.h"
#include "bench/search_data.h"
#include "bench/seed.h"
#include "bench/server_process.h"
#include "bench/trust.h"
#include "bench/workload.h"

namespace vigie::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPause = std::chrono::milliseconds(50);  // between the beginnings of two rounds

}  // namespace

SubmitResult MeasureSubmit(const TrustOptions& options) {
  const TemporaryFolder folder;
  const std::string data_dir = folder.File("data");
  const std::string flagger_key =
      CreateKey(options.program, data_dir, kSeedFlagger, "trusted_flagger");
  const std::string platform_key = CreateKey(options.program, data_dir, kPlatform, "platform");
  SeedDataFolder(data_dir, options.entries);
  ServerProcess server(options.program, data_dir);
  Caller flagger(server.address(), flagger_key);
  Caller platform(server.address(), platform_key);
  Callers crowd;
  crowd.push_back(std::make_unique<Caller>(server.address(), platform_key));
  (void)platform.Check(UniformHash(0));  // the connections are made
  (void)crowd[0]->Check(UniformHash(0));
  (void)flagger.Submit(kSeedList, UniformHash(options.entries));

  const auto checks = MakeHashLoad(std::move(crowd), {});
  OpenLoop load(*checks, options.checks);
  SubmitResult result;
  std::vector<double> acknowledged;
  std::vector<double> blocked;
  const auto begin = Clock::now();
  for (size_t round = 0; round < options.rounds; ++round) {
    const auto due = begin + kPause * static_cast<int64_t>(round);
    const Pdq256 hash = UniformHash(options.entries + 1 + round);
    std::this_thread::sleep_until(due);
    const std::string entry = flagger.Submit(kSeedList, hash);
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
