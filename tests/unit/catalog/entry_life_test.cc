// The state machine and who may move it: every cell of both tables.
#include "engine/catalog/entry_life.h"

#include <gmock/gmock.h>

#include <map>
#include <set>
#include <string>
#include <utility>

#include "engine/catalog/entry_rules.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

using testing::WithRole;

constexpr int kStateCount = 9;
constexpr int kActionCount = 12;
constexpr int kRoleCount = 7;

TEST(EntryLife, InitialStatesByRoleAndKind) {
  const auto state = [](Role role, ListKind kind) -> std::string {
    const auto initial = InitialState(role, kind);
    return initial.ok() ? std::string(Name(*initial)) : ReasonOf(initial.status());
  };
  const std::string no = "ROLE_MAY_NOT_SUBMIT";
  EXPECT_EQ(state(Role::kVictimService, ListKind::kBlock), "provisional");
  EXPECT_EQ(state(Role::kTrustedFlagger, ListKind::kBlock), "provisional");
  EXPECT_EQ(state(Role::kAuthority, ListKind::kBlock), "confirmed");
  EXPECT_EQ(state(Role::kAuthority, ListKind::kAllow), "confirmed");
  EXPECT_EQ(state(Role::kOperator, ListKind::kAllow), "confirmed");
  EXPECT_EQ(state(Role::kOperator, ListKind::kBlock), no);
  EXPECT_EQ(state(Role::kVictimService, ListKind::kAllow), no);
  EXPECT_EQ(state(Role::kTrustedFlagger, ListKind::kAllow), no);
  for (const Role role : {Role::kPlatform, Role::kReviewer, Role::kAuditor}) {
    EXPECT_EQ(state(role, ListKind::kBlock), no);
    EXPECT_EQ(state(role, ListKind::kAllow), no);
  }
}

TEST(EntryLife, EveryActionFromEveryState) {
  // Rows: submitted, provisional, confirmed, contested, rejected, expired, withdrawn, revoked,
  // erased. Columns: confirm, reject, contest, uphold, reverse, withdraw, revoke, renew, expire,
  // erase, suspend, resume. The number of the state after it; 0: illegal.
  constexpr int kAfter[kStateCount][kActionCount] = {
      {3, 5, 0, 0, 0, 7, 8, 0, 0, 9, 0, 0},  // submitted
      {3, 5, 4, 0, 0, 7, 8, 2, 6, 9, 2, 2},  // provisional
      {0, 0, 4, 0, 0, 7, 8, 0, 0, 9, 3, 3},  // confirmed
      {0, 0, 0, 3, 7, 7, 8, 0, 6, 9, 4, 4},  // contested
      {0, 0, 0, 0, 0, 0, 8, 0, 0, 9, 0, 0},  // rejected
      {0, 0, 0, 0, 0, 7, 8, 2, 0, 9, 0, 0},  // expired
      {0, 0, 0, 0, 0, 0, 8, 0, 0, 9, 0, 0},  // withdrawn
      {0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0},  // revoked
      {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},  // erased
  };
  for (int from = 1; from <= kStateCount; ++from) {
    for (int action = 1; action <= kActionCount; ++action) {
      const auto after =
          StateAfter(static_cast<EntryState>(from), static_cast<EntryAction>(action));
      const int expected = kAfter[from - 1][action - 1];
      EXPECT_EQ(after.ok() ? static_cast<int>(*after) : 0, expected)
          << Name(static_cast<EntryAction>(action)) << " from "
          << Name(static_cast<EntryState>(from));
      if (!after.ok()) {
        EXPECT_EQ(ReasonOf(after.status()), "ILLEGAL_TRANSITION");
      }
    }
  }
}

TEST(EntryLife, UndecidedEntriesExpireAlsoWhileContested) {
  using enum EntryState;
  EXPECT_EQ(StateAt(kProvisional, 100, 99), kProvisional);
  EXPECT_EQ(StateAt(kProvisional, 100, 100), kExpired);
  EXPECT_EQ(StateAt(kProvisional, 0, 100), kProvisional) << "0 is never";
  EXPECT_EQ(StateAt(kConfirmed, 100, 101), kConfirmed);
  EXPECT_EQ(StateAt(kContested, 100, 99), kContested);
  EXPECT_EQ(StateAt(kContested, 100, 100), kExpired);
  EXPECT_EQ(StateAt(kContested, 0, 101), kContested) << "contested after it was confirmed";
}

