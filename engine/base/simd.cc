#include "engine/base/simd.h"

#include <cstdint>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "hwy/highway.h"
#include "hwy/targets.h"

namespace vigie {
namespace {

// Highway numbers better targets lower.
std::vector<int64_t> TargetBits() {
  std::vector<int64_t> bits;
  for (int64_t left = hwy::SupportedTargets() & HWY_TARGETS; left != 0; left &= left - 1) {
    bits.push_back(left & -left);
  }
  return bits;
}

std::string NameOf(int64_t bit) { return absl::AsciiStrToLower(hwy::TargetName(bit)); }

}  // namespace

std::vector<std::string> SimdTargets() {
  std::vector<std::string> names;
  for (const int64_t bit : TargetBits()) names.push_back(NameOf(bit));
  return names;
}

std::string ActiveSimdTarget() { return SimdTargets().front(); }

absl::Status ForceSimdTarget(std::string_view name) {
  hwy::SetSupportedTargetsForTest(0);  // the real ones
  if (name.empty()) return absl::OkStatus();
  for (const int64_t bit : TargetBits()) {
    if (NameOf(bit) != name) continue;
    hwy::SetSupportedTargetsForTest(bit);
    return absl::OkStatus();
  }
  return Error(absl::StatusCode::kInvalidArgument, "SIMD_TARGET_UNKNOWN",
               absl::StrCat("this machine has the SIMD targets ",
                            absl::StrJoin(SimdTargets(), ", "), ", not ", ToAbsl(name)));
}

absl::Status ForceSimdTargetFromEnvironment() {
  const char* name = std::getenv("VIGIE_SIMD");
  return name == nullptr ? absl::OkStatus() : ForceSimdTarget(name);
}

}  // namespace vigie
