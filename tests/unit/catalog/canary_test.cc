// The server's own entry, and the comparison of one entry at a time with the database.
#include "engine/catalog/canary.h"

#include <gmock/gmock.h>

#include "engine/store/sqlite.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

using testing::EntryOf;
using testing::Flagger;
using testing::PdqPrint;
using testing::Random;
using testing::Take;
using testing::WithRole;
using testing::World;

TEST(Canary, ItIsSetOnceAndSurvivesARestart) {
  Random random(21);
  World world;
  const Pdq256 hash = random.Hash();
  ASSERT_TRUE(world.catalog().SetCanary(PdqPrint(hash)).ok());
  const Revision revision = world.catalog().revision();
  ASSERT_TRUE(world.catalog().SetCanary(PdqPrint(random.Hash())).ok());
  EXPECT_EQ(world.catalog().revision(), revision);
  EXPECT_EQ(world.Near(hash, 0).size(), 1);
  world.Reopen();
  ASSERT_TRUE(world.catalog().SetCanary(PdqPrint(hash)).ok());
  EXPECT_EQ(world.catalog().revision(), revision);
  EXPECT_EQ(world.Near(hash, 0).size(), 1);
  EXPECT_TRUE(world.catalog().CheckSample(0, 0, SIZE_MAX).ok());
}

TEST(Canary, NobodyKnowsOfIt) {
  Random random(22);
  World world;
  const Pdq256 hash = random.Hash();
  ASSERT_TRUE(world.catalog().SetCanary(PdqPrint(hash)).ok());
  const EntryNumber entry = world.Near(hash, 0).at(0);
  EXPECT_THAT(world.catalog().CountEntries(), ::testing::IsEmpty());
  for (const Role role : {Role::kPlatform, Role::kVictimService, Role::kTrustedFlagger,
                          Role::kAuthority, Role::kReviewer, Role::kAuditor, Role::kOperator}) {
    const Principal caller = WithRole(role, "somebody");
    EXPECT_EQ(ReasonOf(world.catalog().GetList(caller, kCanaryList).status()), "LIST_NOT_FOUND");
    EXPECT_EQ(ReasonOf(world.catalog()
                           .GetOutcome(caller, kCanaryList, world.catalog().EntryId(entry))
                           .status()),
              "LIST_NOT_FOUND");
    for (const EntryAction action : {EntryAction::kRevoke, EntryAction::kErase,
                                     EntryAction::kSuspend, EntryAction::kContest}) {
      const auto done = world.Act(
          caller, kCanaryList, entry, action,
          {.person = "Ana Lys", .reason = ReasonCode::kCourtOrder, .case_reference = "1"});
      EXPECT_EQ(ReasonOf(done.status()), "LIST_NOT_FOUND") << Name(role);
    }
  }
  // Nor does an entry of the same picture bring it up.
  world.MakeList(Flagger("org-a"), "known");
  const EntryRecord same = world.Submit(Flagger("org-a"), "known", EntryOf({PdqPrint(hash)}));
  EXPECT_THAT(Take(world.catalog().FindRelated(same)), ::testing::IsEmpty());
}

TEST(CheckSample, FindsWhatTheIndexHasOtherwise) {
  Random random(23);
  World world;
  world.MakeList(Flagger("org-a"), "known");
  EXPECT_TRUE(world.catalog().CheckSample(0.5, 0, SIZE_MAX).ok()) << "nothing to compare";
  for (int i = 0; i < 50; ++i) {
    world.Submit(Flagger("org-a"), "known",
                 EntryOf({PdqPrint(random.Hash()), testing::Md5Print(std::to_string(i))}));
  }
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(world.catalog().CheckSample(i / 50.0, i / 50.0, 1 + random.Below(60)).ok()) << i;
  }
  ASSERT_TRUE(testing::EditDatabase(world.file(),
                                    "UPDATE fingerprints SET value = randomblob(32) "
                                    "WHERE entry = 26 AND position = 0")
                  .ok());
  EXPECT_EQ(ReasonOf(world.catalog().CheckSample(0.5, 0, SIZE_MAX)), "INDEX_INCOMPLETE");
  EXPECT_TRUE(world.catalog().CheckSample(0.25, 0, SIZE_MAX).ok());
}

}  // namespace
}  // namespace vigie
