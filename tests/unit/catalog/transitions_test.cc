// What is done to entries: its effect on matching, on a restart, on re-imports, and its events.
#include <gmock/gmock.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/catalog/catalog.h"
#include "engine/catalog/entry_life.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

using ::testing::ElementsAre;
using testing::EntryOf;
using ::testing::IsEmpty;
using testing::kFlagger;
using testing::kHourUs;
using testing::kReviewer;
using testing::PdqPrint;
using testing::Random;
using testing::Sha256Print;
using ::testing::SizeIs;
using testing::Take;
using testing::WithRole;
using testing::World;

const Principal kSecond = WithRole(Role::kReviewer, "second-readers");
const Principal kCourt = WithRole(Role::kAuthority, "court");
const Principal kForum = WithRole(Role::kPlatform, "forum");
const Decision kByAna = {.person = "Ana Lys", .reason = ReasonCode::kIllegalContent};
const Decision kByBo = {.person = "Bo Ek", .reason = ReasonCode::kNotIllegal};
const Decision kByCourt = {.person = "Judge Roy",
                           .reason = ReasonCode::kCourtOrder,
                           .legal_basis = "art. 226-2-1",
                           .case_reference = "24/1"};
const Decision kByForum = {.reason = ReasonCode::kConsentGiven, .note = "the uploader says so"};

class Transitions : public ::testing::Test {
 protected:
  Transitions() : random_(81), hash_(random_.Hash()) { world_.MakeList(kFlagger, "known"); }

  NewEntry Picture() { return EntryOf({PdqPrint(hash_), Sha256Print("copy")}, "ref"); }
  EntryRecord Submit() { return world_.Submit(kFlagger, "known", Picture()); }
  absl::StatusOr<EntryRecord> Act(const Principal& caller, EntryAction action,
                                  const Decision& decision, EntryNumber entry = 1) {
    return world_.Act(caller, "known", entry, action, decision);
  }
  std::string Refusal(const Principal& caller, EntryAction action, const Decision& decision) {
    return ReasonOf(Act(caller, action, decision).status());
  }
  bool Matches() {
    const bool near = !world_.Near(hash_).empty();
    const bool copy =
        !world_.catalog().FindCopies(Algorithm::kSha256, Sha256Print("copy").value).empty();
    EXPECT_EQ(near, copy);
    return near;
  }
  EntryState State() {
    return Take(world_.catalog().GetEntry(kFlagger, "known", world_.catalog().EntryId(1))).state;
  }
  std::vector<std::string> Kinds() {
    std::vector<std::string> kinds;
    for (const EventRecord& event : Take(world_.store().ReadEvents(1))) {
      kinds.emplace_back(Name(event.kind));
    }
    return kinds;
  }

  World world_;
  Random random_;
  const Pdq256 hash_;
};

TEST_F(Transitions, TheStoryOfAnEntryThatWasWrong) {
  Submit();
  ASSERT_TRUE(Act(kReviewer, EntryAction::kConfirm, kByAna).ok());
  EXPECT_EQ(State(), EntryState::kConfirmed);
  world_.clock().Advance(20000 * kHourUs);
  EXPECT_TRUE(Matches()) << "confirmed: no time limit any more";
  ASSERT_TRUE(Act(kForum, EntryAction::kContest, kByForum).ok());
  EXPECT_TRUE(Matches()) << "contested: still known, the policy holds it for review";
  EXPECT_EQ(Refusal(kReviewer, EntryAction::kReverse, kByBo), "DECIDED_BEFORE");
  const auto reversed = Act(kSecond, EntryAction::kReverse, kByBo);
  ASSERT_TRUE(reversed.ok()) << reversed.status();
  EXPECT_EQ(reversed->state, EntryState::kWithdrawn);
  EXPECT_EQ(reversed->first_decider.person, "Ana Lys");
  EXPECT_EQ(reversed->last_decider.person, "Bo Ek");
  EXPECT_EQ(reversed->decided_us, world_.clock().Now());
  EXPECT_THAT(reversed->fingerprints, IsEmpty()) << "values are for their owner alone";
  EXPECT_FALSE(Matches());
  world_.Reopen();
  EXPECT_FALSE(Matches());
  EXPECT_EQ(State(), EntryState::kWithdrawn);
  EXPECT_THAT(Kinds(), ElementsAre("entry_submitted", "entry_confirmed", "entry_contested",
                                   "entry_reversed"));
}

