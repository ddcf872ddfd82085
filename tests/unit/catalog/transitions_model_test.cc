// Random actions by random callers against a naive model of the rules: the same answers, the same
// states, the same matches, and an event for everything that happened and nothing else.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/catalog/audit.h"
#include "engine/catalog/catalog.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

using testing::EntryOf;
using testing::kHourUs;
using testing::PdqPrint;
using testing::Random;
using testing::Take;
using testing::WithRole;
using testing::World;
using enum EntryState;
using enum EntryAction;

const std::vector<Principal> kCallers = {
    testing::Flagger("org-a"),
    testing::Flagger("org-b"),
    WithRole(Role::kVictimService, "org-v"),
    WithRole(Role::kAuthority, "court"),
    WithRole(Role::kReviewer, "readers-1"),
    WithRole(Role::kReviewer, "readers-2"),
    WithRole(Role::kReviewer, "org-a"),  // reviewers of a flagger's own organisation
    WithRole(Role::kPlatform, "forum"),
    WithRole(Role::kPlatform, "elsewhere"),
    WithRole(Role::kAuditor, "inspectors"),
    WithRole(Role::kOperator, "host")};
constexpr size_t kSubmitters = 4;  // the first of them

struct ModelEntry {
  Pdq256 hash;
  size_t owner = 0;  // into kCallers
  EntryState state = kProvisional;
  TimeUs expires = 0;
  int renewals = 0;
  Suspension suspension = Suspension::kNone;
  bool has_case = false;
  bool contest_undecided = false;
  std::set<std::string> deciders;  // keys and persons of the first and the last
  std::string first_key, first_person;
  Revision revision = 0;
  std::vector<std::string> events;
};

struct Asked {
  Principal caller;
  EntryAction action = kConfirm;
  Decision decision = {};
};

bool IsCourt(const Asked& asked) { return asked.caller.role == Role::kAuthority; }
bool IsReviewer(const Asked& asked) { return asked.caller.role == Role::kReviewer; }

class Model {
 public:
  // What becomes of the request: "" when it is done, otherwise the reason.
  std::string Ask(ModelEntry& e, const Asked& asked, TimeUs now) {
    const std::string& owner = kCallers[e.owner].organisation;
    const bool own = asked.caller.organisation == owner;
    // The lists of org-b act for "forum" alone.
    const bool sees = asked.caller.role == Role::kPlatform &&
                      (owner != "org-b" || asked.caller.organisation == "forum");
    const bool host = asked.caller.role == Role::kOperator;
    if (!own && !sees && !host && !IsCourt(asked) && !IsReviewer(asked)) return "LIST_NOT_FOUND";
    const bool own_only = asked.action == kWithdraw || asked.action == kRenew;
    if (!own && IsCourt(asked) && own_only) return "LIST_NOT_FOUND";
    if (host && (asked.action == kWithdraw || asked.action == kErase)) return "LIST_NOT_FOUND";
    const EntryState state = Expired(e, now) ? kExpired : e.state;
    if (asked.action == kWithdraw && own && state == kWithdrawn) return "again";
    if (const std::string no = Refusal(e, asked, own, state); !no.empty()) return no;
    if (state != e.state) Expire(e);
    Do(e, asked, now);
    return "";
  }

  static bool Expired(const ModelEntry& e, TimeUs now) {
    return (e.state == kProvisional || e.state == kContested) && e.expires != 0 && e.expires <= now;
  }
  static void Expire(ModelEntry& e) {
    e.contest_undecided = e.state == kContested;
    e.state = kExpired;
    e.events.push_back("entry_expired");
  }
  static bool Matches(const ModelEntry& e, TimeUs now) {
    return !Expired(e, now) &&
           (e.state == kProvisional || e.state == kConfirmed || e.state == kContested);
  }

 private:
  static bool MayAct(const Asked& asked, bool own) {
    switch (asked.caller.role) {
      case Role::kTrustedFlagger:
      case Role::kVictimService:
        return own && (asked.action == kContest || asked.action == kWithdraw ||
                       asked.action == kRenew || asked.action == kErase);
      case Role::kAuthority:
        if (asked.action == kRevoke || asked.action == kErase) return true;
        if (asked.action == kConfirm || asked.action == kReject) return true;
        return own && (asked.action == kWithdraw || asked.action == kRenew);
      case Role::kReviewer:
        return asked.action == kConfirm || asked.action == kReject || asked.action == kUphold ||
               asked.action == kReverse || asked.action == kWithdraw || asked.action == kResume;
      case Role::kPlatform:
        return asked.action == kContest;
      case Role::kOperator:
        return asked.action == kSuspend;
      case Role::kAuditor:
        return false;
    }
    return false;
  }

