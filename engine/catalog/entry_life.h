// The life of an entry: which state it starts in, which transitions are legal, when it acts.
// Pure functions of their arguments.
#pragma once

#include "engine/base/clock.h"
#include "engine/base/status.h"
#include "engine/base/types.h"

namespace vigie {

// How long an unconfirmed entry acts unless its list says otherwise (hours).
int64_t DefaultProvisionalHours(Role submitter);

// The state of a new entry: a submission never equals a permanent block, except for an authority's
// and for ALLOW lists. PERMISSION_DENIED, reason ROLE_MAY_NOT_SUBMIT, for roles that may not.
absl::StatusOr<EntryState> InitialState(Role submitter, ListKind kind);

// OK, or FAILED_PRECONDITION, reason ILLEGAL_TRANSITION.
absl::Status CheckTransition(EntryState from, EntryState to);

// The state as of `now`: an unconfirmed entry past its time is EXPIRED.
EntryState StateAt(EntryState state, TimeUs expires_us, TimeUs now);

// True for states in which an entry can match.
bool Acts(EntryState state);

}  // namespace vigie
