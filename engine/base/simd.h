// Which instruction set the SIMD kernels use. They are compiled for several; the best one that
// this machine has is taken at run time. Every one gives the same bits.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"

namespace vigie {

// Those that this machine can run, best first, in lower case: "avx3_dl" (AVX-512 with VPOPCNTDQ),
// "avx3", "avx2", "sse4", "ssse3", "scalar"; others on other architectures.
std::vector<std::string> SimdTargets();

// The one in use.
std::string ActiveSimdTarget();

// Uses `name` from now on, "" the best again. Before the first kernel runs, or from a test: not
// while another thread is in one. INVALID_ARGUMENT, reason SIMD_TARGET_UNKNOWN, when it is not one
// of SimdTargets().
absl::Status ForceSimdTarget(std::string_view name);

// Does so with the environment variable VIGIE_SIMD, if it is set. For programs, when they start.
absl::Status ForceSimdTargetFromEnvironment();

}  // namespace vigie
