#include "server/app/health.h"

#include <gmock/gmock.h>

#include <vector>

namespace vigie {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

absl::Status Wrong(std::string_view reason) {
  return Error(absl::StatusCode::kInternal, reason, "wrong");
}

TEST(Health, AllPartsMustAgreeAndChangesAreToldOnce) {
  std::vector<bool> told;
  Health health([&told](bool serving) { told.push_back(serving); });
  EXPECT_EQ(ReasonOf(health.Get()), "STARTING");
  health.Set(Health::Part::kCanary, Wrong("CANARY_FAILED"));
  EXPECT_EQ(ReasonOf(health.Get()), "STARTING");
  health.Set(Health::Part::kLife, absl::OkStatus());
  EXPECT_THAT(told, IsEmpty());
  EXPECT_EQ(ReasonOf(health.Get()), "CANARY_FAILED");
  health.Set(Health::Part::kCanary, absl::OkStatus());
  EXPECT_TRUE(health.Get().ok());
  health.Set(Health::Part::kCatalogue, absl::OkStatus());
  EXPECT_THAT(told, ElementsAre(true));
  health.Set(Health::Part::kCatalogue, Wrong("INDEX_INCOMPLETE"));
  health.Set(Health::Part::kCanary, Wrong("CANARY_FAILED"));
  EXPECT_THAT(told, ElementsAre(true, false));
  EXPECT_EQ(ReasonOf(health.Get()), "INDEX_INCOMPLETE");
  health.Set(Health::Part::kCatalogue, absl::OkStatus());
  EXPECT_EQ(ReasonOf(health.Get()), "CANARY_FAILED");
}

TEST(Health, WhatRecoversDoesNotEndADrain) {
  std::vector<bool> told;
  Health health([&told](bool serving) { told.push_back(serving); });
  health.Set(Health::Part::kLife, absl::OkStatus());
  health.Set(Health::Part::kLife, Wrong("DRAINING"));
  health.Set(Health::Part::kCanary, Wrong("CANARY_FAILED"));
  health.Set(Health::Part::kCanary, absl::OkStatus());
  EXPECT_THAT(told, ElementsAre(true, false));
  EXPECT_EQ(ReasonOf(health.Get()), "DRAINING");
}

}  // namespace
}  // namespace vigie
