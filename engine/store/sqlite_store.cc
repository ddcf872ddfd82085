#include "engine/store/sqlite_store.h"

#include <cstring>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/store/sqlite.h"
#include "engine/store/sqlite_file.h"
#include "engine/store/sqlite_integrity.h"
#include "engine/store/sqlite_keys.h"
#include "engine/store/sqlite_records.h"
#include "engine/store/sqlite_schema.h"
#include "engine/store/sqlite_statements.h"
#include "engine/store/sqlite_transaction.h"

namespace vigie {
namespace {

// An upload touches pages all over the index of references. KiB of them that stay in memory, where
// 2 MiB are the default: the writer would read most of them again for each commit. And pages in the
// log before it is written back, 1000 by default: fewer write-backs, of pages that many commits
// have touched meanwhile. Neither has a part in what is durable when.
constexpr char kWriterSettings[] = "PRAGMA cache_size=-65536; PRAGMA wal_autocheckpoint=49152";

// Three connections: the writer's, used by one Transaction at a time; the readers', behind a mutex;
// and one for the small changes beside Transactions, which wait for the writer: readers must not
// wait with them. WAL lets them work side by side.
class SqliteStore final : public Store {
 public:
  static absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& path, Access access);

  absl::StatusOr<std::unique_ptr<Transaction>> Begin() override {
    VIGIE_RETURN_IF_ERROR(writer_->Exec("BEGIN IMMEDIATE"));
    return MakeSqliteTransaction(*writer_, writes_, verdict_writer_);
  }

  absl::StatusOr<Counters> ReadCounters() override;
  absl::StatusOr<std::vector<ListRecord>> ReadLists() override;
  absl::StatusOr<std::vector<EntryRecord>> ReadEntries(ListNumber list, EntryNumber after,
                                                       int limit) override;
  absl::StatusOr<std::optional<EntryRecord>> ReadEntry(EntryNumber number) override;
  absl::Status ScanEntries(const std::function<absl::Status(const EntryHead&)>& visit) override;
  absl::Status ScanFingerprints(
      const std::function<absl::Status(const FingerprintRow&)>& visit) override;
  absl::Status ScanLocal(
      const std::function<absl::Status(EntryNumber, std::string_view)>& visit) override;
  absl::Status ScanEntriesSince(
      Revision revision, const std::function<absl::Status(const EntryRecord&)>& visit) override;
  absl::StatusOr<std::vector<EntryNumber>> ReadDue(TimeUs now, int limit) override;
  absl::StatusOr<std::vector<Deadline>> ReadUndecided(const Deadline& after, TimeUs review_us,
                                                      int limit) override;
  absl::StatusOr<uint64_t> CountInState(EntryState state) override;
  absl::Status ScanEvents(uint64_t after,
                          const std::function<absl::Status(const EventRecord&)>& visit) override;
  absl::StatusOr<std::vector<EventRecord>> ReadSubmissions(TimeUs since) override;
  absl::StatusOr<std::vector<EventRecord>> ReadEvents(EntryNumber entry) override;
  absl::StatusOr<std::optional<EventRecord>> ReadLastEvent() override;
  absl::StatusOr<std::vector<HeadRecord>> ReadHeads() override;
  absl::StatusOr<std::optional<HeadRecord>> ReadLastHead() override;
  absl::Status InsertHead(const HeadRecord& head) override;
  absl::StatusOr<bool> ScrubLog() override;
  absl::StatusOr<uint64_t> ReadCheckpointMark() override;
  absl::Status SetCheckpointMark(uint64_t mark) override;
  absl::StatusOr<std::vector<KeyRecord>> ReadKeys() override;
  absl::Status InsertKey(const KeyRecord& key) override;
  absl::Status RevokeKey(std::string_view id, TimeUs now) override;
  absl::Status RotateKey(std::string_view id, TimeUs until, const KeyRecord& next) override;
  absl::StatusOr<std::vector<OrganisationRecord>> ReadOrganisations() override;
  absl::Status SetOrganisation(const OrganisationRecord& organisation) override;
  absl::StatusOr<uint64_t> KeysVersion() override;
  VerdictLog& verdicts() override { return *verdict_log_; }
  std::array<uint8_t, 16> seal_key() const override { return seal_key_; }
  absl::Status CheckIntegrity(Thoroughness thoroughness,
                              const std::function<bool()>& go_on) override {
    return CheckDatabase(path_, access_, thoroughness, go_on);
  }

