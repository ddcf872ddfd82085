#include "server/metrics/histogram.h"

#include <gmock/gmock.h>

#include <numeric>
#include <thread>
#include <vector>

namespace vigie {
namespace {

using ::testing::ElementsAre;

constexpr int64_t kBounds[] = {10, 20, 40};

TEST(Histogram, BoundsAreInclusive) {
  Histogram histogram(kBounds);
  for (const int64_t value : {0, 10, 11, 20, 40, 41, 1000}) histogram.Observe(value);
  const HistogramCounts counts = histogram.Read();
  EXPECT_THAT(counts.buckets, ElementsAre(2, 2, 1, 2));
  EXPECT_EQ(counts.sum, 1122);
}

TEST(Histogram, NothingIsLostBetweenThreads) {
  constexpr int kThreads = 8;
  constexpr int kEach = 100'000;
  Histogram histogram(LatencyBounds());
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&histogram, t] {
      for (int i = 0; i < kEach; ++i) histogram.Observe(int64_t{1000} * t);
    });
  }
  for (int i = 0; i < 100; ++i) {
    const HistogramCounts counts = histogram.Read();
    EXPECT_LE(std::accumulate(counts.buckets.begin(), counts.buckets.end(), uint64_t{0}),
              uint64_t{kThreads} * kEach);
  }
  for (std::thread& thread : threads) thread.join();
  const HistogramCounts counts = histogram.Read();
  EXPECT_EQ(std::accumulate(counts.buckets.begin(), counts.buckets.end(), uint64_t{0}),
            uint64_t{kThreads} * kEach);
  EXPECT_EQ(counts.sum, int64_t{1000} * kEach * (kThreads * (kThreads - 1) / 2));
}

}  // namespace
}  // namespace vigie
