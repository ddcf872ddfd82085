// For tests that try every combination.
#pragma once

#include "engine/base/types.h"

namespace vigie {

inline constexpr EntryState kStates[] = {
    EntryState::kSubmitted, EntryState::kProvisional, EntryState::kConfirmed,
    EntryState::kContested, EntryState::kRejected,    EntryState::kExpired,
    EntryState::kWithdrawn, EntryState::kRevoked,     EntryState::kErased};
inline constexpr Action kActions[] = {Action::kReportOnly, Action::kHoldForReview,
                                      Action::kProvisionalBlock, Action::kBlock};
inline constexpr Category kCategories[] = {
    Category::kCsam,       Category::kCsamSynthetic, Category::kNcii, Category::kNciiSynthetic,
    Category::kNciiThreat, Category::kSourcePhoto,   Category::kOther};

}  // namespace vigie
