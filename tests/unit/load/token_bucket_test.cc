#include "server/load/token_bucket.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace vigie {
namespace {

constexpr TimeUs kNow = 1'000'000 * kSecondUs;

TEST(TokenBucket, HoldsTwoSecondsAndFillsAtItsRate) {
  TokenBucket bucket;
  EXPECT_EQ(bucket.Take(20, 10, kNow), 0);
  EXPECT_EQ(bucket.Take(1, 10, kNow), 100'000);
  EXPECT_EQ(bucket.Take(1, 10, kNow + 99'999), 1);
  EXPECT_EQ(bucket.Take(1, 10, kNow + 100'000), 0);
  EXPECT_EQ(bucket.Take(5, 10, kNow + 100'000), 500'000);
}

TEST(TokenBucket, WhatIsRefusedTakesNothing) {
  TokenBucket bucket;
  EXPECT_EQ(bucket.Take(15, 10, kNow), 0);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(bucket.Take(10, 10, kNow), 500'000);
  EXPECT_EQ(bucket.Take(5, 10, kNow), 0);
}

TEST(TokenBucket, ABatchLargerThanTheBucketPassesWhenItIsFullAndIsPaidOff) {
  TokenBucket bucket;
  EXPECT_EQ(bucket.Take(1, 10, kNow), 0);
  EXPECT_EQ(bucket.Take(1000, 10, kNow), 100'000);
  EXPECT_EQ(bucket.Take(1000, 10, kNow + 100'000), 0);
  EXPECT_EQ(bucket.Take(1, 10, kNow + 100'000), 98'100'000);  // 980 owed, and 1
}

TEST(TokenBucket, OwesWithoutEverRefusing) {
  TokenBucket bucket;
  EXPECT_EQ(bucket.Owe(20, 10, kNow), 0);
  EXPECT_EQ(bucket.Owe(5, 10, kNow), 500'000);
  EXPECT_EQ(bucket.Owe(5, 10, kNow), kSecondUs);
  EXPECT_EQ(bucket.Take(1, 10, kNow + kSecondUs), 100'000);
}

TEST(TokenBucket, ANewRateCountsAtOnce) {
  TokenBucket bucket;
  EXPECT_EQ(bucket.Take(20, 10, kNow), 0);
  EXPECT_EQ(bucket.Take(1, 1000, kNow), 1000);
}

TEST(TokenBucket, ADebtIsPaidOffAtTheRateOfNow) {
  TokenBucket bucket;
  EXPECT_EQ(bucket.Take(1000, 10, kNow), 0);  // 980 owed
  EXPECT_EQ(bucket.Take(1, 10, kNow), 98'100'000);
  EXPECT_EQ(bucket.Take(20, 1000, kNow), kSecondUs);
  EXPECT_EQ(bucket.Take(20, 1000, kNow + kSecondUs), 0);
  EXPECT_EQ(bucket.Take(1, 10, kNow + kSecondUs), 100'000);
}

TEST(TokenBucket, WhatIsGivenBackIsThereAgain) {
  TokenBucket bucket;
  EXPECT_EQ(bucket.Take(15, 10, kNow), 0);
  bucket.GiveBack(15, 10, kNow);
  EXPECT_EQ(bucket.Take(20, 10, kNow), 0);
  bucket.GiveBack(20, 10, kNow);
  bucket.GiveBack(20, 10, kNow);  // holds no more than it does
  EXPECT_EQ(bucket.Take(20, 10, kNow), 0);
  EXPECT_EQ(bucket.Take(1, 10, kNow), 100'000);
}

// The same with a number of tokens, in billionths: exact.
class NaiveBucket {
 public:
  bool Take(int64_t n, int64_t rate, TimeUs now) {
    Fill(rate, now);
    if (tokens_ < std::min(n * kUnit, rate * TokenBucket::kBurstSeconds * kUnit)) return false;
    tokens_ -= n * kUnit;
    return true;
  }
  // Without it no bucket would be full at first.
  explicit NaiveBucket(int64_t rate, TimeUs now)
      : tokens_(rate * TokenBucket::kBurstSeconds * kUnit), at_(now) {}

 private:
  static constexpr __int128 kUnit = 1'000'000;

  void Fill(int64_t rate, TimeUs now) {
    tokens_ = std::min<__int128>(rate * TokenBucket::kBurstSeconds * kUnit,
                                 tokens_ + static_cast<__int128>(rate) * (now - at_));
    at_ = now;
  }

  __int128 tokens_;
  TimeUs at_;
};

TEST(TokenBucket, IsANaiveBucketForRandomRequests) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  const auto below = [&random](int64_t n) { return static_cast<int64_t>(random() % n); };
  int passed = 0;
  int refused = 0;
  for (int round = 0; round < 200; ++round) {
    // Rates that divide a second, so that nothing is rounded and both agree to the microsecond.
    constexpr int64_t kRates[] = {1, 2, 5, 10, 100, 1000, 20'000, 1'000'000};
    const int64_t rate = kRates[below(8)];
    TimeUs now = kNow + below(kSecondUs);
    TokenBucket bucket;
    NaiveBucket naive(rate, now);
    for (int step = 0; step < 300; ++step) {
      const int64_t n = 1 + below(below(8) == 0 ? 10 * rate : 1 + rate / 2);
      const TimeUs wait = bucket.Take(n, rate, now);
      ASSERT_EQ(wait == 0, naive.Take(n, rate, now)) << "rate " << rate << ", step " << step;
      (wait == 0 ? passed : refused) += 1;
      if (wait > 0 && below(2) == 0) {
        // What was said is right, and not a microsecond too long.
        TokenBucket copy = bucket;
        ASSERT_NE(copy.Take(n, rate, now + wait - 1), 0);
        ASSERT_EQ(copy.Take(n, rate, now + wait), 0);
      }
      now += below(4) == 0 ? wait : below(kSecondUs);
    }
  }
  EXPECT_GT(passed, 1000);
  EXPECT_GT(refused, 1000);
}

TEST(RateLimits, KeepOrganisationsAndKindsApart) {
  using Kind = RateLimits::Kind;
  RateLimits limits;
  EXPECT_EQ(limits.Take("a", Kind::kChecks, 20, 10, kNow), 0);
  EXPECT_NE(limits.Take("a", Kind::kChecks, 1, 10, kNow), 0);
  EXPECT_EQ(limits.Take("a", Kind::kImages, 20, 10, kNow), 0);
  EXPECT_EQ(limits.Take("b", Kind::kChecks, 20, 10, kNow), 0);
  EXPECT_EQ(limits.Take("a", Kind::kChecks, 1'000'000, 0, kNow), 0) << "0 is no limit";
  EXPECT_EQ(limits.Owe("b", Kind::kChecks, 10, 10, kNow), kSecondUs);
}

}  // namespace
}  // namespace vigie
