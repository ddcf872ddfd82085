#include "engine/store/sqlite_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/store/sqlite.h"
#include "engine/store/sqlite_records.h"
#include "engine/store/sqlite_schema.h"

namespace vigie {
namespace {

std::string Placeholders(std::string_view columns) {
  std::string marks = "?";
  for (const char c : columns) {
    if (c == ',') marks += ",?";
  }
  return marks;
}

std::string InsertSql(std::string_view table, std::string_view columns) {
  return absl::StrCat("INSERT INTO ", ToAbsl(table), "(", ToAbsl(columns), ") VALUES (",
                      Placeholders(columns), ")");
}

// The statements of one connection that the store uses, prepared once.
struct Statements {
  SqlStatement list_by_id, entry_by_number, entry_by_reference, fingerprints_of, entries_of;
  SqlStatement insert_list, update_list, insert_entry, update_entry, insert_fingerprint, set_meta;
  SqlStatement count_entries, last_revision;

  static absl::StatusOr<Statements> Prepare(SqlConnection& db) {
    const std::string entries = absl::StrCat("SELECT ", kEntryColumns, " FROM entries WHERE ");
    Statements s;
    VIGIE_ASSIGN_OR_RETURN(
        s.list_by_id, db.Prepare(absl::StrCat("SELECT ", kListColumns, " FROM lists WHERE id=?")));
    VIGIE_ASSIGN_OR_RETURN(s.entry_by_number, db.Prepare(entries + "number=?"));
    VIGIE_ASSIGN_OR_RETURN(s.entry_by_reference,
                           db.Prepare(entries + "list=? AND external_reference=?"));
    VIGIE_ASSIGN_OR_RETURN(s.entries_of,
                           db.Prepare(entries + "list=? AND number>? ORDER BY number LIMIT ?"));
    VIGIE_ASSIGN_OR_RETURN(s.fingerprints_of,
                           db.Prepare(absl::StrCat("SELECT ", kFingerprintColumns,
                                                   " FROM fingerprints WHERE row>=? AND entry=? "
                                                   "AND row<?+256 ORDER BY row")));
    VIGIE_ASSIGN_OR_RETURN(s.insert_list, db.Prepare(InsertSql("lists", kListColumns)));
    VIGIE_ASSIGN_OR_RETURN(
        s.update_list, db.Prepare(absl::StrCat("UPDATE lists SET (", kListColumns, ")=(",
                                               Placeholders(kListColumns), ") WHERE number=?1")));
    VIGIE_ASSIGN_OR_RETURN(s.insert_entry, db.Prepare(InsertSql("entries", kEntryColumns)));
    VIGIE_ASSIGN_OR_RETURN(
        s.update_entry, db.Prepare(absl::StrCat("UPDATE entries SET (", kEntryColumns, ")=(",
                                                Placeholders(kEntryColumns), ") WHERE number=?1")));
    VIGIE_ASSIGN_OR_RETURN(s.insert_fingerprint,
                           db.Prepare(InsertSql("fingerprints", kFingerprintColumns)));
    VIGIE_ASSIGN_OR_RETURN(s.count_entries,
                           db.Prepare("SELECT count(*) FROM entries WHERE list=?"));
    VIGIE_ASSIGN_OR_RETURN(s.last_revision,
                           db.Prepare("SELECT value FROM meta WHERE key='revision'"));
    VIGIE_ASSIGN_OR_RETURN(s.set_meta, db.Prepare("UPDATE meta SET value=? WHERE key=?"));
    return s;
  }
};

absl::Status LoadFingerprints(Statements& s, EntryRecord& entry) {
  s.fingerprints_of.Int(entry.first_row).Int(entry.number).Int(entry.first_row);
  while (true) {
    bool row = false;
    VIGIE_ASSIGN_OR_RETURN(row, s.fingerprints_of.Step());
    if (!row) return absl::OkStatus();
    entry.fingerprints.push_back(ReadFingerprint(s.fingerprints_of).fingerprint);
  }
}

// The entry of a bound query that gives at most one.
absl::StatusOr<std::optional<EntryRecord>> OneEntry(Statements& s, SqlStatement& query) {
  bool row = false;
  VIGIE_ASSIGN_OR_RETURN(row, query.Step());
  if (!row) return std::nullopt;
  EntryRecord entry = ReadEntryRow(query);
  query.Reset();
  VIGIE_RETURN_IF_ERROR(LoadFingerprints(s, entry));
  return entry;
}

// The number that a bound query gives; 0 when it gives no row.
absl::StatusOr<uint64_t> OneNumber(SqlStatement& query) {
  bool row = false;
  VIGIE_ASSIGN_OR_RETURN(row, query.Step());
  const int64_t number = row ? query.GetInt(0) : 0;
  query.Reset();
  return static_cast<uint64_t>(number);
}

class SqliteTransaction final : public Transaction {
 public:
  SqliteTransaction(SqlConnection& db, Statements& statements) : db_(db), s_(statements) {}
  ~SqliteTransaction() override {
    if (db_.InTransaction()) db_.Exec("ROLLBACK").IgnoreError();
  }

