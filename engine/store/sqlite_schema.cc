#include "engine/store/sqlite_schema.h"

#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"

namespace vigie {
namespace {

// Migration i turns version i into version i + 1. Written once, never edited: databases out there
// have already run them.
constexpr const char* kMigrations[] = {
    // 0 -> 1
    R"sql(
CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value BLOB NOT NULL
) WITHOUT ROWID;
INSERT INTO meta VALUES ('seal_key', randomblob(16)), ('revision', 0), ('lists', 0),
                        ('entries', 0), ('rows', 0);

CREATE TABLE lists (
  number            INTEGER PRIMARY KEY,
  id                TEXT NOT NULL UNIQUE,
  organisation      TEXT NOT NULL,
  display_name      TEXT NOT NULL,
  kind              INTEGER NOT NULL,
  category          INTEGER NOT NULL,
  action            INTEGER NOT NULL,
  max_distance      INTEGER NOT NULL,
  provisional_hours INTEGER NOT NULL,
  audience          TEXT NOT NULL,            -- organisations, one a line; empty: all
  created_us        INTEGER NOT NULL,
  updated_us        INTEGER NOT NULL,
  deleted_us        INTEGER NOT NULL,         -- 0: not deleted
  revision          INTEGER NOT NULL
);

CREATE TABLE entries (
  number             INTEGER PRIMARY KEY,
  list               INTEGER NOT NULL REFERENCES lists(number),
  external_reference TEXT NOT NULL,
  state              INTEGER NOT NULL,
  expires_us         INTEGER NOT NULL,        -- 0: never
  court_basis        INTEGER NOT NULL,
  subject            INTEGER NOT NULL,
  jurisdiction       TEXT NOT NULL,
  legal_basis        TEXT NOT NULL,
  case_reference     TEXT NOT NULL,
  submitter          TEXT NOT NULL,
  reason             TEXT NOT NULL,
  created_us         INTEGER NOT NULL,
  updated_us         INTEGER NOT NULL,
  revision           INTEGER NOT NULL,
  first_row          INTEGER NOT NULL
);
CREATE UNIQUE INDEX entries_by_reference ON entries(list, external_reference);
CREATE INDEX entries_by_list ON entries(list);

CREATE TABLE fingerprints (
  row         INTEGER PRIMARY KEY,
  entry       INTEGER NOT NULL REFERENCES entries(number),
  position    INTEGER NOT NULL,
  algorithm   INTEGER NOT NULL,
  value       BLOB NOT NULL,
  quality     INTEGER NOT NULL,
  profile     INTEGER NOT NULL,
  decode_mode INTEGER NOT NULL
);

CREATE TABLE keys (
  id           TEXT PRIMARY KEY,
  digest       BLOB NOT NULL,                 -- SHA-256 of the secret
  organisation TEXT NOT NULL,
  role         INTEGER NOT NULL,
  label        TEXT NOT NULL,
  created_us   INTEGER NOT NULL,
  revoked_us   INTEGER NOT NULL               -- 0: valid
);
)sql",
    // 1 -> 2: what has changed since a checkpoint, and which checkpoint was the last.
    R"sql(
CREATE INDEX entries_by_revision ON entries(revision);
INSERT INTO meta VALUES ('checkpoint', 0);
)sql",
    // 2 -> 3: decisions, and the chain of events. The genesis event is added at opening.
    R"sql(
ALTER TABLE entries ADD COLUMN reason_code INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN renewals INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN first_decider_key TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN first_decider_person TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN last_decider_key TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN last_decider_person TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN decided_us INTEGER NOT NULL DEFAULT 0;
-- States: 2 provisional, 4 contested, 9 erased. What waits for a decision, by deadline.
CREATE INDEX entries_by_expiry ON entries(expires_us) WHERE state IN (2, 4) AND expires_us > 0;
CREATE INDEX entries_contested ON entries(updated_us) WHERE state = 4;
CREATE INDEX entries_erased ON entries(number) WHERE state = 9;

CREATE TABLE events (
  number         INTEGER PRIMARY KEY,
  time_us        INTEGER NOT NULL,
  kind           INTEGER NOT NULL,
  list           INTEGER NOT NULL,            -- 0: none; likewise below
  entry          INTEGER NOT NULL,
  last_entry     INTEGER NOT NULL,
  from_state     INTEGER NOT NULL,
  to_state       INTEGER NOT NULL,
  organisation   TEXT NOT NULL,
  role           INTEGER NOT NULL,
  key_id         TEXT NOT NULL,
  person         TEXT NOT NULL,
  reason         INTEGER NOT NULL,
  legal_basis    TEXT NOT NULL,
  case_reference TEXT NOT NULL,
  revision       INTEGER NOT NULL,
  digest         BLOB NOT NULL
);
CREATE INDEX events_of_entry ON events(entry) WHERE kind > 100;
CREATE INDEX events_submitted ON events(entry) WHERE kind = 7;

