// Which role may call which method. Plain logic: no gRPC, no state. Whose entries a
// role's right reaches is the catalogue's (engine/catalog/entry_rules.h).
#pragma once

#include <string_view>

#include "engine/base/status.h"
#include "engine/base/types.h"

namespace vigie {

enum class Method {
  kCheckImage,
  kCheckHashes,
  kStreamCheck,
  kHashImage,
  kCreateList,
  kGetList,
  kListLists,
  kUpdateList,
  kDeleteList,
  kUploadEntries,
  kGetEntry,
  kListEntries,
  kWithdrawEntry,
  kListReviews,
  kConfirmEntry,
  kRejectEntry,
  kContestEntry,
  kSettleEntry,
  kRenewEntry,
  kRevokeEntry,
  kEraseEntry,
  kGetOutcome,
  kSuspendEntry,
  kResumeEntry,
  kGiveFeedback,
  kGetSubmitterRecord,
  kWatch,
  kListEvents,
  kGetHead,
  kGetCounters,
};
inline constexpr int kMethods = 30;

// "CheckImage".
std::string_view Name(Method method);

// OK, or PERMISSION_DENIED, reason ROLE_NOT_ALLOWED. What is not in the table is denied.
absl::Status CheckAccess(Role role, Method method);

}  // namespace vigie
