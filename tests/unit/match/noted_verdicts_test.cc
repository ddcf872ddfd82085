// What the pipeline notes of its verdicts, and what suspension and feedback do to the next ones.
#include <gmock/gmock.h>

#include "engine/catalog/verdict_book.h"
#include "tests/support/engine_fixtures.h"
#include "tests/unit/match/pipeline_fixture.h"

namespace vigie {
namespace {

using testing::EntryOf;
using testing::PdqPrint;
using testing::Take;
using testing::WithRole;

class NotedVerdicts : public ::testing::Test {
 protected:
  Verdict Check(const Pdq256& hash) {
    const QueryFingerprint query{.fingerprint = PdqPrint(hash)};
    CheckOptions options;
    options.organisation = "forum";
    options.key_id = "key-7";
    return Take(pipeline_.CheckFingerprints({&query, 1}, options));
  }
  EntryNumber Submit(const Pdq256& hash, std::string_view list = "known") {
    return world_.Submit(list == "known" ? flagger_ : operator_, list, EntryOf({PdqPrint(hash)}))
        .number;
  }

  testing::World world_;
  testing::Random random_{3};
  const Principal flagger_ = testing::Flagger("org-a");
  const Principal operator_ = WithRole(Role::kOperator, "host");
  const ListRecord list_ = world_.MakeList(flagger_, "known");
  const ListRecord allow_ = world_.MakeList(operator_, "harmless", ListKind::kAllow);
  VerdictBook book_{world_.catalog(), world_.clock(), {}};
  Pipeline pipeline_{world_.catalog(), world_.clock(), {}, &book_};
};

TEST_F(NotedVerdicts, AMatchIsAnEventWithWhoAskedAndNoMatchIsACount) {
  const Pdq256 hash = random_.Hash();
  const EntryNumber entry = Submit(hash);
  EXPECT_EQ(Check(random_.Hash()).upload, "");
  const Verdict verdict = Check(hash);
  EXPECT_EQ(verdict.upload.size(), 39U);
  const auto event = Take(world_.store().ReadLastEvent());
  EXPECT_EQ(event->kind, EventKind::kUploadProvisionallyBlocked);
  EXPECT_EQ(event->entry, entry);
  EXPECT_EQ(event->list, list_.number);
  EXPECT_EQ(event->key_id, "key-7");
  ASSERT_TRUE(book_.Flush(/*all=*/true).ok());
  int64_t checks = 0;
  for (const CheckCount& count : Take(world_.store().verdicts().ReadCheckCounts(0))) {
    checks += count.checks;
  }
  EXPECT_EQ(checks, 2);
}

TEST_F(NotedVerdicts, AnAllowedUploadIsKeptForLaterDecisionsAndNamesNoEntry) {
  const Pdq256 hash = random_.Hash();
  Submit(hash);
  const EntryNumber allowed = Submit(hash, "harmless");
  EXPECT_EQ(Check(hash).basis, Basis::kAllowListed);
  ASSERT_TRUE(book_.Flush(/*all=*/true).ok());
  const auto kept = Take(world_.store().verdicts().ReadVerdicts(5));
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].action, std::nullopt);
  EXPECT_EQ(Take(world_.store().verdicts().CountSightings(allowed)).platforms, 0);
}

TEST_F(NotedVerdicts, ASuspendedEntryAsksForLess) {
  const Pdq256 hash = random_.Hash();
  const EntryNumber entry = Submit(hash);
  ASSERT_TRUE(world_.catalog().RecordVerdicts({}, {&entry, 1}).ok());
  EXPECT_EQ(Check(hash).action, Action::kHoldForReview);
  EXPECT_EQ(Check(hash).basis, Basis::kSuspended);
  ASSERT_TRUE(world_
                  .Act(operator_, "known", entry, EntryAction::kSuspend,
                       {.person = "Op Era", .reason = ReasonCode::kWrongPicture})
                  .ok());
  EXPECT_EQ(Check(hash).action, Action::kReportOnly);
}

TEST_F(NotedVerdicts, AReleasedPairIsOnlyReported) {
  const Pdq256 hash = random_.Hash();
  const EntryNumber entry = Submit(hash);
  const std::string upload = Check(hash).upload;
  ASSERT_TRUE(world_.catalog()
                  .GiveFeedback(WithRole(Role::kPlatform, "forum"), "known",
                                world_.catalog().EntryId(entry), upload, /*correct=*/false,
                                /*release=*/true)
                  .ok());
  EXPECT_EQ(Check(hash).action, Action::kReportOnly);
  EXPECT_EQ(Check(hash).basis, Basis::kReleased);
  Pdq256 near = hash;
  near.bytes[0] ^= 1;
  EXPECT_EQ(Check(near).action, Action::kProvisionalBlock) << "another upload";
}

TEST_F(NotedVerdicts, AVerdictIsGivenWhenItCannotBeWritten) {
  const Pdq256 hash = random_.Hash();
  Submit(hash);
  world_.store().FailAt(1);
  EXPECT_EQ(Check(hash).action, Action::kProvisionalBlock);
}

}  // namespace
}  // namespace vigie
