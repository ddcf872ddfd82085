// Distributions of durations and sizes that may be counted on the path of every request.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace vigie {

// What a histogram held at one moment.
struct HistogramCounts {
  std::vector<uint64_t> buckets;  // one a bound, and what lies above the last; not cumulative
  int64_t sum = 0;                // in the unit of what was observed
};

// Counts values under fixed bounds. Observing takes no lock: each thread adds to one of a few
// copies that share no cache line, and a reader adds them up. Any thread.
class Histogram {
 public:
  static constexpr size_t kMaxBounds = 22;

  // `bounds`: inclusive upper bounds, ascending, at most kMaxBounds; they outlive the histogram.
  explicit Histogram(std::span<const int64_t> bounds) : bounds_(bounds) {}

  void Observe(int64_t value);
  // What is observed meanwhile may be in the buckets and not yet in the sum.
  HistogramCounts Read() const;
  std::span<const int64_t> bounds() const { return bounds_; }

 private:
  static constexpr size_t kShards = 4;
  struct alignas(64) Shard {
    std::array<std::atomic<uint64_t>, kMaxBounds + 1> buckets{};
    std::atomic<int64_t> sum{0};
  };

  const std::span<const int64_t> bounds_;
  std::array<Shard, kShards> shards_;
};

// Nanoseconds, 10 us to 10 s: what requests, their steps and commits take.
std::span<const int64_t> LatencyBounds();

}  // namespace vigie
