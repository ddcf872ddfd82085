#include "server/cli/dates.h"

#include <gtest/gtest.h>

#include <string>

namespace vigie {
namespace {

TimeUs Parse(std::string_view text, bool end_of_day = false) {
  const auto time = ParseTime("--flag", text, end_of_day);
  EXPECT_TRUE(time.ok()) << time.status();
  return time.value_or(-1);
}

TEST(Dates, ADayIsItsBeginningOrItsEndAndAMomentItself) {
  EXPECT_EQ(Parse("1971-01-01"), TimeUs{365} * 86400 * kSecondUs);
  EXPECT_EQ(Parse("1971-01-01", true), TimeUs{366} * 86400 * kSecondUs);
  EXPECT_EQ(Parse("2024-02-29", true), Parse("2024-03-01"));
  EXPECT_EQ(Parse("2026-12-31T18:00:01Z"), TimeUs{1'798'740'001} * kSecondUs);
  EXPECT_EQ(Parse("2026-12-31T18:00:01Z", true), Parse("2026-12-31T18:00:01Z"));
  EXPECT_EQ(ToText(Parse("9999-12-31T23:59:59Z")), "9999-12-31T23:59:59Z");
  EXPECT_EQ(ToText(Parse("9999-12-31", true)), "10000-01-01T00:00:00Z");
  EXPECT_EQ(ToText(0), "-");
}

TEST(Dates, WhatIsNoDayOrMomentIsRefusedAndTheFlagIsNamed) {
  for (const char* text :
       {"", "2026", "2026-13-01", "2026-00-10", "2026-02-29", "2026-04-31", "2026-1-1",
        "1970-01-01", "0000-01-01", "2026-12-31T18:00:00", "2026-12-31 18:00:00Z",
        "2026-12-31T24:00:00Z", "2026-12-31T18:60:00Z", "2026-12-31T18:00:60Z",
        "2026-12-31T18:00:00+01:00", " 2026-12-31", "2026-12-31 ", "-026-12-31", "tomorrow"}) {
    const auto time = ParseTime("--valid_until", text, true);
    EXPECT_EQ(ReasonOf(time.status()), "USAGE") << text;
    EXPECT_TRUE(std::string(time.status().message()).starts_with("--valid_until ")) << text;
  }
}

}  // namespace
}  // namespace vigie
