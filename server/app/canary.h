// A known picture that the server checks itself, now and then, on the way of an upload: hashed
// where uploads are, looked up, joined with its entry, decided. And one real entry at a time, for
// which the index is compared with the database and with a scan.
//
// Nothing of it is written down as a verdict, nor counted as one, and it waits in no queue of
// requests.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <random>
#include <string>
#include <thread>

#include "engine/base/clock.h"
#include "engine/catalog/catalog.h"
#include "engine/match/pipeline.h"
#include "server/metrics/state_metrics.h"

namespace vigie {

class Canary {
 public:
  // Called by the canary's thread: OK, or what was found when it had failed twice in a row.
  using Report = std::function<void(const absl::Status&)>;

  // All outlive the canary. `hasher`: where uploads are hashed; nullptr: in its own thread.
  Canary(Catalog& catalog, const Clock& clock, const ImageHasher* hasher,
         const PipelineOptions& options, std::chrono::milliseconds interval, Report report);
  ~Canary();
  Canary(const Canary&) = delete;
  Canary& operator=(const Canary&) = delete;

  // Starts the thread, which checks at once and then at every interval; a second after a round that
  // failed.
  void Start();

  CanaryCounts counts() const;

 private:
  // What a round found. UNAVAILABLE when it came to no result: a decoder without time, a database
  // that cannot be read.
  absl::Status Check();
  absl::Status CheckPicture();
  // The picture's entry, unless it is there.
  absl::Status Prepare();
  void Note(const absl::Status& status, double took_s);
  void RunUntilStopped();

  Catalog& catalog_;
  const Clock& clock_;
  const Pipeline pipeline_;  // without a book: what it says is not written down
  const std::chrono::milliseconds interval_;
  const Report report_;
  const std::string picture_;
  bool prepared_ = false;
  int failures_ = 0;  // in a row
  // Which sample is looked at; after a failure the same one again.
  std::mt19937_64 random_{std::random_device{}()};
  double entry_ = 0;
  double rows_ = 0;

  mutable std::mutex mutex_;  // over what follows
  CanaryCounts counts_;
  std::chrono::steady_clock::time_point last_pass_;
  bool stopping_ = false;
  std::condition_variable stop_;
  std::thread thread_;
};

}  // namespace vigie
