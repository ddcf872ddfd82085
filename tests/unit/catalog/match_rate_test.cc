#include "engine/catalog/match_rate.h"

#include <gtest/gtest.h>

namespace vigie {
namespace {

constexpr MatchRateLimit kThree{.uploads = 3, .window_us = 100};

TEST(MatchRates, DifferentUploadsCountAndTheSameOneOnce) {
  MatchRates rates(kThree);
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(rates.Note(1, 7, i));
  EXPECT_FALSE(rates.Note(1, 8, 50));
  EXPECT_FALSE(rates.Note(1, 9, 50));
  EXPECT_FALSE(rates.Note(2, 10, 50)) << "of another entry";
  EXPECT_TRUE(rates.Note(1, 10, 50));
}

TEST(MatchRates, WhatIsOlderThanTheWindowDoesNotCount) {
  MatchRates rates(kThree);
  EXPECT_FALSE(rates.Note(1, 7, 0));
  EXPECT_FALSE(rates.Note(1, 8, 1));
  EXPECT_FALSE(rates.Note(1, 9, 50));
  EXPECT_FALSE(rates.Note(1, 10, 101)) << "7 and 8 are over";
  EXPECT_FALSE(rates.Note(1, 11, 102));
  EXPECT_TRUE(rates.Note(1, 12, 103));
}

TEST(MatchRates, IsToldOnceAndAgainAfterAsManyMore) {
  MatchRates rates(kThree);
  int told = 0;
  for (uint64_t upload = 1; upload <= 12; ++upload) told += rates.Note(1, upload, 5) ? 1 : 0;
  EXPECT_EQ(told, 3);
}

TEST(MatchRates, ZeroIsNoLimit) {
  MatchRates rates({.uploads = 0, .window_us = 100});
  for (uint64_t upload = 0; upload < 1000; ++upload) EXPECT_FALSE(rates.Note(1, upload, 5));
}

TEST(MatchRates, MemoryIsBounded) {
  MatchRates rates(kThree);
  // Each entry is quiet after one upload: those of past windows make room.
  EntryNumber entry = 1;
  for (; entry <= MatchRates::kMaxUploads; ++entry) rates.Note(entry, 1, 0);
  for (uint64_t upload = 1; upload <= 9; ++upload) {
    EXPECT_FALSE(rates.Note(entry, upload, 50)) << "no room for another";
  }
  EXPECT_FALSE(rates.Note(1, 2, 50));
  EXPECT_FALSE(rates.Note(1, 3, 50));
  EXPECT_TRUE(rates.Note(1, 4, 50)) << "who is counted stays so";
  int told = 0;
  for (uint64_t upload = 1; upload <= 4; ++upload) told += rates.Note(entry, upload, 200) ? 1 : 0;
  EXPECT_EQ(told, 1) << "the window of the others is over";
}

}  // namespace
}  // namespace vigie
