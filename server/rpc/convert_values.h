// Enumerations and times of messages, for the files that convert messages.
#pragma once

#include <google/protobuf/timestamp.pb.h>

#include <optional>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "engine/base/clock.h"
#include "engine/base/status.h"

namespace vigie {

inline absl::Status Invalid(std::string_view reason, std::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, reason, message);
}

// The engine's value of a message's number from 1 to `last`; `unset` for 0, when that is allowed.
template <typename Enum>
absl::StatusOr<Enum> EnumOf(int number, Enum last, std::optional<Enum> unset,
                            std::string_view field) {
  if (number == 0 && unset.has_value()) return *unset;
  if (number < 1 || number > static_cast<int>(last)) {
    return Invalid(
        "ENUM_INVALID",
        absl::StrCat(ToAbsl(field), number == 0 ? " is required" : " is not a known value"));
  }
  return static_cast<Enum>(number);
}

template <typename ProtoEnum, typename Enum>
ProtoEnum ProtoOf(Enum value) {
  return static_cast<ProtoEnum>(static_cast<int>(value));
}

inline void SetTime(TimeUs us, google::protobuf::Timestamp* timestamp) {
  timestamp->set_seconds(us / kSecondUs);
  timestamp->set_nanos(static_cast<int32_t>(us % kSecondUs * 1000));
}

}  // namespace vigie
