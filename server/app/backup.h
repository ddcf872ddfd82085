// A copy of a data folder, made while a server runs on it, and a data folder made of such a copy.
//
// A backup is a folder (0700) with vigie.db, audit.key if there is one, and manifest.json, which
// says what they are. It has its name only when it is complete, checked and on the disk.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/status.h"
#include "engine/base/types.h"

namespace vigie {

struct BackupFile {
  std::string name;
  uint64_t bytes = 0;
  std::string sha256 = {};  // hex
};

// What manifest.json says.
struct BackupManifest {
  std::string program = {};   // version that made it
  int64_t schema = 0;         // of the database
  std::string database = {};  // Store::id(), hex
  TimeUs created_us = 0;
  Revision revision = 0;
  uint64_t lists = 0;
  uint64_t entries = 0;
  uint64_t rows = 0;  // numbers of fingerprints that were given
  uint64_t events = 0;
  std::string head = {};  // digest of the last event, hex
  std::vector<BackupFile> files = {};
};

// As JSON, in one line.
std::string ToJson(const BackupManifest& manifest);

// How far the part that takes longest is.
using BackupProgress = std::function<void(uint64_t done, uint64_t total)>;

struct BackupOptions {
  std::string data_dir;
  std::string to;       // the new folder
  std::string program;  // version, for the manifest
  TimeUs now = 0;
};

// Copies the database as it is at one moment, then checks the copy: structure, rows, chain of
// events, signed heads. A server that writes meanwhile does not wait. ALREADY_EXISTS, reason
// BACKUP_EXISTS, when there is something at `to`; UNAVAILABLE, reason FILE_FAILED;
// RESOURCE_EXHAUSTED, reason DISK_FULL; DATA_LOSS, reason DATABASE_DAMAGED or CHAIN_BROKEN: then no
// folder is left.
absl::StatusOr<BackupManifest> MakeBackup(const BackupOptions& options,
                                          const BackupProgress& progress);

// Checks a backup without changing it: every file by its digest, then the database as above. One of
// an older schema by its digests alone; its rows are checked when it is restored. DATA_LOSS, reason
// BACKUP_DAMAGED, and those of MakeBackup().
absl::StatusOr<BackupManifest> VerifyBackup(const std::string& folder,
                                            const BackupProgress& progress);

struct RestoreOptions {
  std::string from;  // the backup
  std::string data_dir;
  // A data folder of the same database, used until now: what was erased there after the backup is
  // erased again. Empty: none.
  std::string erased_from;
};

struct RestoreReport {
  BackupManifest backup;
  Revision revision = 0;  // above all that there can have been
  uint64_t erased = 0;    // again
};

// Makes `data_dir` of a backup; it may exist and must hold no database. All or nothing: a folder in
// which it did not come to its end is refused by CheckNoUnfinishedRestore(), and taken by another
// RestoreBackup(). Numbers of revisions go on far above those of the backup, so that one that was
// given since never comes again. Errors: those of VerifyBackup(); FAILED_PRECONDITION, reason
// DATA_DIR_NOT_EMPTY; UNAVAILABLE, reason DATA_DIR_IN_USE; FAILED_PRECONDITION, reason
// OTHER_DATABASE.
absl::StatusOr<RestoreReport> RestoreBackup(const RestoreOptions& options,
                                            const BackupProgress& progress);

// FAILED_PRECONDITION, reason RESTORE_UNFINISHED: a server would begin with an empty database.
absl::Status CheckNoUnfinishedRestore(const std::string& data_dir);

}  // namespace vigie
