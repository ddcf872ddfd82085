// How many new entries an organisation has submitted within a day.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "engine/base/clock.h"

namespace vigie {

// Counts in whole hours: never more than the quota in any 24 hours, and until an hour's entries are
// forgotten it may be an hour more. Thread-safe.
class Quota {
 public:
  struct Room {
    int64_t entries = 0;  // that may still be submitted now
    TimeUs again_us = 0;  // when there is room again, these being taken now
  };
  // `daily`: what the organisation may submit in 24 hours, at least 1.
  Room RoomFor(std::string_view organisation, int64_t daily, TimeUs now) const;

  // Counts `entries` submitted at `when`; a negative number takes them back.
  void Count(std::string_view organisation, int64_t entries, TimeUs when);

  // What was submitted before this does not count at `now`.
  static TimeUs Horizon(TimeUs now);

 private:
  using Hours = std::map<int64_t, int64_t>;  // entries by hour since 1970

  mutable std::mutex mutex_;
  std::map<std::string, Hours, std::less<>> submitted_;
};

}  // namespace vigie
