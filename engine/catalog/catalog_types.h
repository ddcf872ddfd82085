// What callers of the catalogue say, and what they are told.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/fingerprint.h"
#include "engine/base/status.h"
#include "engine/base/types.h"
#include "engine/store/records.h"
#include "engine/store/verdict_records.h"

namespace vigie {

// What a caller may choose of a list. Unset fields keep their value, or take the default.
struct ListSettings {
  std::optional<std::string> display_name = std::nullopt;
  std::optional<Action> action = std::nullopt;
  std::optional<int> max_distance = std::nullopt;
  std::optional<int64_t> provisional_hours = std::nullopt;
  std::optional<std::vector<std::string>> audience = std::nullopt;
  std::optional<bool> parts = std::nullopt;
  std::optional<bool> local = std::nullopt;
};

struct NewList {
  std::string id;
  ListKind kind = ListKind::kBlock;
  Category category = Category::kOther;
  ListSettings settings = {};
};

struct NewEntry {
  // Names the entry within its list. Empty: derived from the fingerprints.
  std::string external_reference;
  std::vector<Fingerprint> fingerprints;  // 1 to kMaxFingerprints
  Subject subject = Subject::kUnknown;
  std::string jurisdiction;
  std::string legal_basis;
  std::string case_reference;
  // An authority's, until its court has decided: PROVISIONAL instead of CONFIRMED.
  bool until_decided = false;
  // Local fingerprint (EncodeLocal()), on a list that takes them; empty: none.
  std::string local = {};
};

inline constexpr size_t kMaxFingerprints = 64;
// Page sizes below 1 are taken as 1, larger ones as this.
inline constexpr int kMaxPageSize = 1000;

// At most so many bits apart, two entries are taken for one picture: a re-encoded or resized copy
// is within it, another picture of the same scene is not.
inline constexpr int kDuplicateDistance = 10;

enum class NoticeCode : uint8_t { kAllowConflict = 1, kDuplicate = 2 };

// What the submitter of a new entry is told of what is near it.
struct Notice {
  NoticeCode code = NoticeCode::kDuplicate;
  std::string message;
  // The other entry and its list, when it is of the submitter's organisation; otherwise 0: nobody
  // learns what is not theirs.
  EntryNumber entry = 0;
  std::string list_id = {};
  int distance = 0;  // bits
};

// What became of one submitted entry.
struct UploadResult {
  absl::Status status;   // OK: `entry` is in the list, durable and matchable if its state acts
  bool created = false;  // false: it was there before, with these fingerprints
  // It was there before, without a local fingerprint, and has this one now.
  bool local_added = false;
  EntryRecord entry;
  std::vector<Notice> notices = {};  // of a created one; a conflict first
};
// True when an ALLOW list has what the entry would match.
bool HasConflict(const UploadResult& result);

struct UploadOutcome {
  Revision revision = 0;
  std::vector<UploadResult> results;  // one an entry, in their order
};

// Entries on their way into a list: checked as far as that needs no database.
struct PreparedUpload {
  Principal caller;
  std::string list_id;
  bool validate_only = false;
  TimeUs received_us = 0;
  int64_t counted = 0;         // new entries taken from the organisation's quota
  EntryNumber last_entry = 0;  // there was when it was tried
  // Of CommitUploads(): LIST_NOT_FOUND, or an error of the store. OK: `outcome` holds.
  absl::Status status;
  UploadOutcome outcome;
};

template <typename Record>
struct Page {
  std::vector<Record> items;
  std::string next_page_token;  // empty: this was the last page
};

// Which undecided entries a reviewer asks for. Unset: all.
struct ReviewFilter {
  std::string list = {};  // a list's id
  std::optional<Category> category = std::nullopt;
  std::optional<EntryState> state = std::nullopt;
};

// An acting entry near another one.
struct Neighbour {
  size_t of = 0;  // near which of those that were asked about
  EntryNumber entry = 0;
  EntryState state = EntryState::kProvisional;
  std::shared_ptr<const ListRecord> list;
  int distance = 0;  // bits; 0 for equal digests
};

// The first decision about an entry is due within this of its receipt (48 hours).
inline constexpr TimeUs kDecisionUs = 48 * 3600 * kSecondUs;
enum class DecisionClock : uint8_t { kRunning = 1, kKept = 2, kMissed = 3 };

// An entry as those see it who follow what becomes of it: without its fingerprints.
struct EntryOutcome {
  EntryRecord entry;
  std::shared_ptr<const ListRecord> list;
  TimeUs deadline_us = 0;  // of an undecided entry: by when it should be decided
  // The owner, reviewers and authorities alone are told why, and what has happened to it; platforms
  // what it is now.
  bool in_full = false;
  std::vector<EventRecord> history = {};
  Sightings sightings = {};
  FeedbackCounts feedback = {};
  DecisionClock clock = DecisionClock::kRunning;
  // For reviewers and authorities: see FindRelated().
  std::vector<Neighbour> related = {};
};

// Of an entry that a verdict has named to a platform: what it asks for now.
struct SightedState {
  EntryNumber entry = 0;
  std::shared_ptr<const ListRecord> list;
  EntryState state = EntryState::kProvisional;
  Suspension suspension = Suspension::kNone;
  bool acts = false;  // false: it asks the platform for nothing any more
  ReasonCode reason = ReasonCode::kNone;
  TimeUs time_us = 0;  // of the change
};

struct ChangePage {
  std::vector<SightedState> changes;  // by number of the entry
  Revision revision = 0;              // they are those up to here
};

// How an organisation's submissions fared. Decisions are counted, so one that was confirmed and
// then reversed counts as right once and as wrong once.
struct SubmitterRecord {
  int64_t submitted = 0;    // entries
  int64_t found_right = 0;  // confirmed, upheld
  int64_t found_wrong = 0;  // rejected, reversed, revoked
  int64_t withdrawn = 0;
  int64_t expired = 0;  // undecided
  // Of platforms' feedback.
  int64_t true_positives = 0;
  int64_t false_positives = 0;
};

// A contest of a confirmed entry should be settled within this (7 days). Until then it is held.
inline constexpr TimeUs kReviewUs = 7 * 24 * 3600 * kSecondUs;

// How many lists an organisation has that are not deleted, and entries in them, as of now.
struct OrganisationCounters {
  std::string organisation;
  uint64_t lists = 0;
  std::map<EntryState, uint64_t> entries = {};  // without states that no entry is in
};

}  // namespace vigie
