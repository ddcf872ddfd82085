// The statements that the SQLite store uses all the time, prepared once a connection.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/store/records.h"
#include "engine/store/sqlite.h"

namespace vigie {

// "INSERT INTO table(columns) VALUES (?1,?2...)", of a table without sums.
std::string InsertSql(std::string_view table, std::string_view columns);

struct Statements {
  SqlStatement list_by_id, entry_by_number, entry_by_reference, fingerprints_of, local_of,
      entries_of;
  SqlStatement insert_list, update_list, insert_entry, update_entry, erase_entry,
      insert_fingerprint, insert_local, delete_local, set_meta;
  SqlStatement delete_fingerprints, move_fingerprints, first_row, insert_event, last_event;
  SqlStatement count_entries, last_revision, due, keys_version, keys_changed;

  static absl::StatusOr<Statements> Prepare(SqlConnection& db);
};

// Fills in entry.fingerprints and entry.local. This and the next: DATABASE_DAMAGED as well.
absl::Status LoadFingerprints(Statements& s, EntryRecord& entry);

// The entry of a bound query that gives at most one.
absl::StatusOr<std::optional<EntryRecord>> OneEntry(Statements& s, SqlStatement& query);

// The number that a bound query gives; 0 when it gives no row.
absl::StatusOr<uint64_t> OneNumber(SqlStatement& query);

// Adds the event to the chain, inside a transaction of this connection.
absl::Status AppendEvent(Statements& s, EventRecord& event);

}  // namespace vigie
