// What the durable record holds. Plain data; the rules about it live in the catalogue.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/fingerprint.h"
#include "engine/base/types.h"

namespace vigie {

struct ListRecord {
  ListNumber number = 0;
  std::string id;            // chosen by the owner, unique on the server
  std::string organisation;  // the owner
  std::string display_name;
  ListKind kind = ListKind::kBlock;
  Category category = Category::kOther;
  Action action = Action::kBlock;  // the strongest action an entry of this list may cause
  int max_distance = kDefaultMaxDistance;
  int64_t provisional_hours = 0;      // how long an unconfirmed entry acts
  std::vector<std::string> audience;  // organisations it acts for; empty: every platform
  TimeUs created_us = 0;
  TimeUs updated_us = 0;
  TimeUs deleted_us = 0;  // 0: not deleted
  Revision revision = 0;  // of the last change
};

struct EntryRecord {
  EntryNumber number = 0;
  ListNumber list = 0;
  std::string external_reference;  // unique within the list
  EntryState state = EntryState::kSubmitted;
  TimeUs expires_us = 0;  // 0: never; otherwise an unconfirmed entry stops acting then
  bool court_basis = false;
  Subject subject = Subject::kUnknown;
  std::string jurisdiction;
  std::string legal_basis;
  std::string case_reference;
  std::string submitter;  // key id of the principal that submitted it
  std::string reason;     // why it left the acting states, in the words of who did it
  TimeUs created_us = 0;
  TimeUs updated_us = 0;
  Revision revision = 0;  // of the last change
  std::vector<Fingerprint> fingerprints;
  RowId first_row = 0;  // rows first_row, first_row + 1... hold the fingerprints, in order
};

// An access key. The secret itself is never stored.
struct KeyRecord {
  std::string id;
  std::string digest;  // SHA-256 of the secret, 32 bytes
  std::string organisation;
  Role role = Role::kPlatform;
  std::string label;
  TimeUs created_us = 0;
  TimeUs revoked_us = 0;  // 0: valid
};

// What the next writer continues from.
struct Counters {
  Revision revision = 0;
  ListNumber lists = 0;
  EntryNumber entries = 0;
  RowId rows = 0;
};

// The part of an entry that matching needs, for loading at start.
struct EntryHead {
  EntryNumber number = 0;
  ListNumber list = 0;
  EntryState state = EntryState::kSubmitted;
  TimeUs expires_us = 0;
  bool court_basis = false;
};

// One fingerprint with its row, for loading at start.
struct FingerprintRow {
  RowId row = 0;
  EntryNumber entry = 0;
  int position = 0;  // within the entry, from 0
  Fingerprint fingerprint;
};

}  // namespace vigie