  static bool Legal(EntryAction action, EntryState state) {
    const bool over = state == kRejected || state == kWithdrawn || state == kRevoked;
    if (action == kSuspend || action == kResume) {
      return state == kProvisional || state == kConfirmed || state == kContested;
    }
    if (state == kErased) return false;
    if (action == kErase) return true;
    if (action == kRevoke) return state != kRevoked;
    if (over) return false;
    if (action == kWithdraw) return true;
    if (action == kRenew) return state == kProvisional || state == kExpired;
    if (state == kProvisional) return action == kConfirm || action == kReject || action == kContest;
    if (state == kConfirmed) return action == kContest;
    if (state == kContested) return action == kUphold || action == kReverse;
    return false;
  }

  static std::string Refusal(const ModelEntry& e, const Asked& asked, bool own, EntryState state) {
    const EntryAction action = asked.action;
    const Decision& d = asked.decision;
    if (!MayAct(asked, own)) return "ROLE_MAY_NOT_DECIDE";
    const bool judges = action == kConfirm || action == kReject || IsReviewer(asked);
    if (judges && own) return "OWN_SUBMISSION";
    if (d.seen_revision != 0 && d.seen_revision != e.revision) return "ENTRY_CHANGED";
    if (!Legal(action, state)) return "ILLEGAL_TRANSITION";
    const bool off = e.suspension == Suspension::kOperator;
    if ((action == kSuspend && off) || (action == kResume && !off)) return "ILLEGAL_TRANSITION";
    const bool decides = judges || action == kRevoke || action == kErase || action == kSuspend;
    if ((decides || state == kContested) && d.person.empty()) return "PERSON_REQUIRED";
    if ((decides || action == kContest) && d.reason == ReasonCode::kNone) return "REASON_REQUIRED";
    const bool court_case = IsCourt(asked) && (action == kConfirm || action == kRevoke);
    if (court_case && d.case_reference.empty()) return "CASE_REFERENCE_REQUIRED";
    const bool undecided =
        state == kExpired && (e.state == kExpired ? e.contest_undecided : e.state == kContested);
    if (action == kRenew && (e.renewals >= 1 || undecided) && !e.has_case &&
        d.case_reference.empty()) {
      return "CASE_REFERENCE_REQUIRED";
    }
    if (IsReviewer(asked) && state == kContested &&
        (e.deciders.contains(asked.caller.key_id) || e.deciders.contains(d.person))) {
      return "DECIDED_BEFORE";
    }
    return "";
  }

  static void Do(ModelEntry& e, const Asked& asked, TimeUs now) {
    const Decision& d = asked.decision;
    if (!d.case_reference.empty()) e.has_case = true;
    switch (asked.action) {
      case kConfirm:
      case kUphold:
        e.state = kConfirmed;
        e.expires = 0;
        if (e.suspension != Suspension::kNone) e.suspension = Suspension::kCleared;
        break;
      case kSuspend:
        e.suspension = Suspension::kOperator;
        break;
      case kResume:
        e.suspension = Suspension::kCleared;
        break;
      case kReject:
        e.state = kRejected;
        break;
      case kContest:
        e.state = kContested;
        break;
      case kReverse:
      case kWithdraw:
        e.state = kWithdrawn;
        break;
      case kRevoke:
        e.state = kRevoked;
        break;
      case kRenew:
        e.state = kProvisional;
        ++e.renewals;
        e.expires = std::max(e.expires, now / kSecondUs * kSecondUs + 48 * kHourUs);
        break;
      case kErase:
        e.state = kErased;
        e.suspension = Suspension::kNone;
        break;
      case kExpire:
        break;
    }
    if (asked.action == kConfirm || asked.action == kUphold || asked.action == kReject ||
        asked.action == kReverse || asked.action == kRevoke) {
      if (e.deciders.empty()) {
        e.first_key = asked.caller.key_id;
        e.first_person = d.person;
      }
      e.deciders = {e.first_key, e.first_person, asked.caller.key_id, d.person};
    }
    e.events.push_back(std::string(Name(KindOf(asked.action))));
  }
};

class AgainstTheModel : public ::testing::TestWithParam<uint64_t> {
 protected:
  AgainstTheModel() : random_(GetParam()) {
    for (size_t i = 0; i < kSubmitters; ++i) {
      ListSettings settings{.provisional_hours = 48};
      if (i == 1) settings.audience = {"forum"};
      world_.MakeList(kCallers[i], ListOf(i), ListKind::kBlock, settings);
    }
  }

  static std::string ListOf(size_t owner) { return "list-" + kCallers[owner].organisation; }

  void Submit() {
    ModelEntry e;
    e.hash = random_.Hash();
    e.owner = random_.Below(kSubmitters);
    NewEntry entry = EntryOf({PdqPrint(e.hash)});
    const bool court = kCallers[e.owner].role == Role::kAuthority;
    if (court) entry.case_reference = "case";
    const EntryRecord made = world_.Submit(kCallers[e.owner], ListOf(e.owner), entry);
    ASSERT_EQ(made.number, entries_.size() + 1);
    e.has_case = court;
    e.state = court ? kConfirmed : kProvisional;
    e.expires = court ? 0 : world_.clock().Now() / kSecondUs * kSecondUs + 48 * kHourUs;
    e.revision = made.revision;
    e.events = {"entry_submitted"};
    entries_.push_back(e);
  }

