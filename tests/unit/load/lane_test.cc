#include "server/load/lane.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "server/load/stream_slots.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

using testing::FakeClock;

// Holds a lane's thread until it is opened.
class Gate {
 public:
  Lane::Job Job() {
    return [this](bool) {
      entered_.fetch_add(1);
      opened_.wait();
      return true;
    };
  }
  void WaitUntilEntered(int jobs) const {
    while (entered_.load() < jobs) std::this_thread::yield();
  }
  void Open() { open_.set_value(); }

 private:
  std::promise<void> open_;
  std::shared_future<void> opened_{open_.get_future()};
  std::atomic<int> entered_{0};
};

bool Nothing(bool) { return true; }

class LaneTest : public ::testing::Test {
 protected:
  FakeClock clock_;
  Gate gate_;
};

TEST_F(LaneTest, DoesWhatItTakesAndCounts) {
  std::atomic<int> done{0};
  {
    Lane lane("checks", {.threads = 2}, clock_);
    for (int i = 0; i < 100; ++i) {
      EXPECT_EQ(lane.Submit({.organisation = "a"}, [&done](bool) { return ++done > 0; }), 0);
    }
  }
  EXPECT_EQ(done.load(), 100);
}

TEST_F(LaneTest, AnOrganisationTakesNoMoreThanItLeaves) {
  Lane lane("images", {.threads = 1, .max_waiting = 10, .max_wait_us = 1000 * kSecondUs}, clock_);
  ASSERT_EQ(lane.Submit({.organisation = "a"}, gate_.Job()), 0);
  gate_.WaitUntilEntered(1);
  int of_a = 0;
  while (lane.Submit({.organisation = "a"}, Nothing) == 0) ++of_a;
  EXPECT_EQ(of_a, 5) << "half of the room";
  int of_b = 0;
  while (lane.Submit({.organisation = "b"}, Nothing) == 0) ++of_b;
  EXPECT_EQ(of_b, 3) << "half of what is left, rounded up";
  EXPECT_EQ(lane.Submit({.organisation = "c"}, Nothing), 0);
  const LaneStats stats = lane.stats();
  EXPECT_EQ(stats.queued, 9U);
  EXPECT_EQ(stats.running, 1U);
  EXPECT_EQ(stats.refused, 2U);
  gate_.Open();
}

TEST_F(LaneTest, BytesAreBoundedAlsoWhileTheyAreWorkedOn) {
  Lane lane("images", {.threads = 1, .max_bytes = 1000, .max_wait_us = 1000 * kSecondUs}, clock_);
  ASSERT_EQ(lane.Submit({.organisation = "a", .bytes = 400}, gate_.Job()), 0);
  gate_.WaitUntilEntered(1);
  EXPECT_NE(lane.Submit({.organisation = "a", .bytes = 201}, Nothing), 0) << "400, 400 and 201";
  EXPECT_EQ(lane.Submit({.organisation = "a", .bytes = 200}, Nothing), 0);
  EXPECT_NE(lane.Submit({.organisation = "b", .bytes = 401}, Nothing), 0);
  EXPECT_EQ(lane.Submit({.organisation = "b", .bytes = 200}, Nothing), 0);
  EXPECT_EQ(lane.stats().bytes, 800U);
  EXPECT_TRUE(lane.HasRoom("a"));
  lane.SubmitAlways({.organisation = "a", .bytes = 5000}, Nothing);
  EXPECT_EQ(lane.stats().bytes, 5800U);
  EXPECT_FALSE(lane.HasRoom("c"));
  EXPECT_NE(lane.Submit({.organisation = "c", .bytes = 1}, Nothing), 0);
  gate_.Open();
  while (lane.stats().bytes != 0) std::this_thread::yield();
  EXPECT_EQ(lane.Submit({.organisation = "a", .bytes = 9000}, Nothing), 0) << "alone it has room";
}

