// The life of an entry: which state it starts in, what each action does to it, when it acts.
// Pure functions of their arguments. Who may do what: entry_rules.h.
#pragma once

#include "engine/base/clock.h"
#include "engine/base/status.h"
#include "engine/base/types.h"

namespace vigie {

// How long an unconfirmed entry acts unless its list says otherwise (hours).
int64_t DefaultProvisionalHours(Role submitter);

// When an entry stops acting that is submitted or renewed at `now`. Whole seconds: what the
// database holds and what matching holds are then the same time.
TimeUs ProvisionalUntil(TimeUs now, int64_t hours);

// The state of a new entry: a submission never equals a permanent block, except for an authority's
// and for ALLOW lists. PERMISSION_DENIED, reason ROLE_MAY_NOT_SUBMIT, for roles that may not.
absl::StatusOr<EntryState> InitialState(Role submitter, ListKind kind);

// The state of an entry that is `from` after `action`, or FAILED_PRECONDITION, reason
// ILLEGAL_TRANSITION. Whether an entry's time is over is not looked at: see StateAt().
absl::StatusOr<EntryState> StateAfter(EntryState from, EntryAction action);

// The state as of `now`: an unconfirmed entry past its time is EXPIRED, also while it is
// contested, so that contesting a temporary block cannot make it last. `expires_us` 0: no limit.
EntryState StateAt(EntryState state, TimeUs expires_us, TimeUs now);

// Why an entry that was `state` is EXPIRED.
ReasonCode ReasonOfExpiry(EntryState state);

// True for states in which an entry can match.
bool Acts(EntryState state);

}  // namespace vigie