TEST_F(Transitions, AnEventSaysWhoWhatWhenAndWhy) {
  const EntryRecord entry = Submit();
  world_.clock().Advance(kHourUs);
  ASSERT_TRUE(Act(kCourt, EntryAction::kConfirm, kByCourt).ok());
  const auto events = Take(world_.store().ReadEvents(1));
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_EQ(events[0].organisation, "helpers");
  EXPECT_EQ(events[0].role, Role::kTrustedFlagger);
  EXPECT_EQ(events[0].from, std::nullopt);
  EXPECT_EQ(events[0].to, EntryState::kProvisional);
  EXPECT_EQ(events[0].revision, entry.revision);
  const EventRecord& event = events[1];
  EXPECT_EQ(event.kind, EventKind::kEntryConfirmed);
  EXPECT_EQ(event.time_us, world_.clock().Now());
  EXPECT_EQ(event.list, entry.list);
  EXPECT_EQ(event.entry, entry.number);
  EXPECT_EQ(event.last_entry, entry.number);
  EXPECT_EQ(event.from, EntryState::kProvisional);
  EXPECT_EQ(event.to, EntryState::kConfirmed);
  EXPECT_EQ(event.organisation, "court");
  EXPECT_EQ(event.role, Role::kAuthority);
  EXPECT_EQ(event.key_id, kCourt.key_id);
  EXPECT_EQ(event.person, "Judge Roy");
  EXPECT_EQ(event.reason, ReasonCode::kCourtOrder);
  EXPECT_EQ(event.legal_basis, "art. 226-2-1");
  EXPECT_EQ(event.case_reference, "24/1");
  EXPECT_EQ(event.revision, world_.catalog().revision());
}

TEST_F(Transitions, ACourtsConfirmationGivesCourtBasis) {
  EXPECT_FALSE(Submit().court_basis);
  const auto confirmed = Act(kCourt, EntryAction::kConfirm, kByCourt);
  ASSERT_TRUE(confirmed.ok());
  EXPECT_TRUE(confirmed->court_basis);
  EXPECT_EQ(confirmed->case_reference, "24/1");
  EXPECT_TRUE(Take(world_.catalog().FindNear({&hash_, 1}, 0)).at(0).entry.court_basis);
}

TEST_F(Transitions, WhateverEndedAnEntryAReimportDoesNotReviveIt) {
  const std::pair<EntryAction, Principal> kEnds[] = {{EntryAction::kReject, kReviewer},
                                                     {EntryAction::kWithdraw, kFlagger},
                                                     {EntryAction::kRevoke, kCourt},
                                                     {EntryAction::kErase, kCourt}};
  EntryNumber number = 0;
  for (const auto& [action, caller] : kEnds) {
    const NewEntry entry =
        EntryOf({PdqPrint(random_.Hash())}, absl::StrCat("ref-", static_cast<int>(action)));
    ++number;
    ASSERT_EQ(world_.Submit(kFlagger, "known", entry).number, number);
    const auto ended = Act(caller, action, kByCourt, number);
    ASSERT_TRUE(ended.ok()) << ended.status();
    for (const bool reopened : {false, true}) {
      if (reopened) world_.Reopen();
      const auto again = Take(world_.catalog().Upload(kFlagger, "known", {&entry, 1})).results[0];
      EXPECT_TRUE(again.status.ok()) << again.status;
      EXPECT_FALSE(again.created) << Name(action);
      EXPECT_EQ(again.entry.number, number);
      EXPECT_EQ(again.entry.state, ended->state);
      EXPECT_THAT(world_.Near(PdqOf(entry.fingerprints[0])), IsEmpty());
    }
  }
}

