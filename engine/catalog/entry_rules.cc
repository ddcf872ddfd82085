#include "engine/catalog/entry_rules.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "engine/catalog/canary.h"
#include "engine/catalog/entry_life.h"
#include "engine/catalog/list_table.h"

namespace vigie {
namespace {

struct Right {
  Role role;
  EntryAction action;
  Reach reach;
};

// What is not in the table is denied. Nobody may kExpire: time does.
constexpr Right kRights[] = {
    {Role::kPlatform, EntryAction::kContest, Reach::kAll},
    {Role::kVictimService, EntryAction::kContest, Reach::kOwn},
    {Role::kVictimService, EntryAction::kWithdraw, Reach::kOwn},
    {Role::kVictimService, EntryAction::kRenew, Reach::kOwn},
    {Role::kVictimService, EntryAction::kErase, Reach::kOwn},
    {Role::kTrustedFlagger, EntryAction::kContest, Reach::kOwn},
    {Role::kTrustedFlagger, EntryAction::kWithdraw, Reach::kOwn},
    {Role::kTrustedFlagger, EntryAction::kRenew, Reach::kOwn},
    {Role::kTrustedFlagger, EntryAction::kErase, Reach::kOwn},
    {Role::kAuthority, EntryAction::kConfirm, Reach::kOthers},
    {Role::kAuthority, EntryAction::kReject, Reach::kOthers},
    {Role::kAuthority, EntryAction::kWithdraw, Reach::kOwn},
    {Role::kAuthority, EntryAction::kRevoke, Reach::kAll},
    {Role::kAuthority, EntryAction::kRenew, Reach::kOwn},
    {Role::kAuthority, EntryAction::kErase, Reach::kAll},
    {Role::kReviewer, EntryAction::kConfirm, Reach::kOthers},
    {Role::kReviewer, EntryAction::kReject, Reach::kOthers},
    {Role::kReviewer, EntryAction::kUphold, Reach::kOthers},
    {Role::kReviewer, EntryAction::kReverse, Reach::kOthers},
    {Role::kReviewer, EntryAction::kWithdraw, Reach::kOthers},
    {Role::kReviewer, EntryAction::kResume, Reach::kOthers},
    // An operator keeps ALLOW lists (docs/decisions/0005-who-may-keep-allow-lists.md).
    {Role::kOperator, EntryAction::kWithdraw, Reach::kOwn},
    {Role::kOperator, EntryAction::kErase, Reach::kOwn},
    {Role::kOperator, EntryAction::kSuspend, Reach::kAll},
};

absl::Status Denied(std::string_view reason, std::string_view message) {
  return Error(absl::StatusCode::kPermissionDenied, reason, message);
}

absl::Status Missing(std::string_view reason, std::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, reason, message);
}

// "jeanne  MARTIN " and "Jeanne Martin" are one person.
std::string Normalised(std::string_view person) {
  std::string text(person);
  absl::RemoveExtraAsciiWhitespace(&text);
  absl::AsciiStrToLower(&text);
  return text;
}

bool IsDecision(EntryAction action) {
  using enum EntryAction;
  constexpr EntryAction kDecisions[] = {kConfirm, kReject, kUphold,  kReverse,
                                        kRevoke,  kErase,  kSuspend, kResume};
  return std::find(std::begin(kDecisions), std::end(kDecisions), action) != std::end(kDecisions);
}

absl::Status CheckReach(const Principal& caller, const ListRecord& list, const EntryRecord& entry,
                        EntryAction action) {
  const Reach reach = ReachOf(caller.role, action);
  const bool own = caller.organisation == list.organisation;
  if (reach == Reach::kNone || (reach == Reach::kOwn && !own)) {
    return Denied("ROLE_MAY_NOT_DECIDE",
                  absl::StrCat("the role ", ToAbsl(Name(caller.role)), " may not ",
                               ToAbsl(Name(action)), " this entry"));
  }
  if (reach == Reach::kOthers && (own || caller.key_id == entry.submitter)) {
    return Denied("OWN_SUBMISSION", "who submitted an entry does not decide about it");
  }
  return absl::OkStatus();
}

absl::Status CheckContent(const Principal& caller, const EntryRecord& entry, EntryAction action,
                          const Decision& decision) {
  const bool reviews = IsDecision(action) || caller.role == Role::kReviewer;
  // Nothing automated ends a contest, whatever the action is called.
  if ((reviews || entry.state == EntryState::kContested) && Normalised(decision.person).empty()) {
    return Missing("PERSON_REQUIRED", "this decision needs the name of the human who takes it");
  }
  if ((reviews || action == EntryAction::kContest) &&
      (decision.reason == ReasonCode::kNone || Name(decision.reason) == "invalid")) {
    return Missing("REASON_REQUIRED", "this decision needs a reason code");
  }
  const bool court = caller.role == Role::kAuthority &&
                     (action == EntryAction::kConfirm || action == EntryAction::kRevoke);
  if (court && decision.case_reference.empty()) {
    return Missing("CASE_REFERENCE_REQUIRED", "an authority's decision names its case");
  }
  if (action != EntryAction::kRenew || !decision.case_reference.empty() ||
      !entry.case_reference.empty()) {
    return absl::OkStatus();
  }
  if (entry.renewals >= kFreeRenewals) {
    return Missing("CASE_REFERENCE_REQUIRED",
                   absl::StrCat("an entry that was renewed ", entry.renewals,
                                " times is renewed again only with a case reference"));
  }
  // Otherwise a submitter could end a contest by itself: by waiting.
  if (entry.state == EntryState::kExpired && entry.reason_code == ReasonCode::kContestUndecided) {
    return Missing("CASE_REFERENCE_REQUIRED",
                   "an entry that expired while it was contested is renewed only with a case "
                   "reference");
  }
  return absl::OkStatus();
}

// Suspending and resuming keep the state, so the table of states cannot tell what is done twice.
absl::Status CheckSuspension(const EntryRecord& entry, EntryAction action) {
  const bool off = entry.suspension == Suspension::kOperator;
  const bool held = off || entry.suspension == Suspension::kMatchRate;
  if ((action == EntryAction::kSuspend && off) || (action == EntryAction::kResume && !held)) {
    return Error(absl::StatusCode::kFailedPrecondition, "ILLEGAL_TRANSITION",
                 off ? "the entry is suspended already" : "the entry is not suspended");
  }
  return absl::OkStatus();
}

bool HasDecided(const Decider& before, const Principal& caller, const Decision& decision) {
  if (before == Decider()) return false;
  return before.key_id == caller.key_id ||
         (!Normalised(before.person).empty() &&
          Normalised(before.person) == Normalised(decision.person));
}

}  // namespace

