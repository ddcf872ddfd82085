// The operator's policy: a TOML file of rules (docs/operating.md, "Policy").
#pragma once

#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "engine/policy/policy.h"

namespace vigie {

// The policy of a file's text. INVALID_ARGUMENT, reason CONFIG_INVALID, for anything that is not
// wholly understood: the message names the line and what would be accepted.
absl::StatusOr<Policy> ParsePolicy(std::string_view text);

// The policy of the file at `path`. As above, with the path in the message; also for a file that
// cannot be read or is larger than 1 MiB.
absl::StatusOr<Policy> ReadPolicyFile(const std::string& path);

}  // namespace vigie
