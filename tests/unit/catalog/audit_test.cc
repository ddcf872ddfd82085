// The chain of events: what VerifyEvents() finds.
#include "engine/catalog/audit.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/catalog/catalog.h"
#include "engine/store/event_chain.h"
#include "engine/store/sqlite.h"
#include "engine/store/sqlite_store.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

using testing::EntryOf;
using ::testing::HasSubstr;
using testing::kFlagger;
using testing::PdqPrint;
using testing::Take;
using testing::World;

// A chain of 1 + 1 + 20 * 2 events with a signed head at its end.
class Audit : public ::testing::Test {
 protected:
  Audit() : key_(Take(SigningKey::LoadOrMake(folder_.File("audit.key")))) {
    testing::Random random(61);
    world_.MakeList(kFlagger, "known");
    for (EntryNumber n = 1; n <= 20; ++n) {
      world_.Submit(kFlagger, "known", EntryOf({PdqPrint(random.Hash())}));
      EXPECT_TRUE(
          world_
              .Act(testing::WithRole(Role::kReviewer, "moderators"), "known", n,
                   n % 2 == 0 ? EntryAction::kConfirm : EntryAction::kReject,
                   {.person = "Ana Lys", .reason = ReasonCode::kOther, .case_reference = "24/1"})
              .ok());
    }
    Sign();
  }

  void Sign() {
    auto signer = Take(HeadSigner::Open(world_.store(), key_));
    EXPECT_TRUE(signer.Sign(world_.clock().Now(), /*now_or_never=*/true).ok());
  }
  absl::StatusOr<ChainReport> Verify(const std::optional<HeadRecord>& kept = std::nullopt) {
    return VerifyEvents(world_.store(), key_.public_key(), kept);
  }
  // Changes the database behind the program's back.
  void Tamper(const std::string& sql) {
    const auto raw = SqlConnection::Open(world_.file());
    ASSERT_TRUE(raw.ok());
    const absl::Status status = (*raw)->Exec(sql.c_str());
    ASSERT_TRUE(status.ok()) << status;
  }
  std::string Finding() {
    const auto report = Verify();
    EXPECT_EQ(ReasonOf(report.status()), "CHAIN_BROKEN");
    return std::string(MessageOf(report.status()));
  }

  World world_;
  testing::TemporaryFolder folder_;
  const SigningKey key_;
};

TEST_F(Audit, AWholeChainVerifies) {
  const auto report = Verify();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->events, 42U);
  EXPECT_EQ(report->heads, 1U);
  EXPECT_EQ(report->signed_until, 42U);
  EXPECT_EQ(report->head, Take(world_.store().ReadLastEvent())->digest);
  world_.Reopen();
  EXPECT_TRUE(Verify().ok());
}

TEST_F(Audit, AnEditOfAnyFieldIsFound) {
  const char* kColumns[] = {"time_us",     "kind",           "list",     "entry",
                            "last_entry",  "from_state",     "to_state", "role",
                            "reason",      "organisation",   "key_id",   "person",
                            "legal_basis", "case_reference", "revision"};
  for (const std::string column : kColumns) {
    Tamper(absl::StrCat("CREATE TABLE kept AS SELECT * FROM events WHERE number=17; ",
                        "UPDATE events SET ", column, "=", column, "||'1' WHERE number=17"));
    EXPECT_THAT(Finding(), HasSubstr("event 17 is not what was written")) << column;
    Tamper(
        "DELETE FROM events WHERE number=17; INSERT INTO events SELECT * FROM kept; "
        "DROP TABLE kept");
    ASSERT_TRUE(Verify().ok());
  }
  Tamper("UPDATE events SET digest=zeroblob(32) WHERE number=17");
  EXPECT_THAT(Finding(), HasSubstr("event 17 is not"));
}

TEST_F(Audit, ADeletionIsFoundAnywhere) {
  Tamper("DELETE FROM events WHERE number=9");
  EXPECT_EQ(Finding(), "event 9 is missing");
  Tamper("UPDATE events SET number=number-1 WHERE number>9");
  EXPECT_THAT(Finding(), HasSubstr("event 9 is not what was written"));
  Tamper("DELETE FROM events");
  EXPECT_THAT(Finding(), HasSubstr("missing"));
}

TEST_F(Audit, AReorderingIsFound) {
  Tamper(
      "UPDATE events SET number=-1 WHERE number=20; UPDATE events SET number=20 WHERE number=21;"
      "UPDATE events SET number=21 WHERE number=-1");
  EXPECT_THAT(Finding(), HasSubstr("event 20 is not what was written"));
}

TEST_F(Audit, ATruncationIsFoundAgainstASignedHead) {
  const HeadRecord kept = Take(world_.store().ReadHeads()).back();
  Tamper("DELETE FROM events WHERE number>40");
  EXPECT_EQ(Finding(), "events after 40 are missing: a head of event 42 was signed");
  Tamper("DELETE FROM event_heads");
  EXPECT_TRUE(Verify().ok()) << "with the heads gone as well, only one kept elsewhere tells";
  EXPECT_EQ(ReasonOf(Verify(kept).status()), "CHAIN_BROKEN");
}