  absl::StatusOr<Revision> LastRevision() override { return OneNumber(s_.last_revision); }

  absl::StatusOr<uint64_t> CountEntries(ListNumber list) override {
    return OneNumber(s_.count_entries.Int(list));
  }

  absl::StatusOr<std::optional<ListRecord>> FindList(std::string_view id) override {
    bool row = false;
    VIGIE_ASSIGN_OR_RETURN(row, s_.list_by_id.Text(id).Step());
    if (!row) return std::nullopt;
    ListRecord list = ReadList(s_.list_by_id);
    s_.list_by_id.Reset();
    return list;
  }

  absl::StatusOr<std::optional<EntryRecord>> FindEntry(EntryNumber number) override {
    return OneEntry(s_, s_.entry_by_number.Int(number));
  }

  absl::StatusOr<std::optional<EntryRecord>> FindEntry(ListNumber list,
                                                       std::string_view reference) override {
    return OneEntry(s_, s_.entry_by_reference.Int(list).Text(reference));
  }

  absl::Status InsertList(const ListRecord& list) override {
    BindList(s_.insert_list, list);
    return s_.insert_list.Run();
  }

  absl::Status UpdateList(const ListRecord& list) override {
    BindList(s_.update_list, list);
    return s_.update_list.Run();
  }

  absl::Status InsertEntry(const EntryRecord& entry) override {
    BindEntry(s_.insert_entry, entry);
    VIGIE_RETURN_IF_ERROR(s_.insert_entry.Run());
    for (size_t i = 0; i < entry.fingerprints.size(); ++i) {
      BindFingerprint(s_.insert_fingerprint, {.row = entry.first_row + static_cast<uint32_t>(i),
                                              .entry = entry.number,
                                              .position = static_cast<int>(i),
                                              .fingerprint = entry.fingerprints[i]});
      VIGIE_RETURN_IF_ERROR(s_.insert_fingerprint.Run());
    }
    return absl::OkStatus();
  }

  absl::Status UpdateEntry(const EntryRecord& entry) override {
    BindEntry(s_.update_entry, entry);
    return s_.update_entry.Run();
  }

  absl::Status Commit(const Counters& counters) override {
    const std::pair<const char*, int64_t> values[] = {
        {"revision", static_cast<int64_t>(counters.revision)},
        {"lists", counters.lists},
        {"entries", counters.entries},
        {"rows", counters.rows},
    };
    for (const auto& [key, value] : values) {
      VIGIE_RETURN_IF_ERROR(s_.set_meta.Int(value).Text(key).Run());
    }
    return db_.Exec("COMMIT");
  }

 private:
  SqlConnection& db_;
  Statements& s_;
};

// Creates the file if need be, so that nobody else may read it from its first moment, and takes
// the access of others from one that was restored with it. SQLite gives its -wal and -shm files
// the mode of the database.
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

// Two connections: the writer's, used by one Transaction at a time, and the readers', behind a
// mutex. WAL lets them work side by side.
class SqliteStore final : public Store {
 public:
  static absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& path);

