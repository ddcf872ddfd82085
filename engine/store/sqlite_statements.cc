#include "engine/store/sqlite_statements.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "engine/store/event_chain.h"
#include "engine/store/sqlite_records.h"

namespace vigie {
std::string InsertSql(std::string_view table, std::string_view columns) {
  return absl::StrCat("INSERT INTO ", ToAbsl(table), "(", ToAbsl(columns), ") VALUES (",
                      NumberedPlaceholders(columns), ")");
}

namespace {

// An update of all columns but the first `kept`; a parameter for each column, also for those.
std::string UpdateSql(const SummedTable& table, size_t kept) {
  const std::vector<std::string> columns = absl::StrSplit(table.columns, ", ");
  const std::vector<std::string> marks = absl::StrSplit(NumberedPlaceholders(table.columns), ',');
  const auto first = static_cast<std::ptrdiff_t>(kept);
  std::vector<std::string> after(columns.begin(), columns.begin() + first);
  after.insert(after.end(), marks.begin() + first, marks.end());
  return absl::StrCat("UPDATE ", table.name, " SET (",
                      absl::StrJoin(columns.begin() + first, columns.end(), ","), ",sum)=(",
                      absl::StrJoin(marks.begin() + first, marks.end(), ","), ",vigie_sum(",
                      absl::StrJoin(after, ","), ")) WHERE ", columns[0], "=?1");
}

}  // namespace

absl::StatusOr<Statements> Statements::Prepare(SqlConnection& db) {
  const std::string entries =
      absl::StrCat("SELECT ", ColumnsAndCheck(kEntryTable), " FROM entries WHERE ");
  Statements s;
  VIGIE_ASSIGN_OR_RETURN(
      s.list_by_id,
      db.Prepare(absl::StrCat("SELECT ", ColumnsAndCheck(kListTable), " FROM lists WHERE id=?")));
  VIGIE_ASSIGN_OR_RETURN(s.entry_by_number, db.Prepare(entries + "number=?"));
  VIGIE_ASSIGN_OR_RETURN(s.entry_by_reference,
                         db.Prepare(entries + "list=? AND external_reference=?"));
  VIGIE_ASSIGN_OR_RETURN(s.entries_of,
                         db.Prepare(entries + "list=? AND number>? ORDER BY number LIMIT ?"));
  VIGIE_ASSIGN_OR_RETURN(s.fingerprints_of,
                         db.Prepare(absl::StrCat("SELECT ", ColumnsAndCheck(kFingerprintTable),
                                                 " FROM fingerprints WHERE row>=? AND entry=? "
                                                 "AND row<?+256 ORDER BY row")));
  VIGIE_ASSIGN_OR_RETURN(s.local_of,
                         db.Prepare(absl::StrCat("SELECT ", ColumnsAndCheck(kLocalTable),
                                                 " FROM local_fingerprints WHERE entry=?")));
  VIGIE_ASSIGN_OR_RETURN(s.insert_local, db.Prepare(InsertWithSum(kLocalTable)));
  VIGIE_ASSIGN_OR_RETURN(s.delete_local,
                         db.Prepare("DELETE FROM local_fingerprints WHERE entry=?"));
  VIGIE_ASSIGN_OR_RETURN(s.insert_list, db.Prepare(InsertWithSum(kListTable)));
  VIGIE_ASSIGN_OR_RETURN(s.update_list, db.Prepare(UpdateSql(kListTable, 0)));
  VIGIE_ASSIGN_OR_RETURN(s.insert_entry, db.Prepare(InsertWithSum(kEntryTable)));
  VIGIE_ASSIGN_OR_RETURN(s.erase_entry, db.Prepare(UpdateSql(kEntryTable, 0)));
  // An index is written when a column of it is named, whether its value changes or not: the one of
  // references, whose pages lie everywhere, costs more than the rest of the update.
  VIGIE_ASSIGN_OR_RETURN(s.update_entry, db.Prepare(UpdateSql(kEntryTable, 3)));
  VIGIE_ASSIGN_OR_RETURN(s.insert_fingerprint, db.Prepare(InsertWithSum(kFingerprintTable)));
  VIGIE_ASSIGN_OR_RETURN(s.count_entries, db.Prepare("SELECT count(*) FROM entries WHERE list=?"));
  VIGIE_ASSIGN_OR_RETURN(s.last_revision,
                         db.Prepare("SELECT value FROM meta WHERE key='revision'"));
  VIGIE_ASSIGN_OR_RETURN(s.keys_version, db.Prepare("SELECT value FROM meta WHERE key='keys'"));
  VIGIE_ASSIGN_OR_RETURN(s.keys_changed,
                         db.Prepare("UPDATE meta SET value=value+1, sum=vigie_sum(key, value+1) "
                                    "WHERE key='keys'"));
  VIGIE_ASSIGN_OR_RETURN(s.set_meta, db.Prepare("UPDATE meta SET value=?1, sum=vigie_sum(key, ?1) "
                                                "WHERE key=?2"));
  VIGIE_ASSIGN_OR_RETURN(s.delete_fingerprints,
                         db.Prepare("DELETE FROM fingerprints WHERE row>=? AND entry=? AND "
                                    "row<?+256"));
  VIGIE_ASSIGN_OR_RETURN(s.move_fingerprints,
                         db.Prepare("UPDATE fingerprints SET row=?1+position, "
                                    "sum=vigie_sum(?1+position, entry, position, algorithm, value, "
                                    "quality, profile, decode_mode) "
                                    "WHERE row>=?2 AND entry=?3 AND row<?4+256"));
  VIGIE_ASSIGN_OR_RETURN(s.due,
                         db.Prepare("SELECT number FROM entries INDEXED BY entries_by_expiry WHERE "
                                    "state IN (2, 4) AND expires_us>0 AND "
                                    "expires_us<=? ORDER BY expires_us LIMIT ?"));
  VIGIE_ASSIGN_OR_RETURN(s.first_row, db.Prepare("SELECT first_row FROM entries WHERE number=?"));
  VIGIE_ASSIGN_OR_RETURN(s.insert_event, db.Prepare(InsertSql("events", kEventColumns)));
  VIGIE_ASSIGN_OR_RETURN(
      s.last_event, db.Prepare("SELECT number, digest FROM events ORDER BY number DESC LIMIT 1"));
  return s;
}

namespace {

absl::Status LoadLocal(Statements& s, EntryRecord& entry) {
  const ResetAtEnd reset(s.local_of);
  bool row = false;
  VIGIE_ASSIGN_OR_RETURN(row, s.local_of.Int(entry.number).Step());
  if (!row) return absl::OkStatus();
  VIGIE_RETURN_IF_ERROR(CheckRow(s.local_of, kLocalTable));
  entry.local = s.local_of.GetText(1);
  return absl::OkStatus();
}

}  // namespace

absl::Status LoadFingerprints(Statements& s, EntryRecord& entry) {
  VIGIE_RETURN_IF_ERROR(LoadLocal(s, entry));
  const ResetAtEnd reset(s.fingerprints_of);
  s.fingerprints_of.Int(entry.first_row).Int(entry.number).Int(entry.first_row);
  while (true) {
    bool row = false;
    VIGIE_ASSIGN_OR_RETURN(row, s.fingerprints_of.Step());
    if (!row) return absl::OkStatus();
    VIGIE_RETURN_IF_ERROR(CheckRow(s.fingerprints_of, kFingerprintTable));
    entry.fingerprints.push_back(ReadFingerprint(s.fingerprints_of).fingerprint);
  }
}

absl::StatusOr<std::optional<EntryRecord>> OneEntry(Statements& s, SqlStatement& query) {
  bool row = false;
  VIGIE_ASSIGN_OR_RETURN(row, query.Step());
  if (!row) return std::nullopt;
  EntryRecord entry = ReadEntryRow(query);
  const absl::Status sound = CheckRow(query, kEntryTable);
  query.Reset();
  VIGIE_RETURN_IF_ERROR(sound);
  VIGIE_RETURN_IF_ERROR(LoadFingerprints(s, entry));
  return entry;
}

absl::StatusOr<uint64_t> OneNumber(SqlStatement& query) {
  bool row = false;
  VIGIE_ASSIGN_OR_RETURN(row, query.Step());
  const int64_t number = row ? query.GetInt(0) : 0;
  query.Reset();
  return static_cast<uint64_t>(number);
}

absl::Status AppendEvent(Statements& s, EventRecord& event) {
  bool any = false;
  VIGIE_ASSIGN_OR_RETURN(any, s.last_event.Step());
  EventDigest previous{};
  event.number = 1;
  if (any) {
    event.number = static_cast<uint64_t>(s.last_event.GetInt(0)) + 1;
    const std::string digest = s.last_event.GetText(1);
    std::copy_n(digest.begin(), std::min(digest.size(), previous.size()), previous.begin());
    s.last_event.Reset();
  }
  event.digest = DigestOf(event, previous);
  BindEvent(s.insert_event, event);
  return s.insert_event.Run();
}

}  // namespace vigie
