// Times as people write and read them on the command line, in UTC.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/clock.h"
#include "engine/base/status.h"

namespace vigie {

// "2026-12-31T18:00:00Z"; "-" for 0.
std::string ToText(TimeUs us);

// Reads "2026-12-31T18:00:00Z", or "2026-12-31": that day's first moment or, with `end_of_day`, its
// last one's end. Years 1971 to 9999. INVALID_ARGUMENT, reason USAGE, names `flag`.
absl::StatusOr<TimeUs> ParseTime(std::string_view flag, std::string_view text, bool end_of_day);

}  // namespace vigie