absl::Status CheckText(std::string_view field, std::string_view text) {
  const bool clean = std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (text.size() <= kMaxText && clean) return absl::OkStatus();
  return Error(
      absl::StatusCode::kInvalidArgument, "ENTRY_INVALID",
      absl::StrCat(ToAbsl(field), " has at most ", kMaxText, " bytes and no control characters"));
}

bool MayKnow(const Principal& caller, const ListRecord& list) {
  if (caller.organisation == list.organisation) return true;
  if (list.organisation == kServerOrganisation) return false;
  if (caller.role == Role::kReviewer || caller.role == Role::kAuthority ||
      caller.role == Role::kOperator) {
    return true;
  }
  return caller.role == Role::kPlatform && ActsFor(list, caller.organisation);
}

absl::Status CheckSubmission(const Principal& caller, const ListRecord& list, TimeUs now) {
  if (caller.role != Role::kTrustedFlagger) return absl::OkStatus();
  if (!caller.designation.has_value()) {
    return Denied("NOT_DESIGNATED",
                  "your organisation is not designated as a trusted flagger here");
  }
  const Designation& designation = *caller.designation;
  if (now < designation.from_us || (designation.until_us != 0 && now >= designation.until_us)) {
    return Denied("DESIGNATION_EXPIRED",
                  absl::StrCat("your organisation's designation ", designation.id,
                               now < designation.from_us ? " has not begun" : " has ended"));
  }
  if (!Contains(designation.categories, list.category)) {
    return Denied("CATEGORY_NOT_DESIGNATED",
                  absl::StrCat("your organisation's designation ", designation.id,
                               " is not for the category ", ToAbsl(Name(list.category))));
  }
  return absl::OkStatus();
}

Reach ReachOf(Role role, EntryAction action) {
  for (const Right& right : kRights) {
    if (right.role == role && right.action == action) return right.reach;
  }
  return Reach::kNone;
}

absl::Status CheckAction(const Principal& caller, const ListRecord& list, const EntryRecord& entry,
                         EntryAction action, const Decision& decision) {
  VIGIE_RETURN_IF_ERROR(CheckReach(caller, list, entry, action));
  if (decision.seen_revision != 0 && decision.seen_revision != entry.revision) {
    return Error(absl::StatusCode::kAborted, "ENTRY_CHANGED",
                 absl::StrCat("the entry is ", ToAbsl(Name(entry.state)), " at revision ",
                              entry.revision, ": read it again before deciding"));
  }
  VIGIE_RETURN_IF_ERROR(StateAfter(entry.state, action).status());
  VIGIE_RETURN_IF_ERROR(CheckSuspension(entry, action));
  VIGIE_RETURN_IF_ERROR(CheckContent(caller, entry, action, decision));
  // Whoever decided before leaves the re-examination to another.
  if (caller.role == Role::kReviewer && entry.state == EntryState::kContested &&
      (HasDecided(entry.first_decider, caller, decision) ||
       HasDecided(entry.last_decider, caller, decision))) {
    return Denied("DECIDED_BEFORE",
                  "who has decided on this entry does not decide on the contest of it");
  }
  return absl::OkStatus();
}

}  // namespace vigie
