// A thin cover over SQLite's C API: connections and statements whose failures are statuses.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/base/status.h"

struct sqlite3;
struct sqlite3_stmt;

namespace vigie {

// A prepared statement, reused: Bind... in order, then Step() until false, then Reset(). One
// thread.
class SqlStatement {
 public:
  SqlStatement() = default;
  SqlStatement(sqlite3* db, sqlite3_stmt* statement);
  SqlStatement(SqlStatement&&) = default;
  SqlStatement& operator=(SqlStatement&&) = default;

  // Binds the next parameter. Text and blobs are copied.
  SqlStatement& Int(int64_t value);
  SqlStatement& Text(std::string_view value);
  SqlStatement& Blob(std::string_view value);

  // True: a row is there. False: done, and the statement is reset for its next use.
  absl::StatusOr<bool> Step();
  // For statements that return no rows.
  absl::Status Run();
  void Reset();

  int64_t GetInt(int column) const;
  std::string GetText(int column) const;  // bytes of a text or blob column
  int Columns() const;

 private:
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const;
  };
  sqlite3* db_ = nullptr;
  std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
  int next_parameter_ = 1;
};

// Resets a statement that is used again at the end of a query, however that ends: one that stopped
// in the middle would go on there, with what it was bound to then, and pin what it sees.
class ResetAtEnd {
 public:
  explicit ResetAtEnd(SqlStatement& statement) : statement_(statement) {}
  ~ResetAtEnd() { statement_.Reset(); }
  ResetAtEnd(const ResetAtEnd&) = delete;
  ResetAtEnd& operator=(const ResetAtEnd&) = delete;

 private:
  SqlStatement& statement_;
};

// DATA_LOSS, reason DATABASE_DAMAGED: says what is damaged and what to do.
absl::Status DatabaseDamaged(std::string_view what);

// How a database is opened. kSealed: one that nobody writes to, and that stays as it is to the last
// bit: no log is made or read.
enum class Access : uint8_t { kReadWrite, kSealed };

// One connection. One thread at a time.
class SqlConnection {
 public:
  // Opens or creates `path`. UNAVAILABLE, reason DATABASE_FAILED, or DATA_LOSS, reason
  // DATABASE_DAMAGED, when it cannot be used.
  static absl::StatusOr<std::unique_ptr<SqlConnection>> Open(const std::string& path,
                                                             Access access = Access::kReadWrite);

  absl::Status Exec(const char* sql);
  absl::StatusOr<SqlStatement> Prepare(std::string_view sql);
  // Runs a query that gives one number.
  absl::StatusOr<int64_t> QueryInt(std::string_view sql);
  bool InTransaction() const;
  // Ends the transaction: durable when OK, otherwise rolled back.
  absl::Status Commit();
  // From now on calls `go_on` now and then during a statement; when it says false the statement
  // ends with CANCELLED. Outlives the connection; must not throw.
  void AskWhetherToGoOn(const std::function<bool()>& go_on);
  // What went wrong last, of what was done with handle().
  absl::Status LastError();
  sqlite3* handle() { return db_.get(); }

 private:
  struct Closer {
    void operator()(sqlite3* db) const;
  };
  std::unique_ptr<sqlite3, Closer> db_;
};

}  // namespace vigie