TEST_F(Transitions, ContestingATemporaryBlockDoesNotMakeItLast) {
  const EntryRecord entry = Submit();
  ASSERT_TRUE(Act(kForum, EntryAction::kContest, kByForum).ok());
  world_.clock().Set(entry.expires_us - 1);
  EXPECT_TRUE(Matches());
  world_.clock().Set(entry.expires_us);
  EXPECT_FALSE(Matches());
  EXPECT_EQ(State(), EntryState::kExpired);
  ASSERT_TRUE(world_.catalog().Maintain().ok());
  EXPECT_THAT(Kinds(), ElementsAre("entry_submitted", "entry_contested", "entry_expired"));
}

TEST_F(Transitions, AnUpheldEntryHasNoTimeLimit) {
  Submit();
  ASSERT_TRUE(Act(kForum, EntryAction::kContest, kByForum).ok());
  ASSERT_TRUE(Act(kReviewer, EntryAction::kUphold, kByAna).ok());
  world_.clock().Advance(20000 * kHourUs);
  EXPECT_TRUE(Matches());
  ASSERT_TRUE(Act(kForum, EntryAction::kContest, kByForum).ok());
  EXPECT_EQ(Refusal(kReviewer, EntryAction::kUphold, kByBo), "DECIDED_BEFORE");
}

TEST_F(Transitions, ExpiryIsWrittenDownOnceAndLeavesTheIndex) {
  const EntryRecord entry = Submit();
  const Revision before = world_.catalog().revision();
  ASSERT_TRUE(world_.catalog().Maintain().ok());
  EXPECT_EQ(world_.catalog().revision(), before) << "nothing is due";
  world_.clock().Set(entry.expires_us);
  ASSERT_TRUE(world_.catalog().Maintain().ok());
  ASSERT_TRUE(world_.catalog().Maintain().ok());
  EXPECT_EQ(world_.catalog().revision(), before + 1);
  EXPECT_EQ((*world_.store().ReadEntry(1))->state, EntryState::kExpired);
  EXPECT_EQ((*world_.store().ReadEntry(1))->reason_code, ReasonCode::kTimeOver);
  EXPECT_THAT(Kinds(), ElementsAre("entry_submitted", "entry_expired"));
  EXPECT_EQ(Take(world_.store().ReadEvents(1))[1].role, std::nullopt) << "nobody did it";
  // Set back, the clock does not revive it.
  world_.clock().Advance(-kHourUs);
  EXPECT_FALSE(Matches());
  world_.Reopen();
  EXPECT_FALSE(Matches());
  EXPECT_EQ(State(), EntryState::kExpired);
}

TEST_F(Transitions, AClockSetForwardAYearExpiresAndARenewalRepairs) {
  Submit();
  world_.clock().Advance(365 * 24 * kHourUs);
  ASSERT_TRUE(world_.catalog().Maintain().ok());
  world_.clock().Advance(-365 * 24 * kHourUs);
  EXPECT_FALSE(Matches());
  ASSERT_TRUE(Act(kFlagger, EntryAction::kRenew, {}).ok());
  EXPECT_TRUE(Matches());
}

TEST_F(Transitions, ManyExpiriesTakeSeveralCommitsAndNoneIsLost) {
  std::vector<NewEntry> entries;
  for (int i = 0; i < 1200; ++i) {
    entries.push_back(EntryOf({PdqPrint(random_.Hash())}, absl::StrCat(i)));
  }
  Take(world_.catalog().Upload(kFlagger, "known", entries));
  world_.clock().Advance(31 * 24 * kHourUs);
  const Revision before = world_.catalog().revision();
  ASSERT_TRUE(world_.catalog().Maintain().ok());
  EXPECT_EQ(world_.catalog().revision(), before + 3) << "what others wait for is bounded";
  EXPECT_TRUE(Take(world_.store().ReadDue(world_.clock().Now(), 1)).empty());
  EXPECT_EQ(*world_.store().CountInState(EntryState::kExpired), 1200U);
}

