#include "engine/catalog/entry_life.h"

#include "absl/strings/str_cat.h"

namespace vigie {

int64_t DefaultProvisionalHours(Role submitter) {
  return submitter == Role::kVictimService ? 72 : 30 * 24;
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

absl::Status CheckTransition(EntryState from, EntryState to) {
  const bool final_state = from == EntryState::kRejected || from == EntryState::kWithdrawn ||
                           from == EntryState::kRevoked || from == EntryState::kErased;
  if (to == EntryState::kWithdrawn && !final_state) return absl::OkStatus();
  return Error(
      absl::StatusCode::kFailedPrecondition, "ILLEGAL_TRANSITION",
      absl::StrCat("an entry that is ", ToAbsl(Name(from)), " cannot become ", ToAbsl(Name(to))));
}

EntryState StateAt(EntryState state, TimeUs expires_us, TimeUs now) {
  return state == EntryState::kProvisional && expires_us != 0 && expires_us <= now
             ? EntryState::kExpired
             : state;
}

bool Acts(EntryState state) {
  return state == EntryState::kProvisional || state == EntryState::kConfirmed ||
         state == EntryState::kContested;
}

}  // namespace vigie
