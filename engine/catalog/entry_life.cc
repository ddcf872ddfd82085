#include "engine/catalog/entry_life.h"

#include "absl/strings/str_cat.h"

namespace vigie {
namespace {

using enum EntryState;

template <typename... States>
constexpr unsigned AnyOf(States... states) {
  return (0U | ... | (1U << static_cast<unsigned>(states)));
}

struct Step {
  EntryAction action;
  unsigned from;  // bit n: from the state n
  EntryState to;
};

constexpr unsigned kUndecided = AnyOf(kSubmitted, kProvisional);
constexpr unsigned kLive = kUndecided | AnyOf(kConfirmed, kContested, kExpired);

// The whole state machine. What is not in it is illegal.
constexpr Step kSteps[] = {
    {EntryAction::kConfirm, kUndecided, kConfirmed},
    {EntryAction::kReject, kUndecided, kRejected},
    {EntryAction::kContest, AnyOf(kProvisional, kConfirmed), kContested},
    {EntryAction::kUphold, AnyOf(kContested), kConfirmed},
    {EntryAction::kReverse, AnyOf(kContested), kWithdrawn},
    {EntryAction::kWithdraw, kLive, kWithdrawn},
    {EntryAction::kRevoke, kLive | AnyOf(kRejected, kWithdrawn), kRevoked},
    {EntryAction::kRenew, AnyOf(kProvisional, kExpired), kProvisional},
    {EntryAction::kExpire, AnyOf(kProvisional, kContested), kExpired},
    {EntryAction::kErase, kLive | AnyOf(kRejected, kWithdrawn, kRevoked), kErased},
    {EntryAction::kSuspend, AnyOf(kProvisional), kProvisional},
    {EntryAction::kSuspend, AnyOf(kConfirmed), kConfirmed},
    {EntryAction::kSuspend, AnyOf(kContested), kContested},
    {EntryAction::kResume, AnyOf(kProvisional), kProvisional},
    {EntryAction::kResume, AnyOf(kConfirmed), kConfirmed},
    {EntryAction::kResume, AnyOf(kContested), kContested},
};

}  // namespace

int64_t DefaultProvisionalHours(Role submitter) {
  return submitter == Role::kVictimService ? 72 : 30 * 24;
}

TimeUs ProvisionalUntil(TimeUs now, int64_t hours) {
  return (now / kSecondUs + hours * 3600) * kSecondUs;
}

absl::StatusOr<EntryState> InitialState(Role submitter, ListKind kind) {
  const bool allow = kind == ListKind::kAllow;
  switch (submitter) {
    case Role::kVictimService:
    case Role::kTrustedFlagger:
      if (!allow) return EntryState::kProvisional;
      break;
    case Role::kAuthority:
      return EntryState::kConfirmed;
    case Role::kOperator:
      if (allow) return EntryState::kConfirmed;
      break;
    case Role::kPlatform:
    case Role::kReviewer:
    case Role::kAuditor:
      break;
  }
  return Error(absl::StatusCode::kPermissionDenied, "ROLE_MAY_NOT_SUBMIT",
               absl::StrCat("the role ", ToAbsl(Name(submitter)),
                            " may not submit to a list of kind ", ToAbsl(Name(kind))));
}

absl::StatusOr<EntryState> StateAfter(EntryState from, EntryAction action) {
  for (const Step& step : kSteps) {
    if (step.action == action && (step.from >> static_cast<unsigned>(from) & 1) != 0) {
      return step.to;
    }
  }
  return Error(
      absl::StatusCode::kFailedPrecondition, "ILLEGAL_TRANSITION",
      absl::StrCat("no ", ToAbsl(Name(action)), " of an entry that is ", ToAbsl(Name(from))));
}

EntryState StateAt(EntryState state, TimeUs expires_us, TimeUs now) {
  const bool limited = state == EntryState::kProvisional || state == EntryState::kContested;
  return limited && expires_us != 0 && expires_us <= now ? EntryState::kExpired : state;
}

ReasonCode ReasonOfExpiry(EntryState state) {
  return state == EntryState::kContested ? ReasonCode::kContestUndecided : ReasonCode::kTimeOver;
}

bool Acts(EntryState state) {
  return state == EntryState::kProvisional || state == EntryState::kConfirmed ||
         state == EntryState::kContested;
}

}  // namespace vigie