CREATE TABLE event_heads (
  number     INTEGER PRIMARY KEY,
  digest     BLOB NOT NULL,
  time_us    INTEGER NOT NULL,
  public_key BLOB NOT NULL,
  signature  BLOB NOT NULL
);
)sql",
    // 3 -> 4: what organisations may do; keys that end, and certificates as keys. Trusted flaggers
    // (role 3) of before go on as before. The events of these rows are added at opening.
    R"sql(
CREATE TABLE organisations (
  id            TEXT PRIMARY KEY,
  designation   TEXT NOT NULL,                -- '': none
  categories    INTEGER NOT NULL,             -- bit n: the category with number n
  from_us       INTEGER NOT NULL,
  until_us      INTEGER NOT NULL,             -- 0: no end
  daily_entries INTEGER NOT NULL,             -- 0: any number
  created_us    INTEGER NOT NULL,
  updated_us    INTEGER NOT NULL              -- 0: has no event yet
);
INSERT INTO organisations SELECT DISTINCT organisation, 'before designations', 4294967295, 0, 0, 0,
                                          0, 0 FROM keys WHERE role = 3 AND revoked_us = 0;
ALTER TABLE keys ADD COLUMN credential INTEGER NOT NULL DEFAULT 1;
ALTER TABLE keys ADD COLUMN until_us INTEGER NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX keys_certificates ON keys(digest) WHERE credential = 2;
-- Changes with every key and organisation.
INSERT INTO meta VALUES ('keys', 1);
)sql",
    // 4 -> 5: what verdicts said of entries, and what platforms said of verdicts.
    R"sql(
ALTER TABLE entries ADD COLUMN suspension INTEGER NOT NULL DEFAULT 0;
-- Kinds from 200 on are verdicts: many, and no part of an entry's life.
CREATE INDEX events_by_revision ON events(revision) WHERE kind < 200;
DROP INDEX events_of_entry;
CREATE INDEX events_of_entry ON events(entry) WHERE kind > 100 AND kind < 200;

-- Which organisation's uploads matched an entry: since when, and how often with which action.
CREATE TABLE sightings (
  entry         INTEGER NOT NULL,
  organisation  TEXT NOT NULL,
  list          INTEGER NOT NULL,
  first_us      INTEGER NOT NULL,
  last_us       INTEGER NOT NULL,
  seen_revision INTEGER NOT NULL,             -- of the first verdict
  revision      INTEGER NOT NULL,             -- that wrote it down
  reported      INTEGER NOT NULL,
  held          INTEGER NOT NULL,
  provisional   INTEGER NOT NULL,
  blocked       INTEGER NOT NULL,
  PRIMARY KEY (entry, organisation)
) WITHOUT ROWID;
CREATE INDEX sightings_by_revision ON sightings(organisation, revision);
CREATE INDEX sightings_by_list ON sightings(organisation, list);

CREATE TABLE feedback (
  entry        INTEGER NOT NULL,
  organisation TEXT NOT NULL,
  upload       BLOB NOT NULL,                 -- a keyed digest
  correct      INTEGER NOT NULL,
  released     INTEGER NOT NULL,
  time_us      INTEGER NOT NULL,
  PRIMARY KEY (entry, organisation, upload)
) WITHOUT ROWID;

-- The last verdicts that had something to decide about.
CREATE TABLE verdicts (
  number       INTEGER PRIMARY KEY,
  time_us      INTEGER NOT NULL,
  organisation TEXT NOT NULL,
  outcome      INTEGER NOT NULL,
  action       INTEGER NOT NULL,              -- 0: no match
  revision     INTEGER NOT NULL
);
CREATE TABLE verdict_matches (
  verdict      INTEGER NOT NULL,
  position     INTEGER NOT NULL,
  entry        INTEGER NOT NULL,
  list         INTEGER NOT NULL,
  state        INTEGER NOT NULL,
  court_basis  INTEGER NOT NULL,
  suspension   INTEGER NOT NULL,
  released     INTEGER NOT NULL,
  algorithm    INTEGER NOT NULL,
  distance     INTEGER NOT NULL,
  action       INTEGER NOT NULL,              -- 0: none
  PRIMARY KEY (verdict, position)
) WITHOUT ROWID;

-- Checks a day, by organisation and what they were answered.
CREATE TABLE verdict_counts (
  day          INTEGER NOT NULL,              -- since 1970
  organisation TEXT NOT NULL,
  outcome      INTEGER NOT NULL,
  action       INTEGER NOT NULL,              -- 0: none
  checks       INTEGER NOT NULL,
  PRIMARY KEY (day, organisation, outcome, action)
) WITHOUT ROWID;

-- What became of an organisation's entries, by kind of event.
CREATE TABLE tallies (
  organisation TEXT NOT NULL,
  kind         INTEGER NOT NULL,
  entries      INTEGER NOT NULL,
  PRIMARY KEY (organisation, kind)
) WITHOUT ROWID;
INSERT INTO tallies SELECT lists.organisation, 7, count(*) FROM entries
  JOIN lists ON lists.number=entries.list GROUP BY 1;
INSERT INTO tallies SELECT lists.organisation, events.kind, count(*) FROM events
  JOIN lists ON lists.number=events.list WHERE events.kind BETWEEN 101 AND 199 GROUP BY 1, 2;
)sql",
    // 5 -> 6: a checksum in every row (row_sums.h), how much organisations may have checked, and
    // which revisions were lost when a backup was restored. A later migration that adds a column to
    // one of these tables computes its sums again.
    R"sql(
