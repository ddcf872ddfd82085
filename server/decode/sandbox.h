// The wall around a worker: what a process that decodes a stranger's picture may still do.
#pragma once

#include <linux/filter.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/base/status.h"

namespace vigie::decode {

// Where a worker finds its socket. It has no other file open but /dev/null as 0, 1 and 2.
inline constexpr int kWorkerSocket = 3;

// True where a sanitizer keeps terabytes of address space: then it is not limited.
bool AddressSpaceIsUnlimited();

// The system calls that a worker may make, compiled for the kernel. UNAVAILABLE, reason
// DECODER_FAILED.
absl::StatusOr<std::vector<sock_filter>> CompileFilter();

// Puts the calling process, which has one thread, behind the wall for good: no network, no file, no
// other process, at most `extra_memory` bytes of address space more than it has. Whatever else it
// tries ends it. UNAVAILABLE, reason DECODER_FAILED: it is not behind the wall and must not go on.
absl::Status EnterSandbox(std::vector<sock_filter> filter, int64_t extra_memory);

}  // namespace vigie::decode
