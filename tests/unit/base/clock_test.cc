#include "engine/base/clock.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace vigie {
namespace {

constexpr TimeUs kHour = 3600 * kSecondUs;

class HandClock final : public Clock {
 public:
  explicit HandClock(TimeUs start) : now(start) {}
  TimeUs Now() const override { return now; }
  std::atomic<TimeUs> now;
};

class ForwardClockTest : public ::testing::Test {
 protected:
  void Pass(TimeUs time) {
    wall_.now += time;
    elapsed_.now += time;
  }
  HandClock wall_{1'700'000'000 * kSecondUs};
  HandClock elapsed_{5};
  const ForwardClock clock_{wall_, elapsed_};
};

TEST_F(ForwardClockTest, TellsWallClockTime) {
  EXPECT_EQ(clock_.Now(), wall_.now);
  Pass(kHour);
  EXPECT_EQ(clock_.Now(), wall_.now);
}

TEST_F(ForwardClockTest, SetBackAnHourItGoesOn) {
  const TimeUs before = clock_.Now();
  wall_.now -= kHour;
  EXPECT_EQ(clock_.Now(), before);
  Pass(kHour / 2);
  EXPECT_EQ(clock_.Now(), before + kHour / 2) << "at the usual pace, not at a standstill";
  wall_.now += kHour;
  Pass(ForwardClock::kLookUs);
  EXPECT_EQ(clock_.Now(), wall_.now) << "and is one with a wall clock that was put right";
}

TEST_F(ForwardClockTest, SetForwardAYearItFollowsAndStays) {
  wall_.now += 365 * 24 * kHour;
  const TimeUs ahead = wall_.now;
  EXPECT_EQ(clock_.Now(), ahead);
  wall_.now -= 365 * 24 * kHour;
  EXPECT_EQ(clock_.Now(), ahead);
  Pass(kHour);
  EXPECT_EQ(clock_.Now(), ahead + kHour);
}

TEST_F(ForwardClockTest, LooksAtTheWallClockOnceAMillisecond) {
  const TimeUs before = clock_.Now();
  wall_.now += kHour;
  Pass(ForwardClock::kLookUs - 1);
  EXPECT_EQ(clock_.Now(), before + ForwardClock::kLookUs - 1);
  Pass(1);
  EXPECT_EQ(clock_.Now(), before + kHour + ForwardClock::kLookUs);
}

TEST_F(ForwardClockTest, NeverGoesBackForManyThreads) {
  std::atomic<int> wrong{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      TimeUs last = 0;
      while (!stop) {
        const TimeUs now = clock_.Now();
        if (now < last) ++wrong;
        last = now;
      }
    });
  }
  for (int i = 0; i < 20'000; ++i) {
    Pass(3);
    if (i % 100 == 0) wall_.now += i % 200 == 0 ? 500 : -500;
  }
  stop = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
}

TEST(SystemClock, IsOfThisCenturyAndGoesForward) {
  const TimeUs first = SystemClock().Now();
  EXPECT_GT(first, 1'700'000'000 * kSecondUs);
  EXPECT_GE(SystemClock().Now(), first);
}

}  // namespace
}  // namespace vigie