ALTER TABLE organisations ADD COLUMN checks_per_second INTEGER NOT NULL DEFAULT 0;
ALTER TABLE organisations ADD COLUMN images_per_second INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lists ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE fingerprints ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE keys ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE organisations ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE feedback ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
INSERT INTO meta(key, value) VALUES ('lost_after', 0), ('lost_before', 0);
UPDATE meta SET sum=vigie_sum(key, value);
UPDATE lists SET sum=vigie_sum(number, id, organisation, display_name, kind, category, action,
  max_distance, provisional_hours, audience, created_us, updated_us, deleted_us, revision);
UPDATE entries SET sum=vigie_sum(number, list, external_reference, state, expires_us, court_basis,
  subject, jurisdiction, legal_basis, case_reference, submitter, reason, created_us, updated_us,
  revision, first_row, reason_code, renewals, first_decider_key, first_decider_person,
  last_decider_key, last_decider_person, decided_us, suspension);
UPDATE fingerprints SET sum=vigie_sum(row, entry, position, algorithm, value, quality, profile,
  decode_mode);
UPDATE keys SET sum=vigie_sum(id, digest, organisation, role, label, created_us, revoked_us,
  credential, until_us);
UPDATE organisations SET sum=vigie_sum(id, designation, categories, from_us, until_us,
  daily_entries, created_us, updated_us, checks_per_second, images_per_second);
UPDATE feedback SET sum=vigie_sum(entry, organisation, upload, correct, released, time_us);
)sql",
    // 6 -> 7: signed heads have a checksum too; local fingerprints, and what lists take part in.
    R"sql(
ALTER TABLE event_heads ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
UPDATE event_heads SET sum=vigie_sum(number, digest, time_us, public_key, signature);
ALTER TABLE lists ADD COLUMN parts INTEGER NOT NULL DEFAULT 1;
ALTER TABLE lists ADD COLUMN local INTEGER NOT NULL DEFAULT 0;
UPDATE lists SET sum=vigie_sum(number, id, organisation, display_name, kind, category, action,
  max_distance, provisional_hours, audience, created_us, updated_us, deleted_us, revision, parts,
  local);
CREATE TABLE local_fingerprints (
  entry INTEGER PRIMARY KEY REFERENCES entries(number),
  value BLOB NOT NULL,                        -- engine/local: EncodeLocal()
  sum   INTEGER NOT NULL
);
)sql",
    // 7 -> 8: whether a verdict's match was of a part of the upload; the events of entries that
    // gained their local fingerprints.
    R"sql(
CREATE INDEX events_local ON events(entry) WHERE kind = 16;
ALTER TABLE verdict_matches ADD COLUMN partial INTEGER NOT NULL DEFAULT 0;
UPDATE verdict_matches SET partial=1 WHERE algorithm=5;
)sql",
};

}  // namespace

namespace {

absl::Status TooNew(int64_t version) {
  return Error(
      absl::StatusCode::kFailedPrecondition, "SCHEMA_TOO_NEW",
      absl::StrCat("the database has schema version ", version, ", this program knows up to ",
                   CurrentSchemaVersion(), ": use the newer program that wrote it"));
}

}  // namespace

int CurrentSchemaVersion() { return static_cast<int>(std::size(kMigrations)); }

absl::Status MigrateSchema(SqlConnection& connection, int target) {
  while (true) {
    // The version is read inside the transaction: two programs may open a new file at once.
    VIGIE_RETURN_IF_ERROR(connection.Exec("BEGIN IMMEDIATE"));
    const auto version = connection.QueryInt("PRAGMA user_version");
    absl::Status status = version.status();
    const bool current = version.ok() && *version >= target && *version <= CurrentSchemaVersion();
    if (version.ok() && *version > CurrentSchemaVersion()) {
      status = TooNew(*version);
    } else if (version.ok() && *version < 0) {
      status = DatabaseDamaged(absl::StrCat("no program writes schema version ", *version));
    } else if (version.ok() && !current) {
      status = connection.Exec(kMigrations[*version]);
      if (status.ok()) {
        status = connection.Exec(absl::StrCat("PRAGMA user_version=", *version + 1).c_str());
      }
    }
    if (!status.ok() || current) {
      connection.Exec("ROLLBACK").IgnoreError();
      return status;
    }
    VIGIE_RETURN_IF_ERROR(connection.Commit());
  }
}

absl::Status CheckSchemaIsCurrent(SqlConnection& connection) {
  int64_t version = 0;
  VIGIE_ASSIGN_OR_RETURN(version, connection.QueryInt("PRAGMA user_version"));
  if (version > CurrentSchemaVersion()) return TooNew(version);
  if (version == CurrentSchemaVersion()) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "SCHEMA_TOO_OLD",
               absl::StrCat("the database has schema version ", version, " and this program reads ",
                            CurrentSchemaVersion(), ": start the server on it once"));
}

}  // namespace vigie