  absl::StatusOr<std::unique_ptr<Transaction>> Begin() override {
    VIGIE_RETURN_IF_ERROR(writer_->Exec("BEGIN IMMEDIATE"));
    return std::make_unique<SqliteTransaction>(*writer_, writes_);
  }

  absl::StatusOr<Counters> ReadCounters() override;
  absl::StatusOr<std::vector<ListRecord>> ReadLists() override;
  absl::StatusOr<std::vector<EntryRecord>> ReadEntries(ListNumber list, EntryNumber after,
                                                       int limit) override;
  absl::StatusOr<std::optional<EntryRecord>> ReadEntry(EntryNumber number) override;
  absl::Status ScanEntries(const std::function<absl::Status(const EntryHead&)>& visit) override;
  absl::Status ScanFingerprints(
      const std::function<absl::Status(const FingerprintRow&)>& visit) override;
  absl::Status ScanEntriesSince(
      Revision revision, const std::function<absl::Status(const EntryRecord&)>& visit) override;
  absl::StatusOr<uint64_t> ReadCheckpointMark() override;
  absl::Status SetCheckpointMark(uint64_t mark) override;
  absl::StatusOr<std::vector<KeyRecord>> ReadKeys() override;
  absl::Status InsertKey(const KeyRecord& key) override;
  absl::Status RevokeKey(std::string_view id, TimeUs now) override;
  absl::StatusOr<uint64_t> KeysVersion() override;
  std::array<uint8_t, 16> seal_key() const override { return seal_key_; }
  absl::Status CheckIntegrity() override;

 private:
  // Runs `sql` on the readers' connection and calls `visit` with each row.
  absl::Status ForEach(const std::string& sql,
                       const std::function<absl::Status(const SqlStatement&)>& visit);