// Whoever can write the database can compute digests, but not sign.
TEST_F(Audit, AChainThatWasWrittenAnewIsFound) {
  std::vector<EventRecord> events;
  ASSERT_TRUE(world_.store()
                  .ScanEvents(0,
                              [&](const EventRecord& event) {
                                events.push_back(event);
                                return absl::OkStatus();
                              })
                  .ok());
  EventDigest previous{};
  std::string sql;
  for (EventRecord& event : events) {
    if (event.number == 17) event.person = "Nobody";
    event.digest = previous = DigestOf(event, previous);
    absl::StrAppend(&sql, "UPDATE events SET digest=x'", ToHex(event.digest), "', person='",
                    event.person, "' WHERE number=", event.number, ";");
  }
  Tamper(sql);
  EXPECT_EQ(Finding(), "event 42 is not the one that was signed");
  const auto other = Take(SigningKey::LoadOrMake(folder_.File("other.key")));
  const HeadRecord forged =
      MakeHead(other, world_.store().id(), events.back(), world_.clock().Now());
  Tamper("DELETE FROM event_heads");
  ASSERT_TRUE(world_.store().InsertHead(forged).ok());
  EXPECT_THAT(Finding(), HasSubstr("not signed by this key"));
}

TEST_F(Audit, AHeadOfAnotherDatabaseIsNotAccepted) {
  World other;
  auto signer = Take(HeadSigner::Open(other.store(), key_));
  ASSERT_TRUE(signer.Sign(other.clock().Now(), true).ok());
  const HeadRecord head = Take(other.store().ReadHeads()).at(0);
  EXPECT_TRUE(IsSigned(head, other.store().id(), key_.public_key()));
  EXPECT_EQ(ReasonOf(Verify(head).status()), "CHAIN_BROKEN");
}

TEST_F(Audit, HeadsAreSignedEverySoManyEventsOrSoLong) {
  World world;
  auto signer = Take(HeadSigner::Open(world.store(), key_));
  const TimeUs start = world.clock().Now();
  const auto heads = [&] { return Take(world.store().ReadHeads()).size(); };
  ASSERT_TRUE(signer.Sign(start, false).ok());
  EXPECT_EQ(heads(), 1U) << "none was ever signed";
  ASSERT_TRUE(signer.Sign(start, true).ok());
  EXPECT_EQ(heads(), 1U) << "nothing is new";
  world.MakeList(kFlagger, "known");
  ASSERT_TRUE(signer.Sign(start + HeadSigner::kPauseUs - 1, false).ok());
  EXPECT_EQ(heads(), 1U);
  ASSERT_TRUE(signer.Sign(start + HeadSigner::kPauseUs, false).ok());
  EXPECT_EQ(heads(), 2U);
  for (uint64_t i = 0; i < HeadSigner::kEvents; ++i) {
    ASSERT_TRUE(world.catalog().UpdateList(kFlagger, "known", {.max_distance = 20}).ok());
  }
  ASSERT_TRUE(signer.Sign(start + HeadSigner::kPauseUs, false).ok());
  EXPECT_EQ(heads(), 3U);
  // A signer of the next start goes on from what the database holds.
  auto next = Take(HeadSigner::Open(world.store(), key_));
  ASSERT_TRUE(next.Sign(start + HeadSigner::kPauseUs, true).ok());
  EXPECT_EQ(heads(), 3U);
}

TEST_F(Audit, KeysMadeAndRevokedAreEventsWithoutTheirSecrets) {
  KeyRecord key{.id = "k1",
                .digest = std::string(32, 'd'),
                .organisation = "org-a",
                .role = Role::kReviewer,
                .label = "a label",
                .created_us = 5,
                .revoked_us = 0};
  ASSERT_TRUE(world_.store().InsertKey(key).ok());
  EXPECT_FALSE(world_.store().InsertKey(key).ok());
  ASSERT_TRUE(world_.store().RevokeKey("k1", 7).ok());
  ASSERT_TRUE(world_.store().RevokeKey("k1", 9).ok());
  std::vector<std::string> seen;
  ASSERT_TRUE(world_.store()
                  .ScanEvents(42,
                              [&](const EventRecord& e) {
                                seen.push_back(absl::StrCat(std::string(Name(e.kind)), " ",
                                                            e.key_id, " ", e.organisation, " ",
                                                            e.time_us));
                                return absl::OkStatus();
                              })
                  .ok());
  EXPECT_THAT(seen, ::testing::ElementsAre("key_created k1 org-a 5", "key_revoked k1 org-a 7"));
  EXPECT_TRUE(Verify().ok());
  // And a change of the catalogue afterwards follows them.
  world_.MakeList(kFlagger, "after");
  EXPECT_EQ(Verify()->events, 45U);
}

}  // namespace
}  // namespace vigie
