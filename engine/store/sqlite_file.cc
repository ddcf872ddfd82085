#include "engine/store/sqlite_file.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"
#include "engine/store/sqlite_schema.h"

namespace vigie {
namespace {

constexpr int kPagesAStep = 2048;

struct BackupCloser {
  void operator()(sqlite3_backup* backup) const { sqlite3_backup_finish(backup); }
};

}  // namespace

absl::Status MakePrivate(const std::string& path) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  struct stat info {};
  const bool ok = file >= 0 && fstat(file, &info) == 0 &&
                  ((info.st_mode & 0077) == 0 || fchmod(file, 0600) == 0);
  const int error = errno;
  if (file >= 0) close(file);
  if (ok) return absl::OkStatus();
  return Error(absl::StatusCode::kUnavailable, "DATABASE_FAILED",
               absl::StrCat("cannot open ", path, " for its owner alone: ", strerror(error)));
}

// SQLite answers with the mode it kept when it could not change it (a file system without shared
// memory, for one); readers and the writer would then block each other.
absl::Status UseWal(SqlConnection& connection) {
  SqlStatement query;
  VIGIE_ASSIGN_OR_RETURN(query, connection.Prepare("PRAGMA journal_mode=WAL"));
  bool row = false;
  VIGIE_ASSIGN_OR_RETURN(row, query.Step());
  if (row && query.GetText(0) == "wal") return absl::OkStatus();
  return Error(absl::StatusCode::kUnavailable, "DATABASE_FAILED",
               "the database cannot use a write-ahead log here: put it on a local disk");
}

absl::Status CopyDatabase(const std::string& from, const std::string& to,
                          const std::function<void(uint64_t done, uint64_t total)>& progress) {
  std::unique_ptr<SqlConnection> source;
  VIGIE_ASSIGN_OR_RETURN(source, SqlConnection::Open(from));
  VIGIE_RETURN_IF_ERROR(CheckSchemaIsCurrent(*source));
  // From the first read on this connection sees one state, and SQLite need not begin again when
  // somebody writes.
  VIGIE_RETURN_IF_ERROR(source->Exec("BEGIN; SELECT count(*) FROM sqlite_schema"));
  VIGIE_RETURN_IF_ERROR(MakePrivate(to));
  std::unique_ptr<SqlConnection> target;
  VIGIE_ASSIGN_OR_RETURN(target, SqlConnection::Open(to));
  // A copy that is not finished is worth nothing.
  VIGIE_RETURN_IF_ERROR(target->Exec("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF"));
  std::unique_ptr<sqlite3_backup, BackupCloser> backup(
      sqlite3_backup_init(target->handle(), "main", source->handle(), "main"));
  if (backup == nullptr) return target->LastError();
  int code = SQLITE_OK;
  while (code == SQLITE_OK) {
    code = sqlite3_backup_step(backup.get(), kPagesAStep);
    const auto total = static_cast<uint64_t>(sqlite3_backup_pagecount(backup.get()));
    if (progress) {
      progress(total - static_cast<uint64_t>(sqlite3_backup_remaining(backup.get())), total);
    }
  }
  // Leaves the error, of whichever side, with the target.
  backup.reset();
  return code == SQLITE_DONE ? absl::OkStatus() : target->LastError();
}

absl::Status SkipRevisions(const std::string& path, uint64_t count) {
  std::unique_ptr<SqlConnection> db;
  VIGIE_ASSIGN_OR_RETURN(db, SqlConnection::Open(path));
  // After a second restore what lies between the two counts as lost too.
  return db->Exec(
      absl::StrCat("BEGIN IMMEDIATE;"
                   "UPDATE meta SET value=(SELECT value FROM meta WHERE key='revision') "
                   "  WHERE key='lost_after' AND value=0;"
                   "UPDATE meta SET value=value+",
                   count,
                   " WHERE key='revision';"
                   "UPDATE meta SET value=(SELECT value FROM meta WHERE key='revision') "
                   "  WHERE key='lost_before';"
                   "UPDATE meta SET sum=vigie_sum(key, value);"
                   "COMMIT")
          .c_str());
}

}  // namespace vigie
