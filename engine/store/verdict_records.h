// What the durable record holds of verdicts. Plain data, never a value of a fingerprint.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/types.h"

namespace vigie {

// Names a picture that was checked: the same values have the same. Made with the database's key,
// so that it says nothing about them.
using UploadId = std::array<uint8_t, 16>;

// One known picture that a verdict was about.
struct VerdictMatch {
  EntryNumber entry = 0;
  ListNumber list = 0;
  EntryState state = EntryState::kProvisional;
  bool court_basis = false;
  Suspension suspension = Suspension::kNone;
  bool released = false;
  Algorithm algorithm = Algorithm::kPdq;
  int distance = 0;
  bool partial = false;          // only a part of the upload was near
  std::optional<Action> action;  // none: it asked for nothing (of an ALLOW list, or ignored)
};

struct VerdictRecord {
  TimeUs time_us = 0;
  std::string organisation;  // whose upload it was
  std::string key_id;        // not kept
  Outcome outcome = Outcome::kMatch;
  std::optional<Action> action;
  Revision revision = 0;  // that the verdict was made on, at least
  std::vector<VerdictMatch> matches;
};
inline constexpr int64_t kKeptVerdicts = 100'000;
inline constexpr size_t kKeptMatches = 64;  // of one verdict

// Checks of a day, by what they were answered.
struct CheckCount {
  int64_t day = 0;  // since 1970
  std::string organisation;
  Outcome outcome = Outcome::kNoMatch;
  std::optional<Action> action;
  int64_t checks = 0;
};

struct VerdictBatch {
  std::vector<VerdictRecord> verdicts;
  std::vector<CheckCount> counts;
};

// How many uploads matched an entry, by what was asked for, and on how many platforms.
struct Sightings {
  int64_t reported = 0;
  int64_t held = 0;
  int64_t provisionally_blocked = 0;
  int64_t blocked = 0;
  int64_t platforms = 0;
};

// What a platform says of an upload that matched an entry.
struct FeedbackRecord {
  EntryNumber entry = 0;
  std::string organisation;
  UploadId upload{};
  bool correct = false;
  bool released = false;  // the pair asks for nothing more than a report on this platform
  TimeUs time_us = 0;
};

struct FeedbackCounts {
  int64_t correct = 0;
  int64_t wrong = 0;
};

// An entry of which something has changed that matters to who was given a verdict about it.
struct SightedChange {
  EntryNumber entry = 0;
  ReasonCode reason = ReasonCode::kNone;  // of the last change
  TimeUs time_us = 0;
};

struct Tally {
  EventKind kind = EventKind::kGenesis;
  int64_t entries = 0;
};

}  // namespace vigie
