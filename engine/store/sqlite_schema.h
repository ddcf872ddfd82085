// The tables, and how an older database becomes a current one.
#pragma once

#include "engine/base/status.h"
#include "engine/store/sqlite.h"

namespace vigie {

// Version of the tables this program reads and writes (SQLite's user_version).
int CurrentSchemaVersion();

// Brings the database to `version`, one migration a transaction, each all or nothing; one that is
// newer stays as it is. FAILED_PRECONDITION, reason SCHEMA_TOO_NEW, when a newer program has
// written it.
absl::Status MigrateSchema(SqlConnection& connection, int version = CurrentSchemaVersion());

// OK when the database has the current version. FAILED_PRECONDITION, reason SCHEMA_TOO_NEW or
// SCHEMA_TOO_OLD.
absl::Status CheckSchemaIsCurrent(SqlConnection& connection);

}  // namespace vigie