ListRecord ListOf(std::string organisation) {
  ListRecord list;
  list.id = "known";
  list.organisation = std::move(organisation);
  return list;
}

// An entry of org-a's list, submitted with the key that WithRole gives org-a.
EntryRecord EntryIn(EntryState state) {
  EntryRecord entry;
  entry.state = state;
  entry.submitter = "key-of-org-a";
  entry.revision = 7;
  return entry;
}

const Decision kComplete = {
    .person = "Ana Lys", .reason = ReasonCode::kOther, .case_reference = "24/1"};

TEST(EntryRules, EveryRoleAndActionOnOwnAndOthersEntries) {
  // One string a role, one letter an action in the order of EntryAction: '-' nobody, 'o' own
  // entries, 'x' others' entries, 'a' all.
  const std::map<Role, std::string> kReach = {
      {Role::kPlatform, "--a---------"},       {Role::kVictimService, "--o--o-o-o--"},
      {Role::kTrustedFlagger, "--o--o-o-o--"}, {Role::kAuthority, "xx---oao-a--"},
      {Role::kReviewer, "xx-xxx-----x"},       {Role::kAuditor, "------------"},
      {Role::kOperator, "-----o---oa-"},
  };
  const ListRecord list = ListOf("org-a");
  int cells = 0;
  for (const auto& [role, letters] : kReach) {
    for (int action = 1; action <= kActionCount; ++action) {
      for (const bool own : {true, false}) {
        const Principal caller = WithRole(role, own ? "org-a" : "org-z");
        const char letter = letters.at(static_cast<size_t>(action - 1));
        const bool allowed = letter == 'a' || letter == (own ? 'o' : 'x');
        // In some state the action is legal; the rights do not depend on the state.
        std::set<std::string> reasons;
        for (int state = 1; state <= kStateCount; ++state) {
          EntryRecord entry = EntryIn(static_cast<EntryState>(state));
          if (static_cast<EntryAction>(action) == EntryAction::kResume) {
            entry.suspension = Suspension::kOperator;
          }
          const absl::Status status =
              CheckAction(caller, list, entry, static_cast<EntryAction>(action), kComplete);
          reasons.insert(status.ok() ? "ok" : ReasonOf(status));
        }
        const std::string refusal = letter == 'x' ? "OWN_SUBMISSION" : "ROLE_MAY_NOT_DECIDE";
        const std::string what = std::string(Name(role)) + (own ? " own " : " others' ") +
                                 std::string(Name(static_cast<EntryAction>(action)));
        if (allowed) {
          EXPECT_THAT(reasons, ::testing::IsSubsetOf({"ok", "ILLEGAL_TRANSITION"})) << what;
          EXPECT_TRUE(reasons.contains("ok")) << what;
        } else {
          EXPECT_THAT(reasons, ::testing::ElementsAre(refusal)) << what;
        }
        ++cells;
      }
    }
  }
  EXPECT_EQ(cells, kRoleCount * kActionCount * 2);
}

TEST(EntryRules, WhoMayKnowThatAListExists) {
  ListRecord open = ListOf("org-a");
  ListRecord narrow = ListOf("org-a");
  narrow.audience = {"forum"};
  for (int role = 1; role <= kRoleCount; ++role) {
    const Role r = static_cast<Role>(role);
    EXPECT_TRUE(MayKnow(WithRole(r, "org-a"), open)) << Name(r);
    EXPECT_TRUE(MayKnow(WithRole(r, "org-a"), narrow)) << Name(r);
    const bool reviews = r == Role::kReviewer || r == Role::kAuthority || r == Role::kOperator;
    EXPECT_EQ(MayKnow(WithRole(r, "org-z"), open), reviews || r == Role::kPlatform) << Name(r);
    EXPECT_EQ(MayKnow(WithRole(r, "org-z"), narrow), reviews) << Name(r);
    EXPECT_EQ(MayKnow(WithRole(r, "forum"), narrow), reviews || r == Role::kPlatform) << Name(r);
  }
}