  std::string path_;
  std::unique_ptr<SqlConnection> writer_;
  Statements writes_;
  std::mutex reader_mutex_;
  std::unique_ptr<SqlConnection> reader_;
  Statements reads_;
  std::array<uint8_t, 16> seal_key_{};
  uint64_t own_key_changes_ = 0;
};

absl::StatusOr<std::unique_ptr<Store>> SqliteStore::Open(const std::string& path) {
  auto store = std::make_unique<SqliteStore>();
  VIGIE_RETURN_IF_ERROR(MakePrivate(path));
  store->path_ = path;
  VIGIE_ASSIGN_OR_RETURN(store->writer_, SqlConnection::Open(path));
  VIGIE_RETURN_IF_ERROR(UseWal(*store->writer_));
  VIGIE_RETURN_IF_ERROR(MigrateSchema(*store->writer_));
  VIGIE_ASSIGN_OR_RETURN(store->writes_, Statements::Prepare(*store->writer_));
  VIGIE_ASSIGN_OR_RETURN(store->reader_, SqlConnection::Open(path));
  VIGIE_ASSIGN_OR_RETURN(store->reads_, Statements::Prepare(*store->reader_));

  std::string key;
  VIGIE_RETURN_IF_ERROR(store->ForEach("SELECT value FROM meta WHERE key='seal_key'",
                                       [&key](const SqlStatement& row) {
                                         key = row.GetText(0);
                                         return absl::OkStatus();
                                       }));
  if (key.size() != store->seal_key_.size()) {
    return Error(absl::StatusCode::kDataLoss, "DATABASE_CORRUPT",
                 "the database has lost the key of its identifiers: restore a backup");
  }
  std::memcpy(store->seal_key_.data(), key.data(), key.size());
  return store;
}

absl::Status SqliteStore::ForEach(const std::string& sql,
                                  const std::function<absl::Status(const SqlStatement&)>& visit) {
  const std::lock_guard lock(reader_mutex_);
  SqlStatement query;
  VIGIE_ASSIGN_OR_RETURN(query, reader_->Prepare(sql));
  while (true) {
    bool row = false;
    VIGIE_ASSIGN_OR_RETURN(row, query.Step());
    if (!row) return absl::OkStatus();
    VIGIE_RETURN_IF_ERROR(visit(query));
  }
}

absl::StatusOr<Counters> SqliteStore::ReadCounters() {
  Counters counters;
  VIGIE_RETURN_IF_ERROR(ForEach("SELECT key, value FROM meta", [&](const SqlStatement& row) {
    const std::string key = row.GetText(0);
    if (key == "revision") counters.revision = static_cast<Revision>(row.GetInt(1));
    if (key == "lists") counters.lists = static_cast<ListNumber>(row.GetInt(1));
    if (key == "entries") counters.entries = static_cast<EntryNumber>(row.GetInt(1));
    if (key == "rows") counters.rows = static_cast<uint32_t>(row.GetInt(1));
    return absl::OkStatus();
  }));
  return counters;
}

absl::StatusOr<std::vector<ListRecord>> SqliteStore::ReadLists() {
  std::vector<ListRecord> lists;
  VIGIE_RETURN_IF_ERROR(
      ForEach(absl::StrCat("SELECT ", kListColumns, " FROM lists ORDER BY number"),
              [&lists](const SqlStatement& row) {
                lists.push_back(ReadList(row));
                return absl::OkStatus();
              }));
  return lists;
}

absl::StatusOr<std::vector<EntryRecord>> SqliteStore::ReadEntries(ListNumber list,
                                                                  EntryNumber after, int limit) {
  const std::lock_guard lock(reader_mutex_);
  std::vector<EntryRecord> entries;
  reads_.entries_of.Int(list).Int(after).Int(limit);
  while (true) {
    bool row = false;
    VIGIE_ASSIGN_OR_RETURN(row, reads_.entries_of.Step());
    if (!row) break;
    entries.push_back(ReadEntryRow(reads_.entries_of));
  }
  for (EntryRecord& entry : entries) VIGIE_RETURN_IF_ERROR(LoadFingerprints(reads_, entry));
  return entries;
}

absl::StatusOr<std::optional<EntryRecord>> SqliteStore::ReadEntry(EntryNumber number) {
  const std::lock_guard lock(reader_mutex_);
  return OneEntry(reads_, reads_.entry_by_number.Int(number));
}

absl::Status SqliteStore::ScanEntries(const std::function<absl::Status(const EntryHead&)>& visit) {
  return ForEach("SELECT number, list, state, expires_us, court_basis FROM entries ORDER BY number",
                 [&visit](const SqlStatement& row) {
                   return visit({.number = static_cast<EntryNumber>(row.GetInt(0)),
                                 .list = static_cast<ListNumber>(row.GetInt(1)),
                                 .state = static_cast<EntryState>(row.GetInt(2)),
                                 .expires_us = row.GetInt(3),
                                 .court_basis = row.GetInt(4) != 0});
                 });
}

absl::Status SqliteStore::ScanFingerprints(
    const std::function<absl::Status(const FingerprintRow&)>& visit) {
  return ForEach(absl::StrCat("SELECT ", kFingerprintColumns, " FROM fingerprints ORDER BY row"),
                 [&visit](const SqlStatement& row) { return visit(ReadFingerprint(row)); });
}

absl::Status SqliteStore::ScanEntriesSince(
    Revision revision, const std::function<absl::Status(const EntryRecord&)>& visit) {
  const std::lock_guard lock(reader_mutex_);
  SqlStatement query;
  // Numbers are sorted, not whole entries; and never found by reading everything.
  VIGIE_ASSIGN_OR_RETURN(
      query, reader_->Prepare(absl::StrCat(
                 "SELECT ", kEntryColumns, " FROM entries WHERE number IN (SELECT number FROM ",
                 "entries INDEXED BY entries_by_revision WHERE revision>?) ORDER BY number")));
  query.Int(static_cast<int64_t>(revision));
  while (true) {
    bool row = false;
    VIGIE_ASSIGN_OR_RETURN(row, query.Step());
    if (!row) return absl::OkStatus();
    EntryRecord entry = ReadEntryRow(query);
    VIGIE_RETURN_IF_ERROR(LoadFingerprints(reads_, entry));
    VIGIE_RETURN_IF_ERROR(visit(entry));
  }
}

absl::StatusOr<uint64_t> SqliteStore::ReadCheckpointMark() {
  const std::lock_guard lock(reader_mutex_);
  int64_t mark = 0;
  VIGIE_ASSIGN_OR_RETURN(mark, reader_->QueryInt("SELECT value FROM meta WHERE key='checkpoint'"));
  return static_cast<uint64_t>(mark);
}

absl::Status SqliteStore::SetCheckpointMark(uint64_t mark) {
  const std::lock_guard lock(reader_mutex_);
  SqlStatement update;
  VIGIE_ASSIGN_OR_RETURN(update,
                         reader_->Prepare("UPDATE meta SET value=? WHERE key='checkpoint'"));
  return update.Int(static_cast<int64_t>(mark)).Run();
}

absl::StatusOr<std::vector<KeyRecord>> SqliteStore::ReadKeys() {
  std::vector<KeyRecord> keys;
  VIGIE_RETURN_IF_ERROR(
      ForEach(absl::StrCat("SELECT ", kKeyColumns, " FROM keys ORDER BY created_us, id"),
              [&keys](const SqlStatement& row) {
                keys.push_back(ReadKey(row));
                return absl::OkStatus();
              }));
  return keys;
}

absl::Status SqliteStore::InsertKey(const KeyRecord& key) {
  const std::lock_guard lock(reader_mutex_);
  SqlStatement insert;
  VIGIE_ASSIGN_OR_RETURN(insert, reader_->Prepare(InsertSql("keys", kKeyColumns)));
  BindKey(insert, key);
  const absl::Status status = insert.Run();
  if (ReasonOf(status) == "CONSTRAINT") {
    return Error(absl::StatusCode::kAlreadyExists, "KEY_EXISTS", "a key with this id exists");
  }
  ++own_key_changes_;
  return status;
}

absl::Status SqliteStore::RevokeKey(std::string_view id, TimeUs now) {
  const std::lock_guard lock(reader_mutex_);
  SqlStatement update;
  VIGIE_ASSIGN_OR_RETURN(
      update, reader_->Prepare("UPDATE keys SET revoked_us=iif(revoked_us=0, ?, revoked_us) "
                               "WHERE id=? RETURNING id"));
  bool found = false;
  VIGIE_ASSIGN_OR_RETURN(found, update.Int(now).Text(id).Step());
  if (!found) {
    return Error(absl::StatusCode::kNotFound, "KEY_NOT_FOUND",
                 "no key has this id: see `vigie key list`");
  }
  ++own_key_changes_;
  return update.Run();
}

absl::StatusOr<uint64_t> SqliteStore::KeysVersion() {
  const std::lock_guard lock(reader_mutex_);
  int64_t others = 0;  // changes when another connection has committed
  VIGIE_ASSIGN_OR_RETURN(others, reader_->QueryInt("PRAGMA data_version"));
  return (static_cast<uint64_t>(others) << 32) + own_key_changes_;
}

absl::Status SqliteStore::CheckIntegrity() {
  // On a connection of its own: it takes minutes on a large database, and nobody waits for it.
  std::unique_ptr<SqlConnection> connection;
  VIGIE_ASSIGN_OR_RETURN(connection, SqlConnection::Open(path_));
  SqlStatement check;
  VIGIE_ASSIGN_OR_RETURN(check, connection->Prepare("PRAGMA integrity_check(1)"));
  bool row = false;
  VIGIE_ASSIGN_OR_RETURN(row, check.Step());
  const std::string finding = row ? check.GetText(0) : "no answer";
  if (finding == "ok") return absl::OkStatus();
  return Error(absl::StatusCode::kDataLoss, "DATABASE_CORRUPT",
               absl::StrCat("the database is damaged (", finding, "): restore a backup"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const std::string& path) {
  return SqliteStore::Open(path);
}

}  // namespace vigie
