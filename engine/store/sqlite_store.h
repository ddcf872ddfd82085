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

}  // namespace vigie
