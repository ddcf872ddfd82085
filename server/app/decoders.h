// The decoders of a server, as its configuration wants them.
#pragma once

#include <memory>

#include "engine/base/status.h"
#include "server/app/config.h"
#include "server/decode/walled_hasher.h"

namespace vigie {

// Decoders behind a wall; nullptr when the configuration wants them in this process. Replaced
// workers are lines of the log. UNAVAILABLE, reason DECODER_FAILED: this system has no such walls.
absl::StatusOr<std::unique_ptr<WalledHasher>> StartDecoders(const Config& config);

}  // namespace vigie