class Rules : public ::testing::Test {
 protected:
  std::string Check(const Principal& caller, const EntryRecord& entry, EntryAction action,
                    const Decision& decision) {
    const absl::Status status = CheckAction(caller, list_, entry, action, decision);
    return status.ok() ? "ok" : ReasonOf(status);
  }

  const ListRecord list_ = ListOf("org-a");
  const Principal reviewer_ = WithRole(Role::kReviewer, "moderators");
  const Principal court_ = WithRole(Role::kAuthority, "court");
};

TEST_F(Rules, ADecisionNamesAHumanAndAReason) {
  using enum EntryAction;
  const EntryRecord entry = EntryIn(EntryState::kProvisional);
  EXPECT_EQ(Check(reviewer_, entry, kConfirm, {.reason = ReasonCode::kOther}), "PERSON_REQUIRED");
  EXPECT_EQ(Check(reviewer_, entry, kConfirm, {.person = " \t ", .reason = ReasonCode::kOther}),
            "PERSON_REQUIRED");
  EXPECT_EQ(Check(reviewer_, entry, kReject, {.person = "Ana Lys"}), "REASON_REQUIRED");
  EXPECT_EQ(Check(reviewer_, entry, kReject,
                  {.person = "Ana Lys", .reason = static_cast<ReasonCode>(99)}),
            "REASON_REQUIRED");
  EXPECT_EQ(Check(reviewer_, entry, kWithdraw, {}), "PERSON_REQUIRED") << "of others' entries";
  const Principal flagger = testing::Flagger("org-a");
  EXPECT_EQ(Check(flagger, entry, kWithdraw, {}), "ok") << "one's own needs no reason";
  EXPECT_EQ(Check(flagger, entry, kContest, {}), "REASON_REQUIRED");
  EXPECT_EQ(Check(flagger, entry, kContest, {.reason = ReasonCode::kConsentGiven}), "ok");
  EXPECT_EQ(Check(flagger, entry, kErase, {.reason = ReasonCode::kDataProtection}),
            "PERSON_REQUIRED");
}

TEST_F(Rules, SuspendingAndResumingAreNotDoneTwice) {
  const Principal host = WithRole(Role::kOperator, "host");
  EntryRecord entry = EntryIn(EntryState::kConfirmed);
  EXPECT_EQ(Check(host, entry, EntryAction::kSuspend, kComplete), "ok");
  EXPECT_EQ(Check(reviewer_, entry, EntryAction::kResume, kComplete), "ILLEGAL_TRANSITION");
  entry.suspension = Suspension::kMatchRate;
  EXPECT_EQ(Check(host, entry, EntryAction::kSuspend, kComplete), "ok") << "it acts even less";
  EXPECT_EQ(Check(reviewer_, entry, EntryAction::kResume, kComplete), "ok");
  entry.suspension = Suspension::kOperator;
  EXPECT_EQ(Check(host, entry, EntryAction::kSuspend, kComplete), "ILLEGAL_TRANSITION");
  EXPECT_EQ(Check(host, entry, EntryAction::kResume, kComplete), "ROLE_MAY_NOT_DECIDE");
  EXPECT_EQ(Check(reviewer_, entry, EntryAction::kResume, {}), "PERSON_REQUIRED");
  EXPECT_EQ(Check(reviewer_, entry, EntryAction::kResume, kComplete), "ok");
  entry.suspension = Suspension::kCleared;
  EXPECT_EQ(Check(reviewer_, entry, EntryAction::kResume, kComplete), "ILLEGAL_TRANSITION");
  EXPECT_EQ(Check(host, entry, EntryAction::kSuspend, {.person = "Ana Lys"}), "REASON_REQUIRED");
}

