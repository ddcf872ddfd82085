// What the durable record holds. Plain data; the rules about it live in the catalogue.
#pragma once

#include <array>
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
  bool parts = true;      // parts of an upload may match it
  bool local = false;     // its entries may have local fingerprints, which may match
};

// Who has decided something. Empty: nobody yet.
struct Decider {
  std::string key_id;
  std::string person;  // the human that the caller named

  friend bool operator==(const Decider&, const Decider&) = default;
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
  std::string reason;     // why its state last changed, in the words of who did it
  ReasonCode reason_code = ReasonCode::kNone;
  Suspension suspension = Suspension::kNone;
  int64_t renewals = 0;        // how often its time was prolonged
  Decider first_decider = {};  // who confirmed or rejected it first; cannot settle a contest of it
  Decider last_decider = {};
  TimeUs decided_us = 0;  // of the last decision; 0: none
  TimeUs created_us = 0;  // when it was received
  TimeUs updated_us = 0;  // of the last change of its state
  Revision revision = 0;  // of the last change
  std::vector<Fingerprint> fingerprints;
  RowId first_row = 0;     // rows first_row, first_row + 1... hold the fingerprints, in order
  std::string local = {};  // local fingerprint (EncodeLocal()); empty: none
};

// An organisation that something is known of beside its name.
struct OrganisationRecord {
  std::string id;                                         // its name
  std::optional<Designation> designation = std::nullopt;  // as a trusted flagger; its id not empty
  int64_t daily_entries = 0;                              // 0: any number
  int64_t checks_per_second = 0;  // of hashes; 0: what the server allows everybody
  int64_t images_per_second = 0;  // likewise
  TimeUs created_us = 0;
  TimeUs updated_us = 0;
};

// What a caller shows to be let in. A secret itself is never stored.
struct KeyRecord {
  std::string id;
  std::string digest;  // SHA-256 of the secret, or of the certificate's DER, 32 bytes
  std::string organisation;
  Role role = Role::kPlatform;
  std::string label;
  TimeUs created_us = 0;
  TimeUs revoked_us = 0;  // 0: not revoked
  Credential credential = Credential::kSecret;
  TimeUs until_us = 0;  // exclusive; 0: it does not end by itself
};

// By when an entry should be decided.
struct Deadline {
  TimeUs time_us = 0;
  EntryNumber entry = 0;
};

using EventDigest = std::array<uint8_t, 32>;

// One line of the record of who did what. Append-only, chained by digests (event_chain.h), kept for
// ever: so it never holds a value of a fingerprint, a secret or free text.
struct EventRecord {
  uint64_t number = 0;  // 1, 2, 3...
  TimeUs time_us = 0;
  EventKind kind = EventKind::kGenesis;
  ListNumber list = 0;         // 0: of no list
  EntryNumber entry = 0;       // 0: of no entry
  EntryNumber last_entry = 0;  // submissions: of the entries `entry` to this; otherwise = entry
  std::optional<EntryState> from = std::nullopt;
  std::optional<EntryState> to = std::nullopt;
  std::string organisation = {};  // of who did it; empty: the server itself
  std::optional<Role> role = std::nullopt;
  std::string key_id = {};
  std::string person = {};
  ReasonCode reason = ReasonCode::kNone;
  std::string legal_basis = {};
  std::string case_reference = {};
  Revision revision = 0;  // that it is part of
  EventDigest digest{};   // of all of the above and of the event before
};

// A signed statement that the chain had this head.
struct HeadRecord {
  uint64_t number = 0;  // of the last event then
  EventDigest digest{};
  TimeUs time_us = 0;
  std::array<uint8_t, 32> public_key{};
  std::array<uint8_t, 64> signature{};
};

// What the next writer continues from.
struct Counters {
  Revision revision = 0;
  ListNumber lists = 0;
  EntryNumber entries = 0;
  RowId rows = 0;
  // Revisions between these two were lost when a backup was restored; 0 and 0: never. Not of a
  // writer: see SkipRevisions().
  Revision lost_after = 0;
  Revision lost_before = 0;
};

// The part of an entry that matching needs, for loading at start.
struct EntryHead {
  EntryNumber number = 0;
  ListNumber list = 0;
  EntryState state = EntryState::kSubmitted;
  TimeUs expires_us = 0;
  bool court_basis = false;
  Suspension suspension = Suspension::kNone;
};

// One fingerprint with its row, for loading at start.
struct FingerprintRow {
  RowId row = 0;
  EntryNumber entry = 0;
  int position = 0;  // within the entry, from 0
  Fingerprint fingerprint;
};

}  // namespace vigie