 private:
  // Runs `sql` on the readers' connection and calls `visit` with each row.
  absl::Status ForEach(const std::string& sql,
                       const std::function<absl::Status(const SqlStatement&)>& visit);
  // Runs `change` as one transaction of the third connection; waits for a Transaction.
  absl::Status InOwnTransaction(const std::function<absl::Status()>& change);
  absl::Status Connect();
  absl::Status BeginChain();

  std::string path_;
  Access access_ = Access::kReadWrite;
  std::unique_ptr<SqlConnection> writer_;
  Statements writes_;
  VerdictWriter verdict_writer_;
  std::unique_ptr<VerdictLog> verdict_log_;
  std::mutex reader_mutex_;
  std::unique_ptr<SqlConnection> reader_;
  Statements reads_;
  std::mutex side_mutex_;
  std::unique_ptr<SqlConnection> side_;
  Statements side_statements_;
  std::array<uint8_t, 16> seal_key_{};
};

absl::StatusOr<std::unique_ptr<Store>> SqliteStore::Open(const std::string& path, Access access) {
  auto store = std::make_unique<SqliteStore>();
  store->path_ = path;
  store->access_ = access;
  if (access == Access::kReadWrite) VIGIE_RETURN_IF_ERROR(MakePrivate(path));
  VIGIE_ASSIGN_OR_RETURN(store->writer_, SqlConnection::Open(path, access));
  if (access == Access::kReadWrite) {
    VIGIE_RETURN_IF_ERROR(UseWal(*store->writer_));
    VIGIE_RETURN_IF_ERROR(store->writer_->Exec(kWriterSettings));
    VIGIE_RETURN_IF_ERROR(MigrateSchema(*store->writer_));
  } else {
    VIGIE_RETURN_IF_ERROR(CheckSchemaIsCurrent(*store->writer_));
  }
  VIGIE_RETURN_IF_ERROR(store->Connect());
  if (access == Access::kReadWrite) {
    VIGIE_RETURN_IF_ERROR(store->BeginChain());
    // After a crash the log may hold what was erased shortly before.
    VIGIE_RETURN_IF_ERROR(store->ScrubLog().status());
  }

  std::string key;
  VIGIE_RETURN_IF_ERROR(store->ForEach("SELECT value FROM meta WHERE key='seal_key'",
                                       [&key](const SqlStatement& row) {
                                         key = row.GetText(0);
                                         return absl::OkStatus();
                                       }));
  if (key.size() != store->seal_key_.size()) {
    return Error(absl::StatusCode::kDataLoss, "DATABASE_DAMAGED",
                 "the database has lost the key of its identifiers: restore a backup");
  }
  std::memcpy(store->seal_key_.data(), key.data(), key.size());
  return store;
}

absl::Status SqliteStore::Connect() {
  VIGIE_ASSIGN_OR_RETURN(writes_, Statements::Prepare(*writer_));
  VIGIE_ASSIGN_OR_RETURN(reader_, SqlConnection::Open(path_, access_));
  VIGIE_ASSIGN_OR_RETURN(reads_, Statements::Prepare(*reader_));
  VIGIE_ASSIGN_OR_RETURN(side_, SqlConnection::Open(path_, access_));
  VIGIE_ASSIGN_OR_RETURN(side_statements_, Statements::Prepare(*side_));
  VIGIE_ASSIGN_OR_RETURN(verdict_writer_, VerdictWriter::Prepare(*writer_));
  VIGIE_ASSIGN_OR_RETURN(verdict_log_, OpenSqliteVerdictLog(path_, access_));
  return absl::OkStatus();
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
    if (key == "lost_after") counters.lost_after = static_cast<Revision>(row.GetInt(1));
    if (key == "lost_before") counters.lost_before = static_cast<Revision>(row.GetInt(1));
    if (key == "rows") counters.rows = static_cast<uint32_t>(row.GetInt(1));
    return absl::OkStatus();
  }));
  return counters;
}

