#include "server/metrics/histogram.h"

#include <algorithm>

namespace vigie {
namespace {

constexpr int64_t kUs = 1000;
constexpr int64_t kMs = 1000 * kUs;
constexpr int64_t kS = 1000 * kMs;
constexpr std::array<int64_t, 19> kLatencyBounds = {
    10 * kUs,   25 * kUs, 50 * kUs,   100 * kUs, 250 * kUs, 500 * kUs, 1 * kMs,
    2500 * kUs, 5 * kMs,  10 * kMs,   25 * kMs,  50 * kMs,  100 * kMs, 250 * kMs,
    500 * kMs,  1 * kS,   2500 * kMs, 5 * kS,    10 * kS};
static_assert(kLatencyBounds.size() <= Histogram::kMaxBounds);

// The number of the calling thread, in the order in which threads first counted something.
size_t ThreadNumber() {
  static std::atomic<size_t> next{0};
  thread_local const size_t number = next.fetch_add(1, std::memory_order_relaxed);
  return number;
}

}  // namespace

std::span<const int64_t> LatencyBounds() { return kLatencyBounds; }

void Histogram::Observe(int64_t value) {
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  Shard& shard = shards_[ThreadNumber() % kShards];
  shard.buckets[static_cast<size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  shard.sum.fetch_add(value, std::memory_order_relaxed);
}

HistogramCounts Histogram::Read() const {
  HistogramCounts counts{.buckets = std::vector<uint64_t>(bounds_.size() + 1)};
  for (const Shard& shard : shards_) {
    for (size_t i = 0; i <= bounds_.size(); ++i) {
      counts.buckets[i] += shard.buckets[i].load(std::memory_order_relaxed);
    }
    counts.sum += shard.sum.load(std::memory_order_relaxed);
  }
  return counts;
}

}  // namespace vigie