  Asked AnyRequest(const ModelEntry& e) {
    Asked asked{.caller = kCallers[random_.Below(kCallers.size())],
                .action = static_cast<EntryAction>(1 + random_.Below(12))};
    if (random_.OneIn(3)) asked.caller = kCallers[e.owner];
    Decision& d = asked.decision;
    const char* persons[] = {"", "ana lys", "bo ek", "cy"};
    d.person = persons[random_.Below(4)];
    if (!random_.OneIn(5)) d.reason = static_cast<ReasonCode>(1 + random_.Below(14));
    if (random_.OneIn(3)) d.case_reference = "24/1";
    if (random_.OneIn(3)) d.seen_revision = e.revision;
    if (random_.OneIn(10)) d.seen_revision = 1;
    return asked;
  }

  void ActOnce() {
    const size_t which = random_.Below(entries_.size());
    ModelEntry& e = entries_[which];
    const Asked asked = AnyRequest(e);
    const auto result =
        world_.Act(asked.caller, ListOf(e.owner), static_cast<EntryNumber>(which + 1), asked.action,
                   asked.decision);
    const std::string expected = model_.Ask(e, asked, world_.clock().Now());
    const std::string what =
        absl::StrCat("entry ", which + 1, " ", std::string(Name(asked.action)), " by ",
                     std::string(Name(asked.caller.role)), " of ", asked.caller.organisation);
    if (expected == "again") {
      ASSERT_TRUE(result.ok()) << what;
    } else if (expected.empty()) {
      ASSERT_TRUE(result.ok()) << what << ": " << result.status();
      ASSERT_EQ(result->state, e.state) << what;
      e.revision = result->revision;
      ++done_;
    } else {
      ASSERT_EQ(ReasonOf(result.status()), expected) << what;
      ++refused_;
    }
  }

  void MaintainOnce() {
    ASSERT_TRUE(world_.catalog().Maintain().ok());
    for (ModelEntry& e : entries_) {
      if (!Model::Expired(e, world_.clock().Now())) continue;
      Model::Expire(e);
      e.revision = world_.catalog().revision();
    }
  }

  void CompareAll() {
    for (size_t i = 0; i < entries_.size(); ++i) {
      const ModelEntry& e = entries_[i];
      const auto number = static_cast<EntryNumber>(i + 1);
      const auto entry = Take(world_.catalog().GetEntry(kCallers[e.owner], ListOf(e.owner),
                                                        world_.catalog().EntryId(number)));
      const TimeUs now = world_.clock().Now();
      ASSERT_EQ(entry.state, Model::Expired(e, now) ? kExpired : e.state) << number;
      ASSERT_EQ(entry.revision, e.revision) << number;
      ASSERT_EQ(entry.suspension, e.suspension) << number;
      ASSERT_EQ(world_.Near(e.hash, 0).size(), Model::Matches(e, now) ? 1U : 0U) << number;
      ASSERT_EQ(entry.fingerprints.empty(), e.state == kErased);
      std::vector<std::string> events;
      for (const EventRecord& event : Take(world_.store().ReadEvents(number))) {
        events.emplace_back(Name(event.kind));
      }
      ASSERT_EQ(events, e.events) << number;
    }
  }

  World world_;
  Random random_;
  Model model_;
  std::vector<ModelEntry> entries_;
  int done_ = 0;
  int refused_ = 0;
};

TEST_P(AgainstTheModel, ThousandsOfStepsAgree) {
  Submit();
  for (int step = 0; step < 4000; ++step) {
    const size_t dice = random_.Below(100);
    if (dice < 6) {
      Submit();
    } else if (dice < 10) {
      world_.clock().Advance(static_cast<TimeUs>(random_.Below(20)) * kHourUs);
    } else if (dice < 12) {
      MaintainOnce();
    } else {
      ActOnce();
    }
    if (HasFatalFailure()) FAIL() << "step " << step;
    if (step % 500 == 499) {
      if (random_.OneIn(2)) world_.Reopen();
      CompareAll();
      if (HasFatalFailure()) FAIL() << "step " << step;
    }
  }
  EXPECT_GT(done_, 150);
  EXPECT_GT(refused_, 300);
  testing::TemporaryFolder folder;
  const auto key = Take(SigningKey::LoadOrMake(folder.File("key")));
  const auto report = VerifyEvents(world_.store(), key.public_key(), std::nullopt);
  ASSERT_TRUE(report.ok()) << report.status();
  size_t events = 1 + kSubmitters;  // the first one, and the lists'
  for (const ModelEntry& e : entries_) events += e.events.size();
  EXPECT_EQ(report->events, events);
}

INSTANTIATE_TEST_SUITE_P(Seeds, AgainstTheModel, ::testing::Values(91, 92, 93));

}  // namespace
}  // namespace vigie