absl::StatusOr<std::vector<ListRecord>> SqliteStore::ReadLists() {
  std::vector<ListRecord> lists;
  VIGIE_RETURN_IF_ERROR(
      ForEach(absl::StrCat("SELECT ", ColumnsAndCheck(kListTable), " FROM lists ORDER BY number"),
              [&lists](const SqlStatement& row) {
                VIGIE_RETURN_IF_ERROR(CheckRow(row, kListTable));
                lists.push_back(ReadList(row));
                return absl::OkStatus();
              }));
  return lists;
}

absl::StatusOr<std::vector<EntryRecord>> SqliteStore::ReadEntries(ListNumber list,
                                                                  EntryNumber after, int limit) {
  const std::lock_guard lock(reader_mutex_);
  std::vector<EntryRecord> entries;
  const ResetAtEnd reset(reads_.entries_of);
  reads_.entries_of.Int(list).Int(after).Int(limit);
  while (true) {
    bool row = false;
    VIGIE_ASSIGN_OR_RETURN(row, reads_.entries_of.Step());
    if (!row) break;
    VIGIE_RETURN_IF_ERROR(CheckRow(reads_.entries_of, kEntryTable));
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
  return ForEach(absl::StrCat("SELECT number, list, state, expires_us, court_basis, suspension, ",
                              RowCheck(kEntryTable), " FROM entries ORDER BY number"),
                 [&visit](const SqlStatement& row) -> absl::Status {
                   VIGIE_RETURN_IF_ERROR(CheckRow(row, kEntryTable));
                   return visit({.number = static_cast<EntryNumber>(row.GetInt(0)),
                                 .list = static_cast<ListNumber>(row.GetInt(1)),
                                 .state = static_cast<EntryState>(row.GetInt(2)),
                                 .expires_us = row.GetInt(3),
                                 .court_basis = row.GetInt(4) != 0,
                                 .suspension = static_cast<Suspension>(row.GetInt(5))});
                 });
}

absl::Status SqliteStore::ScanFingerprints(
    const std::function<absl::Status(const FingerprintRow&)>& visit) {
  return ForEach(absl::StrCat("SELECT ", ColumnsAndCheck(kFingerprintTable),
                              " FROM fingerprints ORDER BY row"),
                 [&visit](const SqlStatement& row) -> absl::Status {
                   VIGIE_RETURN_IF_ERROR(CheckRow(row, kFingerprintTable));
                   return visit(ReadFingerprint(row));
                 });
}

absl::Status SqliteStore::ScanLocal(
    const std::function<absl::Status(EntryNumber, std::string_view)>& visit) {
  return ForEach(
      absl::StrCat("SELECT ", ColumnsAndCheck(kLocalTable), " FROM local_fingerprints ORDER BY 1"),
      [&visit](const SqlStatement& row) -> absl::Status {
        VIGIE_RETURN_IF_ERROR(CheckRow(row, kLocalTable));
        return visit(static_cast<EntryNumber>(row.GetInt(0)), row.GetText(1));
      });
}

absl::Status SqliteStore::ScanEntriesSince(
    Revision revision, const std::function<absl::Status(const EntryRecord&)>& visit) {
  const std::lock_guard lock(reader_mutex_);
  SqlStatement query;
  // Numbers are sorted, not whole entries; and never found by reading everything.
  VIGIE_ASSIGN_OR_RETURN(
      query, reader_->Prepare(absl::StrCat(
                 "SELECT ", ColumnsAndCheck(kEntryTable),
                 " FROM entries WHERE number IN (SELECT number FROM ",
                 "entries INDEXED BY entries_by_revision WHERE revision>?) ORDER BY number")));
  query.Int(static_cast<int64_t>(revision));
  while (true) {
    bool row = false;
    VIGIE_ASSIGN_OR_RETURN(row, query.Step());
    if (!row) return absl::OkStatus();
    VIGIE_RETURN_IF_ERROR(CheckRow(query, kEntryTable));
    EntryRecord entry = ReadEntryRow(query);
    VIGIE_RETURN_IF_ERROR(LoadFingerprints(reads_, entry));
    VIGIE_RETURN_IF_ERROR(visit(entry));
  }
}

absl::StatusOr<std::vector<EntryNumber>> SqliteStore::ReadDue(TimeUs now, int limit) {
  const std::lock_guard lock(reader_mutex_);
  reads_.due.Int(now).Int(limit);
  std::vector<EntryNumber> due;
  while (true) {
    bool row = false;
    VIGIE_ASSIGN_OR_RETURN(row, reads_.due.Step());
    if (!row) return due;
    due.push_back(static_cast<EntryNumber>(reads_.due.GetInt(0)));
  }
}

absl::StatusOr<std::vector<Deadline>> SqliteStore::ReadUndecided(const Deadline& after,
                                                                 TimeUs review_us, int limit) {
  const std::string from = absl::StrCat("(", after.time_us, ",", after.entry, ")");
  const std::string end = absl::StrCat(" ORDER BY 2, 1 LIMIT ", limit);
  std::vector<Deadline> found;
  VIGIE_RETURN_IF_ERROR(ForEach(
      absl::StrCat(
          "SELECT * FROM (SELECT number, expires_us FROM entries INDEXED BY entries_by_expiry "
          "WHERE state IN (2, 4) AND expires_us>0 AND (expires_us, number)>",
          from, end, ") UNION ALL SELECT * FROM (SELECT number, updated_us+", review_us,
          " FROM entries INDEXED BY entries_contested WHERE state=4 AND expires_us=0 AND "
          "(updated_us+",
          review_us, ", number)>", from, end, ")", end),
      [&found](const SqlStatement& row) {
        found.push_back({row.GetInt(1), static_cast<EntryNumber>(row.GetInt(0))});
        return absl::OkStatus();
      }));
  return found;
}

absl::StatusOr<uint64_t> SqliteStore::CountInState(EntryState state) {
  const std::lock_guard lock(reader_mutex_);
  int64_t count = 0;
  VIGIE_ASSIGN_OR_RETURN(count,
                         reader_->QueryInt(absl::StrCat("SELECT count(*) FROM entries WHERE state=",
                                                        static_cast<int>(state))));
  return static_cast<uint64_t>(count);
}

absl::Status SqliteStore::BeginChain() {
  return InOwnTransaction([this]() -> absl::Status {
    int64_t events = 0;
    VIGIE_ASSIGN_OR_RETURN(events, side_->QueryInt("SELECT EXISTS (SELECT 1 FROM events)"));
    if (events != 0)
      return NoteMigratedOrganisations(*side_, side_statements_, SystemClock().Now());
    // Says how many entries there were before events were kept.
    int64_t entries = 0;
    VIGIE_ASSIGN_OR_RETURN(entries, side_->QueryInt("SELECT value FROM meta WHERE key='entries'"));
    uint64_t revision = 0;
    VIGIE_ASSIGN_OR_RETURN(revision, OneNumber(side_statements_.last_revision));
    EventRecord genesis{.time_us = SystemClock().Now(),
                        .kind = EventKind::kGenesis,
                        .last_entry = static_cast<EntryNumber>(entries),
                        .revision = revision};
    VIGIE_RETURN_IF_ERROR(AppendEvent(side_statements_, genesis));
    return NoteMigratedOrganisations(*side_, side_statements_, genesis.time_us);
  });
}

absl::Status SqliteStore::ScanEvents(uint64_t after,
                                     const std::function<absl::Status(const EventRecord&)>& visit) {
  return ForEach(absl::StrCat("SELECT ", kEventColumns, " FROM events WHERE number>", after,
                              " ORDER BY number"),
                 [&visit](const SqlStatement& row) { return visit(ReadEvent(row)); });
}

absl::StatusOr<std::vector<EventRecord>> SqliteStore::ReadSubmissions(TimeUs since) {
  std::vector<EventRecord> found;
  const absl::Status end = absl::CancelledError();
  const absl::Status status = ForEach(
      absl::StrCat("SELECT ", kEventColumns,
                   " FROM events INDEXED BY events_submitted WHERE kind=7 ORDER BY entry DESC"),
      [&](const SqlStatement& row) {
        found.push_back(ReadEvent(row));
        return found.back().time_us < since ? end : absl::OkStatus();
      });
  if (status == end) found.pop_back();
  if (status != end && !status.ok()) return status;
  return found;
}

absl::StatusOr<std::vector<EventRecord>> SqliteStore::ReadEvents(EntryNumber entry) {
  const std::string events = absl::StrCat("SELECT ", kEventColumns, " FROM events ");
  std::vector<EventRecord> found;
  const auto take = [&](const SqlStatement& row) {
    const EventRecord event = ReadEvent(row);
    if (event.entry <= entry && entry <= event.last_entry) found.push_back(event);
    return absl::OkStatus();
  };
  // Submissions are of ranges that do not overlap: the last one that begins at or before it.
  VIGIE_RETURN_IF_ERROR(ForEach(
      absl::StrCat(events, "WHERE kind=7 AND entry<=", entry, " ORDER BY entry DESC LIMIT 1"),
      take));
  if (!found.empty()) {
    // What is said of entries at their submission follows it.
    const absl::Status end = absl::CancelledError();
    const absl::Status status =
        ForEach(absl::StrCat(events, "WHERE number>", found[0].number, " ORDER BY number"),
                [&](const SqlStatement& row) {
                  return ReadEvent(row).kind == EventKind::kAllowConflict ? take(row) : end;
                });
    if (status != end && !status.ok()) return status;
  }
  // Those that add local fingerprints likewise: an entry gains one once.
  const std::string later = absl::StrCat(
      "SELECT number FROM events WHERE kind>100 AND kind<200 AND entry=", entry,
      " UNION ALL SELECT * FROM (SELECT number FROM events WHERE kind=16 AND entry<=", entry,
      " ORDER BY entry DESC LIMIT 1)");
  VIGIE_RETURN_IF_ERROR(
      ForEach(absl::StrCat(events, "WHERE number IN (", later, ") ORDER BY number"), take));
  return found;
}

absl::StatusOr<std::optional<EventRecord>> SqliteStore::ReadLastEvent() {
  std::optional<EventRecord> last;
  VIGIE_RETURN_IF_ERROR(
      ForEach(absl::StrCat("SELECT ", kEventColumns, " FROM events ORDER BY number DESC LIMIT 1"),
              [&last](const SqlStatement& row) {
                last = ReadEvent(row);
                return absl::OkStatus();
              }));
  return last;
}

absl::StatusOr<std::vector<HeadRecord>> SqliteStore::ReadHeads() {
  std::vector<HeadRecord> heads;
  VIGIE_RETURN_IF_ERROR(
      ForEach(absl::StrCat("SELECT ", kHeadTable.columns, " FROM event_heads ORDER BY number"),
              [&heads](const SqlStatement& row) {
                heads.push_back(ReadHead(row));
                return absl::OkStatus();
              }));
  return heads;
}

absl::StatusOr<std::optional<HeadRecord>> SqliteStore::ReadLastHead() {
  std::optional<HeadRecord> last;
  VIGIE_RETURN_IF_ERROR(ForEach(
      absl::StrCat("SELECT ", kHeadTable.columns, " FROM event_heads ORDER BY number DESC LIMIT 1"),
      [&last](const SqlStatement& row) {
        last = ReadHead(row);
        return absl::OkStatus();
      }));
  return last;
}

absl::Status SqliteStore::InsertHead(const HeadRecord& head) {
  return InOwnTransaction([&]() -> absl::Status {
    SqlStatement insert;
    VIGIE_ASSIGN_OR_RETURN(insert, side_->Prepare(InsertWithSum(kHeadTable)));
    BindHead(insert, head);
    return insert.Run();
  });
}

absl::StatusOr<bool> SqliteStore::ScrubLog() {
  // On a connection of its own, which alone gives up soon: meanwhile writers wait.
  std::unique_ptr<SqlConnection> connection;
  VIGIE_ASSIGN_OR_RETURN(connection, SqlConnection::Open(path_));
  VIGIE_RETURN_IF_ERROR(connection->Exec("PRAGMA busy_timeout=200"));
  int64_t busy = 0;
  VIGIE_ASSIGN_OR_RETURN(busy, connection->QueryInt("PRAGMA wal_checkpoint(TRUNCATE)"));
  return busy == 0;
}

absl::StatusOr<uint64_t> SqliteStore::ReadCheckpointMark() {
  const std::lock_guard lock(reader_mutex_);
  int64_t mark = 0;
  VIGIE_ASSIGN_OR_RETURN(mark, reader_->QueryInt("SELECT value FROM meta WHERE key='checkpoint'"));
  return static_cast<uint64_t>(mark);
}

absl::Status SqliteStore::SetCheckpointMark(uint64_t mark) {
  const std::lock_guard lock(side_mutex_);
  SqlStatement update;
  VIGIE_ASSIGN_OR_RETURN(update, side_->Prepare("UPDATE meta SET value=?1, sum=vigie_sum(key, ?1) "
                                                "WHERE key='checkpoint'"));
  return update.Int(static_cast<int64_t>(mark)).Run();
}

absl::StatusOr<std::vector<KeyRecord>> SqliteStore::ReadKeys() {
  const std::lock_guard lock(reader_mutex_);
  return vigie::ReadKeys(*reader_);
}

absl::StatusOr<std::vector<OrganisationRecord>> SqliteStore::ReadOrganisations() {
  const std::lock_guard lock(reader_mutex_);
  return vigie::ReadOrganisations(*reader_);
}

absl::Status SqliteStore::InOwnTransaction(const std::function<absl::Status()>& change) {
  const std::lock_guard lock(side_mutex_);
  VIGIE_RETURN_IF_ERROR(side_->Exec("BEGIN IMMEDIATE"));
  absl::Status status = change();
  if (status.ok()) status = side_->Commit();
  if (!status.ok() && side_->InTransaction()) side_->Exec("ROLLBACK").IgnoreError();
  return status;
}

absl::Status SqliteStore::InsertKey(const KeyRecord& key) {
  return InOwnTransaction([&] { return vigie::InsertKey(*side_, side_statements_, key); });
}

absl::Status SqliteStore::RevokeKey(std::string_view id, TimeUs now) {
  return InOwnTransaction([&] { return vigie::RevokeKey(*side_, side_statements_, id, now); });
}

absl::Status SqliteStore::RotateKey(std::string_view id, TimeUs until, const KeyRecord& next) {
  return InOwnTransaction(
      [&] { return vigie::RotateKey(*side_, side_statements_, id, until, next); });
}

absl::Status SqliteStore::SetOrganisation(const OrganisationRecord& organisation) {
  return InOwnTransaction(
      [&] { return vigie::SetOrganisation(*side_, side_statements_, organisation); });
}

absl::StatusOr<uint64_t> SqliteStore::KeysVersion() {
  const std::lock_guard lock(reader_mutex_);
  return OneNumber(reads_.keys_version);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const std::string& path) {
  return SqliteStore::Open(path, Access::kReadWrite);
}

absl::StatusOr<std::unique_ptr<Store>> OpenSealedStore(const std::string& path) {
  return SqliteStore::Open(path, Access::kSealed);
}

}  // namespace vigie
