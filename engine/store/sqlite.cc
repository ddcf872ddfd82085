#include "engine/store/sqlite.h"

#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <initializer_list>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/checked_file.h"

namespace vigie {
namespace {

// Of the last failure of the database's file or of its log: a number of the system. SQLite keeps
// one for the connection too, which what it does after the failure has changed.
bool HasFailedFor(sqlite3* db, std::initializer_list<int> reasons) {
  const auto is_one = [reasons](int error) {
    return std::find(reasons.begin(), reasons.end(), error) != reasons.end();
  };
  int error = 0;
  sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &error);
  if (is_one(error)) return true;
  sqlite3_file* log = nullptr;
  sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  if (log == nullptr || log->pMethods == nullptr) return false;
  error = 0;
  log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
  return is_one(error);
}

// No space, also where SQLite knows no more than that a write failed: a quota, or a limit of the
// size of files.
bool IsDiskFull(sqlite3* db, int code) {
  return code == SQLITE_FULL || (sqlite3_extended_errcode(db) == SQLITE_IOERR_WRITE &&
                                 HasFailedFor(db, {ENOSPC, EDQUOT, EFBIG}));
}

// SQLite's messages name tables, columns and files; bound values (hashes) are never part of them.
absl::Status SqlError(sqlite3* db) {
  const int code = sqlite3_errcode(db);
  const std::string message = sqlite3_errmsg(db);
  if (IsDiskFull(db, code)) {
    return Error(absl::StatusCode::kResourceExhausted, "DISK_FULL",
                 absl::StrCat("no space left for the database (", message,
                              "): nothing was changed, try again when there is"));
  }
  switch (code) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    // Our statements are valid on our tables: these are others.
    case SQLITE_ERROR:
      return DatabaseDamaged(message);
    case SQLITE_CONSTRAINT:
      return Error(absl::StatusCode::kAlreadyExists, "CONSTRAINT", message);
    case SQLITE_INTERRUPT:
      return absl::CancelledError("the statement was ended");
    default:
      return Error(absl::StatusCode::kUnavailable, "DATABASE_FAILED",
                   absl::StrCat("the database failed: ", message, " (code ",
                                sqlite3_extended_errcode(db), ")"));
  }
}

// vigie_sum(value...): see row_sums.h. Of each value its type, then what it holds.
void Sum(sqlite3_context* context, int count, sqlite3_value** values) {
  std::string& bytes = *static_cast<std::string*>(sqlite3_user_data(context));
  bytes.clear();
  for (int i = 0; i < count; ++i) {
    const int type = sqlite3_value_type(values[i]);
    bytes.push_back(static_cast<char>(type));
    if (type == SQLITE_INTEGER) {
      const int64_t number = sqlite3_value_int64(values[i]);
      bytes.append(reinterpret_cast<const char*>(&number), sizeof(number));
    } else if (type == SQLITE_TEXT || type == SQLITE_BLOB) {
      const void* data = sqlite3_value_blob(values[i]);
      const int size = sqlite3_value_bytes(values[i]);
      bytes.append(reinterpret_cast<const char*>(&size), sizeof(size));
      if (size > 0) bytes.append(static_cast<const char*>(data), static_cast<size_t>(size));
    }
  }
  sqlite3_result_int64(context, static_cast<int32_t>(ChecksumOf(bytes.data(), bytes.size())));
}

absl::Status AddSumFunction(sqlite3* db) {
  auto* buffer = new std::string;  // kept by the connection
  const int code = sqlite3_create_function_v2(
      db, "vigie_sum", -1, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, buffer, Sum,
      nullptr, nullptr, [](void* made) { delete static_cast<std::string*>(made); });
  return code == SQLITE_OK ? absl::OkStatus() : SqlError(db);
}

// For "file:": what has a meaning there is written as its code.
std::string UriOf(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      absl::StrAppend(&uri, "%", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    } else {
      uri.push_back(c);
    }
  }
  return uri + "?immutable=1";
}

}  // namespace

absl::Status DatabaseDamaged(std::string_view what) {
  return Error(absl::StatusCode::kDataLoss, "DATABASE_DAMAGED",
               absl::StrCat("the database is damaged (", ToAbsl(what), "): restore a backup"));
}

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

int SqlStatement::Columns() const { return sqlite3_column_count(statement_.get()); }

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

absl::StatusOr<std::unique_ptr<SqlConnection>> SqlConnection::Open(const std::string& path,
                                                                   Access access) {
  auto connection = std::make_unique<SqlConnection>();
  sqlite3* db = nullptr;
  const bool sealed = access == Access::kSealed;
  const int flags =
      sealed ? SQLITE_OPEN_READONLY | SQLITE_OPEN_URI : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  const int code = sqlite3_open_v2((sealed ? UriOf(path) : path).c_str(), &db,
                                   flags | SQLITE_OPEN_NOMUTEX, nullptr);
  connection->db_.reset(db);
  if (code != SQLITE_OK) return SqlError(db);
  VIGIE_RETURN_IF_ERROR(AddSumFunction(db));
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

absl::Status SqlConnection::LastError() { return SqlError(db_.get()); }

absl::Status SqlConnection::Commit() {
  const absl::Status status = Exec("COMMIT");
  if (status.ok()) return status;
  if (InTransaction()) Exec("ROLLBACK").IgnoreError();
  // The whole transaction may be in the log and the disk have failed to say that it is: reading the
  // log after a crash would find it, though it was refused. This commit is written over it; a row
  // that is written as it was would leave nothing to commit.
  if (const auto version = QueryInt("PRAGMA user_version"); version.ok()) {
    Exec(absl::StrCat("PRAGMA user_version=", *version).c_str()).IgnoreError();
  }
  return status;
}

void SqlConnection::AskWhetherToGoOn(const std::function<bool()>& go_on) {
  sqlite3_progress_handler(
      db_.get(), 100'000,
      [](void* ask) { return (*static_cast<const std::function<bool()>*>(ask))() ? 0 : 1; },
      const_cast<std::function<bool()>*>(&go_on));
}

}  // namespace vigie
