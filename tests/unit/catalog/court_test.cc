// What an authority submits before its court has decided.
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

using testing::EntryOf;
using testing::Flagger;
using testing::kHourUs;
using testing::PdqPrint;
using testing::Take;
using testing::WithRole;
using testing::World;

class CourtTest : public ::testing::Test {
 protected:
  CourtTest() { world_.MakeList(court_, "orders", ListKind::kBlock, {.provisional_hours = 10}); }

  NewEntry Undecided(std::string case_reference = "24/1") {
    NewEntry entry = EntryOf({PdqPrint(random_.Hash())});
    entry.case_reference = std::move(case_reference);
    entry.until_decided = true;
    return entry;
  }
  std::string Reason(const Principal& caller, std::string_view list, const NewEntry& entry) {
    return ReasonOf(Take(world_.catalog().Upload(caller, list, {&entry, 1})).results.at(0).status);
  }
  EntryRecord Act(const Principal& caller, EntryNumber entry, EntryAction action) {
    return Take(world_.Act(
        caller, "orders", entry, action,
        {.person = "Ana Lys", .reason = ReasonCode::kCourtOrder, .case_reference = "24/1"}));
  }

  testing::Random random_{6};
  World world_;
  const Principal court_ = WithRole(Role::kAuthority, "court");
  const Principal appeal_ = WithRole(Role::kAuthority, "appeal");
  const Principal reviewer_ = WithRole(Role::kReviewer, "moderators");
};

TEST_F(CourtTest, AnUndecidedEntryIsProvisionalForAsLongAsItsListSaysAndNamesItsCase) {
  EXPECT_EQ(Reason(court_, "orders", Undecided("")), "CASE_REFERENCE_REQUIRED");
  const EntryRecord entry = world_.Submit(court_, "orders", Undecided());
  EXPECT_EQ(entry.state, EntryState::kProvisional);
  EXPECT_TRUE(entry.court_basis);
  EXPECT_LE(entry.created_us + 10 * kHourUs, entry.expires_us);
  EXPECT_LT(entry.expires_us, entry.created_us + 10 * kHourUs + 2 * kSecondUs);
  EXPECT_TRUE(world_.catalog().IsActing(entry.number));
  EXPECT_EQ(Act(court_, entry.number, EntryAction::kRenew).renewals, 1);
  world_.clock().Advance(11 * kHourUs);
  EXPECT_FALSE(world_.catalog().IsActing(entry.number));
  NewEntry decided = Undecided();
  decided.until_decided = false;
  EXPECT_EQ(world_.Submit(court_, "orders", decided).state, EntryState::kConfirmed);
}

TEST_F(CourtTest, OnlyAuthoritiesMaySayIt) {
  for (const Role role : {Role::kVictimService, Role::kTrustedFlagger}) {
    const Principal caller = WithRole(role, "helpline");
    const std::string list = role == Role::kVictimService ? "of-victims" : "of-flagger";
    world_.MakeList(caller, list);
    EXPECT_EQ(Reason(caller, list, Undecided()), "ENTRY_INVALID") << Name(role);
  }
  for (const Role role : {Role::kAuthority, Role::kOperator}) {
    const Principal caller = WithRole(role, "keeper");
    const std::string list = role == Role::kAuthority ? "allow-a" : "allow-o";
    world_.MakeList(caller, list, ListKind::kAllow);
    EXPECT_EQ(Reason(caller, list, Undecided()), "ENTRY_INVALID") << Name(role);
  }
}

TEST_F(CourtTest, WhatAnAuthorityConfirmsHasItsBasisWhatAReviewerConfirmsHasNot) {
  const EntryNumber by_court = world_.Submit(court_, "orders", Undecided()).number;
  const EntryNumber by_reviewer = world_.Submit(court_, "orders", Undecided()).number;
  EXPECT_EQ(ReasonOf(world_
                         .Act(court_, "orders", by_court, EntryAction::kConfirm,
                              {.person = "Ana Lys",
                               .reason = ReasonCode::kCourtOrder,
                               .case_reference = "24/1"})
                         .status()),
            "OWN_SUBMISSION");
  EntryRecord entry = Act(appeal_, by_court, EntryAction::kConfirm);
  EXPECT_EQ(entry.state, EntryState::kConfirmed);
  EXPECT_TRUE(entry.court_basis);
  EXPECT_EQ(entry.expires_us, 0);
  entry = Act(reviewer_, by_reviewer, EntryAction::kConfirm);
  EXPECT_EQ(entry.state, EntryState::kConfirmed);
  EXPECT_FALSE(entry.court_basis);
}

TEST_F(CourtTest, UpholdingKeepsTheBasisOfWhatACourtHasDecided) {
  const Principal platform = WithRole(Role::kPlatform, "forum");
  NewEntry decided = Undecided();
  decided.until_decided = false;
  const EntryNumber confirmed = world_.Submit(court_, "orders", decided).number;
  const EntryNumber undecided = world_.Submit(court_, "orders", Undecided()).number;
  for (const EntryNumber entry : {confirmed, undecided}) {
    Act(platform, entry, EntryAction::kContest);
    const EntryRecord upheld = Act(reviewer_, entry, EntryAction::kUphold);
    EXPECT_EQ(upheld.state, EntryState::kConfirmed);
    EXPECT_EQ(upheld.court_basis, entry == confirmed);
  }
}

TEST_F(CourtTest, CountsAreOfEveryListThatIsNotDeletedByStateAsOfNow) {
  const Principal flagger = Flagger("helpline");
  world_.MakeList(flagger, "known");
  world_.MakeList(flagger, "gone");
  world_.Submit(flagger, "gone", EntryOf({PdqPrint(random_.Hash())}));
  for (int i = 0; i < 3; ++i) {
    world_.Submit(flagger, "known", EntryOf({PdqPrint(random_.Hash())}));
  }
  const EntryNumber withdrawn = world_.Submit(court_, "orders", Undecided()).number;
  Act(court_, withdrawn, EntryAction::kWithdraw);
  world_.Submit(court_, "orders", Undecided());
  ASSERT_TRUE(world_.catalog().DeleteList(flagger, "gone", /*force=*/true).ok());
  const auto count = [&] {
    std::string text;
    for (const OrganisationCounters& each : world_.catalog().CountEntries()) {
      absl::StrAppend(&text, each.organisation, " ", each.lists);
      for (const auto& [state, entries] : each.entries) {
        absl::StrAppend(&text, " ", ToAbsl(Name(state)), "=", entries);
      }
      absl::StrAppend(&text, "; ");
    }
    return text;
  };
  EXPECT_EQ(count(), "court 1 provisional=1 withdrawn=1; helpline 1 provisional=3; ");
  world_.clock().Advance(11 * kHourUs);
  EXPECT_EQ(count(), "court 1 expired=1 withdrawn=1; helpline 1 provisional=3; ");
  world_.Reopen();
  EXPECT_EQ(count(), "court 1 expired=1 withdrawn=1; helpline 1 provisional=3; ");
}

}  // namespace
}  // namespace vigie