TEST_F(Transitions, RenewingIsCountedAndProlongs) {
  const EntryRecord entry = Submit();
  world_.clock().Advance(kHourUs);
  const auto renewed = Act(kFlagger, EntryAction::kRenew, {});
  ASSERT_TRUE(renewed.ok());
  EXPECT_EQ(renewed->renewals, 1);
  EXPECT_EQ(renewed->expires_us, entry.expires_us + kHourUs);
  EXPECT_EQ(renewed->first_row, entry.first_row);
  EXPECT_THAT(renewed->fingerprints, SizeIs(2)) << "its owner asked";
  EXPECT_EQ(Refusal(kFlagger, EntryAction::kRenew, {}), "CASE_REFERENCE_REQUIRED");
  world_.clock().Set(entry.expires_us);
  EXPECT_TRUE(Matches());
}

TEST_F(Transitions, WhatHasExpiredActsAgainOnlyWhenRenewed) {
  for (const bool written_down : {false, true}) {
    const Pdq256 hash = random_.Hash();
    const std::string copy = absl::StrCat("copy ", written_down);
    const NewEntry picture = EntryOf({PdqPrint(hash), Sha256Print(copy)});
    const EntryRecord entry = world_.Submit(kFlagger, "known", picture);
    world_.clock().Set(entry.expires_us);
    ASSERT_TRUE(!written_down || world_.catalog().Maintain().ok());
    const auto again = Take(world_.catalog().Upload(kFlagger, "known", {&picture, 1})).results[0];
    EXPECT_EQ(again.entry.state, EntryState::kExpired) << "a re-import does not revive it";
    EXPECT_THAT(world_.Near(hash), IsEmpty());
    const auto renewed = Act(kFlagger, EntryAction::kRenew, {}, entry.number);
    ASSERT_TRUE(renewed.ok()) << renewed.status();
    EXPECT_EQ(renewed->state, EntryState::kProvisional);
    for (const bool reopened : {false, true}) {
      if (reopened) world_.Reopen();
      EXPECT_THAT(world_.Near(hash), ElementsAre(entry.number));
      EXPECT_THAT(world_.catalog().FindCopies(Algorithm::kSha256, Sha256Print(copy).value),
                  SizeIs(1));
    }
    std::vector<EventKind> kinds;
    for (const EventRecord& e : Take(world_.store().ReadEvents(entry.number))) {
      kinds.push_back(e.kind);
    }
    EXPECT_THAT(kinds, ElementsAre(EventKind::kEntrySubmitted, EventKind::kEntryExpired,
                                   EventKind::kEntryRenewed));
    ASSERT_TRUE(Act(kFlagger, EntryAction::kWithdraw, {}, entry.number).ok());
    EXPECT_THAT(world_.Near(hash), IsEmpty());
  }
}

TEST_F(Transitions, OneOfTwoDecisionsWinsAndTheOtherIsTold) {
  for (EntryNumber number = 1; number <= 30; ++number) {
    const EntryRecord entry = world_.Submit(kFlagger, "known", EntryOf({PdqPrint(random_.Hash())}));
    Decision confirm = kByAna;
    Decision reject = kByBo;
    confirm.seen_revision = reject.seen_revision = entry.revision;
    absl::Status first;
    absl::Status second;
    std::thread one(
        [&] { first = Act(kReviewer, EntryAction::kConfirm, confirm, number).status(); });
    std::thread two([&] { second = Act(kSecond, EntryAction::kReject, reject, number).status(); });
    one.join();
    two.join();
    EXPECT_NE(first.ok(), second.ok()) << first << ' ' << second;
    const absl::Status& refused = first.ok() ? second : first;
    EXPECT_EQ(refused.code(), absl::StatusCode::kAborted);
    EXPECT_EQ(ReasonOf(refused), "ENTRY_CHANGED");
    EXPECT_THAT(std::string(MessageOf(refused)),
                ::testing::HasSubstr(first.ok() ? "is confirmed" : "is rejected"));
    EXPECT_THAT(Take(world_.store().ReadEvents(number)), SizeIs(2));
  }
}

