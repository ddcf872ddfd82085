#include "engine/store/sqlite.h"

#include <sqlite3.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace vigie {
namespace {

// SQLite's messages name tables, columns and files; bound values (hashes) are never part of them.
absl::Status SqlError(sqlite3* db) {
  const int code = sqlite3_errcode(db);
  const std::string message = sqlite3_errmsg(db);
  switch (code) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Error(absl::StatusCode::kDataLoss, "DATABASE_CORRUPT",
                   absl::StrCat("the database is damaged (", message, "): restore a backup"));
    case SQLITE_FULL:
      return Error(absl::StatusCode::kResourceExhausted, "DISK_FULL",
                   absl::StrCat("no space left for the database (", message, ")"));
    case SQLITE_CONSTRAINT:
      return Error(absl::StatusCode::kAlreadyExists, "CONSTRAINT", message);
    default:
      return Error(absl::StatusCode::kUnavailable, "DATABASE_FAILED",
                   absl::StrCat("the database failed: ", message, " (code ",
                                sqlite3_extended_errcode(db), ")"));
  }
}

}  // namespace

void SqlStatement::Finalizer::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

SqlStatement::SqlStatement(sqlite3* db, sqlite3_stmt* statement) : db_(db), statement_(statement) {}

SqlStatement& SqlStatement::Int(int64_t value) {
  sqlite3_bind_int64(statement_.get(), next_parameter_++, value);
  return *this;
}

SqlStatement& SqlStatement::Text(std::string_view value) {
  sqlite3_bind_text64(statement_.get(), next_parameter_++, value.data() ? value.data() : "",
                      value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

SqlStatement& SqlStatement::Blob(std::string_view value) {
  sqlite3_bind_blob64(statement_.get(), next_parameter_++, value.data() ? value.data() : "",
                      value.size(), SQLITE_TRANSIENT);
  return *this;
}

absl::StatusOr<bool> SqlStatement::Step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  absl::Status status = code == SQLITE_DONE ? absl::OkStatus() : SqlError(db_);
  Reset();
  if (!status.ok()) return status;
  return false;
}

absl::Status SqlStatement::Run() {
  bool row = true;
  while (row) {
    VIGIE_ASSIGN_OR_RETURN(row, Step());
  }
  return absl::OkStatus();
}

void SqlStatement::Reset() {
  sqlite3_reset(statement_.get());
  next_parameter_ = 1;
}

int64_t SqlStatement::GetInt(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string SqlStatement::GetText(int column) const {
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return data == nullptr ? std::string()
                         : std::string(static_cast<const char*>(data), static_cast<size_t>(size));
}

void SqlConnection::Closer::operator()(sqlite3* db) const { sqlite3_close_v2(db); }

absl::StatusOr<std::unique_ptr<SqlConnection>> SqlConnection::Open(const std::string& path) {
  auto connection = std::make_unique<SqlConnection>();
  sqlite3* db = nullptr;
  const int code = sqlite3_open_v2(
      path.c_str(), &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  connection->db_.reset(db);
  if (code != SQLITE_OK) return SqlError(db);
  // `vigie key` and a running server write to the same file; each waits for the other.
  sqlite3_busy_timeout(db, 10'000);
  VIGIE_RETURN_IF_ERROR(connection->Exec("PRAGMA foreign_keys=ON"));
  // Of the connection, not of the file: keys are written on the readers' connection.
  VIGIE_RETURN_IF_ERROR(connection->Exec("PRAGMA synchronous=FULL"));
  // What is deleted or overwritten leaves no trace in its page.
  VIGIE_RETURN_IF_ERROR(connection->Exec("PRAGMA secure_delete=ON"));
  return connection;
}

absl::Status SqlConnection::Exec(const char* sql) {
  if (sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return SqlError(db_.get());
  }
  return absl::OkStatus();
}

absl::StatusOr<SqlStatement> SqlConnection::Prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(db_.get(), sql.data(), static_cast<int>(sql.size()), &statement,
                         nullptr) != SQLITE_OK) {
    return SqlError(db_.get());
  }
  return SqlStatement(db_.get(), statement);
}

absl::StatusOr<int64_t> SqlConnection::QueryInt(std::string_view sql) {
  SqlStatement statement;
  VIGIE_ASSIGN_OR_RETURN(statement, Prepare(sql));
  bool row = false;
  VIGIE_ASSIGN_OR_RETURN(row, statement.Step());
  return row ? statement.GetInt(0) : 0;
}

bool SqlConnection::InTransaction() const { return sqlite3_get_autocommit(db_.get()) == 0; }

}  // namespace vigie
