// Finds entries that match too many different uploads: a poisoned list, or a picture everybody has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "engine/base/clock.h"
#include "engine/base/types.h"

namespace vigie {

struct MatchRateLimit {
  int uploads = 200;  // different ones within the window; 0: no limit
  TimeUs window_us = 3600 * kSecondUs;
};

// One thread at a time.
class MatchRates {
 public:
  // Uploads remembered, of all entries together. Beyond it those of entries that have been quiet
  // for a window are forgotten, then new entries are not counted.
  static constexpr size_t kMaxUploads = 1'000'000;

  explicit MatchRates(const MatchRateLimit& limit) : limit_(limit) {}

  // Notes that an upload matched an entry. True: more different ones did within the last window
  // than the limit allows; what was counted for the entry is then forgotten, so that it is true
  // again only after as many more.
  bool Note(EntryNumber entry, uint64_t upload, TimeUs now);

 private:
  struct Seen {
    std::unordered_map<uint64_t, TimeUs> uploads;  // when each was last seen
    TimeUs last_us = 0;
  };

  bool MakeRoom(TimeUs now);

  const MatchRateLimit limit_;
  std::unordered_map<EntryNumber, Seen> entries_;
  size_t uploads_ = 0;
};

}  // namespace vigie
