#include "server/cli/in_order.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

namespace vigie {
namespace {

TEST(InOrder, HandsOverEveryResultInTheOrderOfTheItems) {
  for (const size_t threads : {1, 2, 7, 200}) {
    std::vector<size_t> taken;
    InOrder<size_t>(
        1000, threads, [](size_t i) { return i * i; },
        [&](size_t i, size_t result) {
          EXPECT_EQ(result, i * i);
          taken.push_back(i);
          return true;
        });
    ASSERT_EQ(taken.size(), 1000U);
    for (size_t i = 0; i < taken.size(); ++i) EXPECT_EQ(taken[i], i);
  }
}

TEST(InOrder, RunsAsManyAtOnceAsItWasToldAndLetsFewResultsWait) {
  constexpr size_t kThreads = 3;
  std::atomic<size_t> running = 0;
  std::atomic<size_t> begun = 0;
  std::atomic<size_t> most_running = 0;
  InOrder<size_t>(
      2000, kThreads,
      [&](size_t i) {
        ++begun;
        const size_t now = ++running;
        for (size_t most = most_running;
             most < now && !most_running.compare_exchange_weak(most, now);) {
        }
        --running;
        return i;
      },
      [&](size_t i, size_t) {
        EXPECT_LE(begun, i + 1 + 16 * kThreads);
        return true;
      });
  EXPECT_LE(most_running, kThreads);
  EXPECT_EQ(begun, 2000U);
}

TEST(InOrder, BeginsNothingNewOnceAResultIsRefused) {
  std::atomic<size_t> begun = 0;
  size_t taken = 0;
  InOrder<size_t>(
      1'000'000, 4,
      [&](size_t i) {
        ++begun;
        return i;
      },
      [&](size_t, size_t) { return ++taken < 10; });
  EXPECT_EQ(taken, 10U);
  EXPECT_LE(begun, 10U + 16 * 4 + 4);
}

TEST(InOrder, OfNothingDoesNothing) {
  InOrder<int>(
      0, 4, [](size_t) { return 1; },
      [](size_t, int) {
        ADD_FAILURE();
        return true;
      });
}

}  // namespace
}  // namespace vigie