TEST_F(Transitions, WhatACallerMayNotKnowIsNotFoundForEveryAction) {
  world_.MakeList(kFlagger, "narrow", ListKind::kBlock, {.audience = {{"forum"}}});
  const EntryRecord entry = world_.Submit(kFlagger, "narrow", Picture());
  const Principal strangers[] = {
      testing::Flagger("others"), WithRole(Role::kVictimService, "others"),
      WithRole(Role::kPlatform, "others"), WithRole(Role::kAuditor, "others")};
  for (const Principal& stranger : strangers) {
    for (int action = 1; action <= 12; ++action) {
      const auto refused =
          world_.Act(stranger, "narrow", entry.number, static_cast<EntryAction>(action), kByCourt);
      const auto none =
          world_.Act(stranger, "none", entry.number, static_cast<EntryAction>(action), kByCourt);
      EXPECT_EQ(refused.status(), none.status()) << "nothing tells the two apart";
      EXPECT_EQ(refused.status().code(), absl::StatusCode::kNotFound);
    }
  }
  EXPECT_EQ(ReasonOf(world_.Act(kForum, "narrow", 999, EntryAction::kContest, kByForum).status()),
            "ENTRY_NOT_FOUND");
  EXPECT_TRUE(world_.Act(kForum, "narrow", entry.number, EntryAction::kContest, kByForum).ok());
}

TEST_F(Transitions, ARefusedActionLeavesNoTrace) {
  Submit();
  world_.clock().Advance(40 * 24 * kHourUs);
  const Revision before = world_.catalog().revision();
  EXPECT_EQ(Refusal(kReviewer, EntryAction::kConfirm, kByAna), "ILLEGAL_TRANSITION")
      << "its time is over, although nobody has written it down";
  EXPECT_EQ(Refusal(kFlagger, EntryAction::kWithdraw, {.note = std::string(257, 'n')}),
            "ENTRY_INVALID");
  EXPECT_EQ(world_.catalog().revision(), before);
  EXPECT_THAT(Kinds(), ElementsAre("entry_submitted"));
}

TEST_F(Transitions, AnUploadIsOneEventForEachStateAndCase) {
  std::vector<NewEntry> entries;
  for (int i = 0; i < 100; ++i) {
    entries.push_back(EntryOf({PdqPrint(random_.Hash())}, absl::StrCat(i)));
    if (i >= 60) entries.back().case_reference = "24/2";
  }
  entries[30].fingerprints.clear();  // refused: it takes no number and breaks no run
  const auto first = Take(world_.store().ReadLastEvent())->number;
  Take(world_.catalog().Upload(kFlagger, "known", entries));
  Take(world_.catalog().Upload(kFlagger, "known", entries));  // again: nothing new
  std::vector<std::string> runs;
  ASSERT_TRUE(world_.store()
                  .ScanEvents(first,
                              [&](const EventRecord& event) {
                                runs.push_back(absl::StrCat(event.entry, "-", event.last_entry, " ",
                                                            event.case_reference));
                                return absl::OkStatus();
                              })
                  .ok());
  EXPECT_THAT(runs, ElementsAre("1-59 ", "60-99 24/2"));
  EXPECT_THAT(Take(world_.store().ReadEvents(75)), SizeIs(1));
  EXPECT_THAT(Take(world_.store().ReadEvents(100)), IsEmpty());
}

TEST_F(Transitions, ListsHaveEventsToo) {
  ASSERT_TRUE(world_.catalog().UpdateList(kFlagger, "known", {.max_distance = 20}).ok());
  ASSERT_TRUE(world_.catalog().DeleteList(kFlagger, "known", false).ok());
  std::vector<std::string> kinds;
  ASSERT_TRUE(world_.store()
                  .ScanEvents(0,
                              [&](const EventRecord& event) {
                                kinds.emplace_back(Name(event.kind));
                                EXPECT_EQ(event.list, kinds.size() == 1 ? 0U : 1U);
                                return absl::OkStatus();
                              })
                  .ok());
  EXPECT_THAT(kinds, ElementsAre("genesis", "list_created", "list_updated", "list_deleted"));
}

}  // namespace
}  // namespace vigie
