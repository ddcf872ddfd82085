// Who may do what to an entry, and what a decision must say. Pure functions of their arguments;
// which steps are legal at all: entry_life.h.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "engine/base/types.h"
#include "engine/store/records.h"

namespace vigie {

inline constexpr size_t kMaxText = 256;  // bytes of each text field of an entry or a decision
// INVALID_ARGUMENT, reason ENTRY_INVALID, for a longer text or one with control characters.
absl::Status CheckText(std::string_view field, std::string_view text);

// What comes with an action on an entry.
struct Decision {
  std::string person = {};  // the human who decides; empty: nobody, an automated caller
  ReasonCode reason = ReasonCode::kNone;
  std::string note = {};  // in the caller's words; erased with the entry, and never in an event
  std::string legal_basis = {};
  std::string case_reference = {};
  // The entry's revision that the caller has seen. Any other: it is told what has changed. 0: it
  // does not mind.
  Revision seen_revision = 0;
};

// Renewals of an entry beyond these need a case reference.
inline constexpr int64_t kFreeRenewals = 1;

// True when `caller` may know that `list` and its entries exist: its own; all for reviewers,
// authorities and operators; for platforms those that act on their uploads. To anybody else they
// are NOT_FOUND.
bool MayKnow(const Principal& caller, const ListRecord& list);

// OK when `caller` may have entries of `list` begin to act at `now`, or act for longer: what
// submitting, renewing, and making or changing a list need beside the right itself. It binds
// trusted flaggers to what they are designated for. PERMISSION_DENIED, reasons NOT_DESIGNATED,
// DESIGNATION_EXPIRED (also before it begins) and CATEGORY_NOT_DESIGNATED.
absl::Status CheckSubmission(const Principal& caller, const ListRecord& list, TimeUs now);

// How far a role's right to an action reaches.
enum class Reach {
  kNone,
  kOwn,     // entries of its organisation's lists
  kOthers,  // entries that neither its organisation nor its key submitted
  kAll,
};
Reach ReachOf(Role role, EntryAction action);

// OK when `caller`, who may know `entry` (with its state as of now) of `list`, may do `action` now
// with this decision. In this order: PERMISSION_DENIED, reasons ROLE_MAY_NOT_DECIDE and
// OWN_SUBMISSION; ABORTED, reason ENTRY_CHANGED; FAILED_PRECONDITION, reason ILLEGAL_TRANSITION;
// INVALID_ARGUMENT, reasons PERSON_REQUIRED, REASON_REQUIRED and CASE_REFERENCE_REQUIRED;
// PERMISSION_DENIED, reason DECIDED_BEFORE.
absl::Status CheckAction(const Principal& caller, const ListRecord& list, const EntryRecord& entry,
                         EntryAction action, const Decision& decision);

}  // namespace vigie