TEST_F(Rules, NothingAutomatedEndsAContest) {
  const EntryRecord contested = EntryIn(EntryState::kContested);
  for (int action = 1; action <= kActionCount; ++action) {
    for (int role = 1; role <= kRoleCount; ++role) {
      for (const char* organisation : {"org-a", "org-z"}) {
        const Principal caller = WithRole(static_cast<Role>(role), organisation);
        EXPECT_NE(Check(caller, contested, static_cast<EntryAction>(action),
                        {.reason = ReasonCode::kOther, .case_reference = "24/1"}),
                  "ok")
            << Name(caller.role) << ' ' << Name(static_cast<EntryAction>(action));
      }
    }
  }
  EXPECT_EQ(Check(testing::Flagger("org-a"), contested, EntryAction::kWithdraw, kComplete), "ok");
}

TEST_F(Rules, WhoHasDecidedDoesNotSettleTheContest) {
  EntryRecord entry = EntryIn(EntryState::kContested);
  entry.first_decider = {.key_id = "key-of-first", .person = "Jeanne Martin"};
  entry.last_decider = {.key_id = "key-of-last", .person = "Bo"};
  const auto settle = [&](const char* key, const char* person) {
    Principal caller = reviewer_;
    caller.key_id = key;
    return Check(caller, entry, EntryAction::kReverse,
                 {.person = person, .reason = ReasonCode::kOther});
  };
  EXPECT_EQ(settle("key-of-other", "Ana Lys"), "ok");
  EXPECT_EQ(settle("key-of-first", "Ana Lys"), "DECIDED_BEFORE") << "the same key";
  EXPECT_EQ(settle("key-of-last", "Ana Lys"), "DECIDED_BEFORE");
  EXPECT_EQ(settle("key-of-other", " jeanne  MARTIN"), "DECIDED_BEFORE") << "the same person";
  EXPECT_EQ(settle("key-of-other", "bo"), "DECIDED_BEFORE");
  entry.first_decider = entry.last_decider = {};
  EXPECT_EQ(settle("", "Ana Lys"), "ok") << "nobody has decided yet";
}

TEST_F(Rules, CourtsNameTheirCaseAndLateRenewalsToo) {
  using enum EntryAction;
  Decision without = kComplete;
  without.case_reference = "";
  EntryRecord entry = EntryIn(EntryState::kProvisional);
  EXPECT_EQ(Check(court_, entry, kConfirm, without), "CASE_REFERENCE_REQUIRED");
  EXPECT_EQ(Check(court_, entry, kRevoke, without), "CASE_REFERENCE_REQUIRED");
  EXPECT_EQ(Check(court_, entry, kReject, without), "ok");
  const Principal flagger = testing::Flagger("org-a");
  EXPECT_EQ(Check(flagger, entry, kRenew, {}), "ok");
  entry.renewals = kFreeRenewals;
  EXPECT_EQ(Check(flagger, entry, kRenew, {}), "CASE_REFERENCE_REQUIRED");
  EXPECT_EQ(Check(flagger, entry, kRenew, {.case_reference = "24/1"}), "ok");
  entry.case_reference = "24/1";
  EXPECT_EQ(Check(flagger, entry, kRenew, {}), "ok");
}

TEST_F(Rules, WhoHasSeenAnotherRevisionIsTold) {
  Decision decision = kComplete;
  decision.seen_revision = 7;
  EXPECT_EQ(Check(reviewer_, EntryIn(EntryState::kProvisional), EntryAction::kConfirm, decision),
            "ok");
  decision.seen_revision = 6;
  const absl::Status status = CheckAction(reviewer_, list_, EntryIn(EntryState::kRejected),
                                          EntryAction::kConfirm, decision);
  EXPECT_EQ(ReasonOf(status), "ENTRY_CHANGED");
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(MessageOf(status)), ::testing::HasSubstr("rejected at revision 7"));
}

TEST_F(Rules, WhoSubmittedWithThisKeyDoesNotDecideFromAnotherOrganisation) {
  EntryRecord entry = EntryIn(EntryState::kProvisional);
  entry.submitter = reviewer_.key_id;
  EXPECT_EQ(Check(reviewer_, entry, EntryAction::kConfirm, kComplete), "OWN_SUBMISSION");
}

}  // namespace
}  // namespace vigie
