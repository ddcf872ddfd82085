// Which role may call which method. Plain logic: no gRPC, no state. Ownership (own lists only) is
// the catalogue's.
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
};
inline constexpr int kMethods = 13;

// "CheckImage".
std::string_view Name(Method method);

// OK, or PERMISSION_DENIED, reason ROLE_NOT_ALLOWED. What is not in the table is denied.
absl::Status CheckAccess(Role role, Method method);

}  // namespace vigie
