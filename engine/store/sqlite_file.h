// The file of a SQLite database: its mode, its log, and copies of it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "engine/base/status.h"
#include "engine/store/sqlite.h"

namespace vigie {

// Creates the file if need be, so that nobody else may read it from its first moment, and takes
// the access of others from one that was restored with it. SQLite gives its -wal and -shm files
// the mode of the database. UNAVAILABLE, reason DATABASE_FAILED.
absl::Status MakePrivate(const std::string& path);

// UNAVAILABLE, reason DATABASE_FAILED, where a write-ahead log cannot be used.
absl::Status UseWal(SqlConnection& connection);

// Copies the database `from` as it is at one moment to the new file `to` (0600), also while others
// write to it: they do not wait, and meanwhile its log grows. The copy is not yet on the disk, see
// SyncFile(). `progress`, if any, is told how many of how many pages are done. Errors:
// SCHEMA_TOO_OLD and SCHEMA_TOO_NEW, FAILED_PRECONDITION; DISK_FULL, DATABASE_FAILED,
// DATABASE_DAMAGED.
absl::Status CopyDatabase(const std::string& from, const std::string& to,
                          const std::function<void(uint64_t done, uint64_t total)>& progress);

// For a database that was restored and that nobody has open: goes on `count` revisions later, above
// all that there can have been, and remembers which were lost.
absl::Status SkipRevisions(const std::string& path, uint64_t count);

}  // namespace vigie
