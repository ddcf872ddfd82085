// The embedded store: one SQLite file in WAL mode with synchronous=FULL, so that a commit is on
// the disk when it is acknowledged.
#pragma once

#include <memory>
#include <string>

#include "engine/base/status.h"
#include "engine/store/store.h"

namespace vigie {

// Opens or creates the database `path` (files 0600), migrates it to the current schema and
// returns it. Errors: those of SqlConnection::Open and MigrateSchema.
absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const std::string& path);

// The same of a database that nobody writes to, for reading: not a bit of it changes and no file is
// added. What writes fails with DATABASE_FAILED. Also FAILED_PRECONDITION, reason SCHEMA_TOO_OLD,
// when this program would have to migrate it.
absl::StatusOr<std::unique_ptr<Store>> OpenSealedStore(const std::string& path);

}  // namespace vigie
