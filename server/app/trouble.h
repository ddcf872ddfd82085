// Says that work which is tried again and again fails, once, and that it works again, once.
#pragma once

#include <spdlog/spdlog.h>

#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"

namespace vigie {

// One thread.
class Trouble {
 public:
  // `what` came to this end. Said when it is another one than the time before.
  void Note(std::string_view what, const absl::Status& status) {
    const std::string reason = status.ok() ? "" : absl::StrCat(ReasonOf(status), "!");
    if (reason == last_) return;
    last_ = reason;
    if (status.ok()) {
      spdlog::info("{} works again", what);
    } else {
      spdlog::error("{} fails, and is tried again: {}", what, MessageOf(status));
    }
  }

 private:
  std::string last_;
};

}  // namespace vigie
