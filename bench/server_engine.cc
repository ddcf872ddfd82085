// vigie-bench server: what the engine does alone, on the same machine with the same data.
#include <atomic>
#include <span>
#include <thread>

#include "bench/inputs.h"
#include "bench/search_data.h"
#include "bench/server_bench.h"
#include "engine/match/image_hasher.h"
#include "engine/match/pipeline.h"
#include "engine/store/sqlite_store.h"

namespace vigie::bench {
namespace {

constexpr size_t kQuestions = 4096;
constexpr uint64_t kSeed = 61;

// Calls `work` with 0, 1, 2... on all cores for `seconds`; calls a second.
double RateOf(double seconds, const std::function<void(size_t)>& work) {
  std::atomic<size_t> next{0};
  std::atomic<bool> stopping{false};
  std::vector<std::thread> threads;
  const auto begin = std::chrono::steady_clock::now();
  for (unsigned t = 0; t < std::max(1U, std::thread::hardware_concurrency()); ++t) {
    threads.emplace_back([&] {
      while (!stopping.load()) work(next++);
    });
  }
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  stopping.store(true);
  for (std::thread& thread : threads) thread.join();
  return static_cast<double>(next.load()) / MicrosecondsSince(begin) * 1e6;
}

}  // namespace

EngineHashRates MeasureEngineHashes(const std::string& data_dir, const ServerOptions& options,
                                    size_t entries) {
  const auto store = OpenSqliteStore(data_dir + "/vigie.db");
  if (!store.ok()) throw std::runtime_error(std::string(MessageOf(store.status())));
  CatalogOptions catalog_options;
  catalog_options.checkpoint_folder = data_dir + "/checkpoint";
  const auto catalog = Catalog::Open(**store, SystemClock(), catalog_options, {});
  if (!catalog.ok()) throw std::runtime_error(std::string(MessageOf(catalog.status())));
  // As the server does while it is not asked anything yet.
  if (!(*catalog)->Maintain().ok()) throw std::runtime_error("index maintenance failed");
  if ((*catalog)->rows() < entries) throw std::runtime_error("the engine has not all entries");
  const Pipeline pipeline(**catalog, SystemClock(), PipelineOptions{});
  FastRandom random(kSeed);
  std::vector<std::vector<QueryFingerprint>> questions(kQuestions);
  for (auto& question : questions) {
    const auto orientations = MakeOrientations(random);
    for (size_t i = 0; i < options.hashes; ++i) {
      question.push_back({.fingerprint = MakePdqFingerprint(
                              orientations[i], 100, Profile::kReference, DecodeMode::kExact),
                          .orientation = static_cast<Orientation>(i)});
    }
  }
  CheckOptions check;
  check.organisation = kPlatform;
  std::atomic<bool> failed{false};
  const double single = RateOf(options.seconds, [&](size_t i) {
    if (!pipeline.CheckFingerprints(questions[i % kQuestions], check).ok()) failed.store(true);
  });
  static_assert(kQuestions % Pipeline::kTogether == 0);
  const double groups = RateOf(options.seconds, [&](size_t i) {
    const auto some =
        std::span(questions).subspan(i * Pipeline::kTogether % kQuestions, Pipeline::kTogether);
    for (const auto& verdict : pipeline.CheckTogether(some, check)) {
      if (!verdict.ok()) failed.store(true);
    }
  });
  if (failed.load()) throw std::runtime_error("a check of the engine failed");
  return {.single = single, .together = groups * Pipeline::kTogether};
}

double EngineImageRate(const std::vector<std::string>& pictures, double seconds) {
  const HashOptions options{.mode = DecodeMode::kFast};
  std::atomic<bool> failed{false};
  const double rate = RateOf(seconds, [&](size_t i) {
    static thread_local PdqScratch scratch;
    const std::string& picture = pictures[i % pictures.size()];
    if (!HashEncoded(AsBytes(picture), options, scratch).ok()) failed.store(true);
  });
  if (failed.load()) throw std::runtime_error("a picture cannot be decoded");
  return rate;
}

}  // namespace vigie::bench