TEST_F(LaneTest, RefusesWhatWouldWaitForTooLongOrBeyondItsDeadline) {
  Lane lane("images", {.threads = 1, .max_wait_us = 100'000}, clock_);
  // A unit takes 10 ms.
  for (int i = 0; i < 1000; ++i) {
    std::promise<void> done;
    ASSERT_EQ(lane.Submit({.organisation = "a", .work = Work::kImages},
                          [&](bool) {
                            clock_.Advance(10'000);
                            done.set_value();
                            return true;
                          }),
              0);
    done.get_future().wait();
    while (lane.stats().running != 0) std::this_thread::yield();
  }
  const Lane::Demand image{.organisation = "a", .work = Work::kImages};
  ASSERT_EQ(lane.Submit(image, gate_.Job()), 0);
  gate_.WaitUntilEntered(1);
  int waiting = 0;
  TimeUs wait = 0;
  while ((wait = lane.Submit(image, Nothing)) == 0) ++waiting;
  EXPECT_NEAR(waiting, 11, 1);
  EXPECT_NEAR(static_cast<double>(wait), 110'000, 15'000);
  EXPECT_NEAR(static_cast<double>(lane.stats().expected_us), 110'000, 15'000);

  // Another organisation's turn comes at once.
  Lane::Demand other = image;
  other.organisation = "b";
  other.deadline_us = clock_.Now() + 5'000;
  EXPECT_NE(lane.Submit(other, Nothing), 0) << "20 ms and no time for it";
  other.deadline_us = clock_.Now() + 30'000;
  EXPECT_EQ(lane.Submit(other, Nothing), 0);

  // When there has been no pause for longer than may be waited, a quarter is the bound.
  clock_.Advance(100'001);
  Lane::Demand third = image;
  third.organisation = "c";
  EXPECT_EQ(lane.Submit(third, Nothing), 0) << "it has nothing waiting";
  EXPECT_NE(lane.Submit(third, Nothing), 0) << "60 ms";
  gate_.Open();
}

TEST_F(LaneTest, WhatAFingerprintTakesInABatchIsMeasuredApart) {
  Lane lane("checks", {.threads = 1, .max_wait_us = 100'000}, clock_);
  // A picture alone takes 1 ms, one of a batch of 100 a tenth of that.
  const auto run = [&](Work work, int64_t units, TimeUs us) {
    std::promise<void> done;
    const Lane::Demand demand{.organisation = "a", .work = work, .units = units};
    ASSERT_EQ(lane.Submit(demand,
                          [&](bool) {
                            clock_.Advance(us);
                            done.set_value();
                            return true;
                          }),
              0);
    done.get_future().wait();
    while (lane.stats().running != 0) std::this_thread::yield();
  };
  for (int i = 0; i < 500; ++i) {
    run(Work::kChecks, 1, 1000);
    run(Work::kBatches, 100, 10'000);
  }
  ASSERT_EQ(lane.Submit({.organisation = "a"}, gate_.Job()), 0);
  gate_.WaitUntilEntered(1);
  const Lane::Demand batch{.organisation = "a", .work = Work::kBatches, .units = 100};
  ASSERT_EQ(lane.Submit(batch, Nothing), 0);
  EXPECT_NEAR(static_cast<double>(lane.stats().expected_us), 10'000, 100);
  ASSERT_EQ(lane.Submit({.organisation = "a", .work = Work::kChecks}, Nothing), 0);
  EXPECT_NEAR(static_cast<double>(lane.stats().expected_us), 11'000, 110);
  gate_.Open();
}

TEST_F(LaneTest, AnOrganisationsStreamsDoNotHoldUpItsCalls) {
  // What jobs use lives longer than the lane, which does what still waits when it goes.
  std::atomic<int> before{0};
  std::promise<int> seen;
  Lane lane("images", {.threads = 1, .max_wait_us = 100'000}, clock_);
  const Lane::Demand image{.organisation = "a", .work = Work::kImages};
  lane.SubmitAlways(image, gate_.Job());
  gate_.WaitUntilEntered(1);
  for (int i = 0; i < 100; ++i) {
    lane.SubmitAlways(image, [&before](bool) { return ++before > 0; });
  }
  EXPECT_EQ(lane.Submit(image,
                        [&](bool) {
                          seen.set_value(before.load());
                          return true;
                        }),
            0);
  gate_.Open();
  EXPECT_LE(seen.get_future().get(), 2);
}

TEST_F(LaneTest, DropsWhatNobodyWantsAndLearnsNothingFromIt) {
  Lane lane("images", {.threads = 1}, clock_);
  for (int i = 0; i < 10; ++i) {
    lane.SubmitAlways({.organisation = "a"}, [](bool) { return false; });
  }
  while (lane.stats().dropped != 10) std::this_thread::yield();
  EXPECT_EQ(lane.stats().done, 0U);
}

TEST_F(LaneTest, AClockThatIsSetIsNotTakenForWork) {
  Lane lane("images", {.threads = 1, .max_wait_us = 1'000'000}, clock_);
  std::promise<void> done;
  ASSERT_EQ(lane.Submit({.organisation = "a", .work = Work::kImages},
                        [&](bool) {
                          clock_.Advance(kDayUs);
                          done.set_value();
                          return true;
                        }),
            0);
  done.get_future().wait();
  while (lane.stats().running != 0) std::this_thread::yield();
  ASSERT_EQ(lane.Submit({.organisation = "a"}, gate_.Job()), 0);
  gate_.WaitUntilEntered(1);
  EXPECT_EQ(lane.Submit({.organisation = "a", .work = Work::kImages}, Nothing), 0);
  EXPECT_LT(lane.stats().expected_us, 20'000);
  gate_.Open();
}

TEST_F(LaneTest, WhatIsShortIsDoneByTheCallerWhenAThreadWouldBeFree) {
  std::promise<bool> here;
  Lane lane("checks", {.threads = 2}, clock_);
  const auto self = std::this_thread::get_id();
  std::thread::id by;
  const auto note = [&by](bool in_caller) {
    by = in_caller ? std::this_thread::get_id() : std::thread::id();
    return true;
  };
  ASSERT_EQ(lane.Submit({.organisation = "a", .here = true}, note), 0);
  EXPECT_EQ(by, self);
  ASSERT_EQ(lane.Submit({.organisation = "a"}, gate_.Job()), 0);
  ASSERT_EQ(lane.Submit({.organisation = "a"}, gate_.Job()), 0);
  gate_.WaitUntilEntered(2);
  ASSERT_EQ(lane.Submit({.organisation = "a", .here = true},
                        [&here](bool in_caller) {
                          here.set_value(in_caller);
                          return true;
                        }),
            0);
  gate_.Open();
  EXPECT_FALSE(here.get_future().get());
}

// For the thread sanitizer, and for jobs that get lost.
TEST_F(LaneTest, LosesNothingUnderManyThreads) {
  std::atomic<uint64_t> done{0};
  std::atomic<uint64_t> taken{0};
  std::atomic<uint64_t> refused{0};
  {
    Lane lane("checks", {.threads = 3, .max_waiting = 40, .max_bytes = 4000}, clock_);
    std::vector<std::thread> callers;
    for (int t = 0; t < 4; ++t) {
      callers.emplace_back([&, t] {
        const std::string organisation(1, static_cast<char>('a' + t % 3));
        for (int i = 0; i < 3000; ++i) {
          const Lane::Demand demand{.organisation = organisation,
                                    .work = static_cast<Work>(i % 3),
                                    .units = 1 + i % 5,
                                    .bytes = static_cast<size_t>(i % 100),
                                    .here = i % 7 == 0};
          const auto job = [&done](bool) { return done.fetch_add(1) % 5 != 0; };
          if (i % 11 == 0) {
            lane.SubmitAlways(demand, job);
            ++taken;
          } else {
            ++(lane.Submit(demand, job) == 0 ? taken : refused);
          }
          if (i % 64 == 0) (void)lane.stats();
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
    while (lane.stats().queued + lane.stats().running != 0) std::this_thread::yield();
    const LaneStats stats = lane.stats();
    EXPECT_EQ(stats.done + stats.dropped, taken.load());
    EXPECT_EQ(stats.refused, refused.load());
    EXPECT_EQ(stats.bytes, 0U);
  }
  EXPECT_EQ(done.load(), taken.load());
}

TEST(StreamSlots, AreCountedByOrganisation) {
  StreamSlots slots(2);
  EXPECT_TRUE(slots.Enter("a"));
  EXPECT_TRUE(slots.Enter("a"));
  EXPECT_FALSE(slots.Enter("a"));
  EXPECT_TRUE(slots.Enter("b"));
  slots.Leave("a");
  EXPECT_TRUE(slots.Enter("a"));
}

}  // namespace
}  // namespace vigie
