// From matches to a verdict. Pure: no clock, no I/O; the same matches give the same verdict.
#pragma once

#include <string_view>
#include <vector>

#include "engine/policy/policy.h"
#include "engine/policy/verdict.h"

namespace vigie {

// What an entry in `state` of a list may cause at most, and why.
//
//   CONFIRMED -> BLOCK, PROVISIONAL -> PROVISIONAL_BLOCK, CONTESTED -> HOLD_FOR_REVIEW,
//   then no more than the list's action; SOURCE_PHOTO no more than HOLD_FOR_REVIEW; suspended by
//   the match rate HOLD_FOR_REVIEW, by an operator REPORT_ONLY.
struct Effect {
  Action action;
  Basis basis;
};
Effect EffectOf(EntryState state, Action list_action, Category category,
                Suspension suspension = Suspension::kNone);

// The verdict on all `matches` (any order; several of one entry count once, by the nearest) of an
// upload of `organisation`, with at most `max_matches` listed. The policy ignores matches, or takes
// from what EffectOf() lets them cause; a pair that the platform has released is only reported.
// Then those of ALLOW lists outrank everything but CONFIRMED entries with a court basis. Sets
// outcome, action, basis, matches, total_matches, allowed_by, set_aside and policy.
Verdict Decide(std::vector<Match> matches, const Policy& policy, std::string_view organisation,
               size_t max_matches);

}  // namespace vigie
