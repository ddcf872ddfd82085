#include "engine/catalog/self_check.h"

#include <gtest/gtest.h>

#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

using testing::EntryOf;
using testing::Flagger;
using testing::PdqPrint;
using testing::Random;
using testing::Take;
using testing::World;

class SelfCheck : public ::testing::Test {
 protected:
  SelfCheck() {
    world_.MakeList(Flagger("org-a"), "known");
    const Pdq256 centre = random_.Hash();
    for (int i = 0; i < 300; ++i) {
      const Pdq256 hash =
          i % 2 == 0 ? random_.Near(centre, static_cast<int>(random_.Below(20))) : random_.Hash();
      world_.Submit(Flagger("org-a"), "known",
                    EntryOf({PdqPrint(hash), testing::Sha256Print(std::to_string(i))}));
    }
  }
  absl::StatusOr<IndexCheckReport> Check(IndexCheckOptions options = {}) {
    return CheckIndex(world_.store(), world_.catalog(), options, {});
  }
  void Damage(const char* sql) { ASSERT_TRUE(testing::EditDatabase(world_.file(), sql).ok()); }

  Random random_{31};
  World world_;
};

TEST_F(SelfCheck, ASoundIndexAgreesAtEveryDistance) {
  for (const int distance : {0, 10, 31, 47}) {
    const auto report = Check({.max_distance = distance});
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->found, 600);
    EXPECT_EQ(report->queries, 200);
    EXPECT_GE(report->hits, 200);  // at least what each value was made from
    EXPECT_EQ(report->changed, 0);
  }
}

TEST_F(SelfCheck, ValuesThatTheIndexDoesNotHaveAreFoundOut) {
  Damage("UPDATE fingerprints SET value = randomblob(32) WHERE entry = 100 AND position = 0");
  EXPECT_EQ(ReasonOf(Check().status()), "INDEX_INCOMPLETE");
}

TEST_F(SelfCheck, ADigestThatIsNotInTheTableIsFoundOut) {
  Damage("UPDATE fingerprints SET value = randomblob(32) WHERE entry = 100 AND position = 1");
  EXPECT_EQ(ReasonOf(Check().status()), "INDEX_INCOMPLETE");
}

TEST_F(SelfCheck, ARowThatOnlyTheIndexHasIsFoundOut) {
  // It cannot be a sample: only the comparison around others can tell. Odd entries are near ones.
  Damage("DELETE FROM fingerprints WHERE entry % 4 = 1 AND position = 0");
  EXPECT_EQ(ReasonOf(Check({.max_distance = 47}).status()), "INDEX_DISAGREES");
}

TEST_F(SelfCheck, WhatChangedMeanwhileIsExcused) {
  const auto other = Take(Catalog::Open(world_.store(), world_.clock(), {}, {}));
  for (EntryNumber entry = 1; entry <= 40; ++entry) {
    ASSERT_TRUE(world_
                    .Act(Flagger("org-a"), "known", entry, EntryAction::kErase,
                         {.person = "Ana Lys", .reason = ReasonCode::kVictimRequest})
                    .ok());
  }
  const auto report = CheckIndex(world_.store(), *other, {}, {});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_GT(report->changed, 0);
}

TEST_F(SelfCheck, AnEmptyDatabaseIsSound) {
  World empty;
  const auto report = CheckIndex(empty.store(), empty.catalog(), {}, {});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->queries, 0);
}

}  // namespace
}  // namespace vigie
