// Two ways to load a server: as fast as it answers, and at a rate of its own.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "bench/workload.h"

namespace vigie::bench {

// Of calls; those that the server did not answer rightly are only counted.
struct LoadResult {
  double seconds = 0;
  uint64_t right = 0;
  uint64_t wrong = 0;
  uint64_t refused = 0;
  uint64_t failed = 0;
  LatencySummary latencies;  // of those answered rightly

  double per_second() const { return static_cast<double>(right) / seconds; }
};

// Keeps `window` calls in flight for `seconds`, after a tenth of that which is not counted. The
// latencies leave out what a stalled server would have been asked meanwhile: they are no measure.
LoadResult Saturate(Workload& load, size_t window, double seconds);

// Calls at a steady rate: each begins at its time whatever became of those before, and its latency
// counts from then, so that a stall is seen by every call that it delays.
class OpenLoop {
 public:
  // Begins at once. With `most_in_flight` calls unanswered the next are not made: failed. `load`
  // outlives the loop.
  OpenLoop(Workload& load, double per_second, size_t most_in_flight = 100'000);
  ~OpenLoop();
  OpenLoop(const OpenLoop&) = delete;
  OpenLoop& operator=(const OpenLoop&) = delete;

  // Ends the load and waits for the last answers. Once. `seconds` is the time of making calls.
  LoadResult Stop();

 private:
  using Clock = std::chrono::steady_clock;

  void Run(double per_second);
  void Take(Clock::time_point due, Answer answer);

  Workload& load_;
  const size_t most_in_flight_;
  std::atomic<bool> stopping_{false};
  std::atomic<size_t> in_flight_{0};
  std::mutex mutex_;
  LoadResult result_;
  std::vector<double> us_;
  std::thread pacer_;
};

}  // namespace vigie::bench
