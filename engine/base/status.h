// Errors are values with a reason a caller can act on.
//
// Every error that can reach a caller is made by Error(): a status code, a machine-readable
// reason in UPPER_SNAKE_CASE (listed in docs/api.md) and a sentence for people. The reason
// travels as a payload of the absl::Status.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace vigie {

// A status of `code` that carries `reason`. `message` says what to do; it never holds a hash value.
absl::Status Error(absl::StatusCode code, std::string_view reason, std::string_view message);

// The reason given to Error(), or "" for a status that has none.
std::string ReasonOf(const absl::Status& status);

// Debian's Abseil has string_view as a type of its own; our API uses std's. Converted here only.
inline std::string_view ToStd(absl::string_view text) { return {text.data(), text.size()}; }
inline absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view MessageOf(const absl::Status& status) { return ToStd(status.message()); }

}  // namespace vigie

#define VIGIE_CONCAT_INNER_(a, b) a##b
#define VIGIE_CONCAT_(a, b) VIGIE_CONCAT_INNER_(a, b)

// Leaves the function with the status of `expr` unless it is OK. The counter keeps names apart
// when `expr` holds a lambda that uses these macros itself.
#define VIGIE_RETURN_IF_ERROR(expr) \
  VIGIE_RETURN_IF_ERROR_(VIGIE_CONCAT_(vigie_status_, __COUNTER__), expr)
#define VIGIE_RETURN_IF_ERROR_(status, expr)          \
  do {                                                \
    if (absl::Status status = (expr); !status.ok()) { \
      return status;                                  \
    }                                                 \
  } while (false)

// Assigns the value of the StatusOr `expr` to `lhs`, or leaves the function with its status.
#define VIGIE_ASSIGN_OR_RETURN(lhs, expr) \
  VIGIE_ASSIGN_OR_RETURN_(VIGIE_CONCAT_(vigie_result_, __COUNTER__), lhs, expr)
#define VIGIE_ASSIGN_OR_RETURN_(result, lhs, expr)     \
  auto result = (expr);                                \
  if (!result.ok()) return std::move(result).status(); \
  lhs = *std::move(result)
