#include "engine/store/sqlite_integrity.h"

#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "engine/store/event_chain.h"
#include "engine/store/sqlite_records.h"
#include "engine/store/sqlite_schema.h"

namespace vigie {
namespace {

// Rows that are read in one go. Between two, the log may be written back.
constexpr int64_t kSlice = 20'000;

// The tables, their columns and their indexes, in words. Not the statements that made them: another
// SQLite may write these otherwise.
constexpr char kShape[] = R"sql(
SELECT m.name || ' ' || c.name || ' ' || c.type || ' ' || c."notnull" || ' ' ||
       ifnull(c.dflt_value, '') || ' ' || c.pk
  FROM sqlite_schema m, pragma_table_xinfo(m.name) c
  WHERE m.type='table' AND m.name NOT LIKE 'sqlite_%'
UNION ALL
SELECT m.name || ' ' || i.name || ' ' || i."unique" || ' ' || i.partial || ' ' ||
       ifnull(c.name, '') || ' ' || c.seqno
  FROM sqlite_schema m, pragma_index_list(m.name) i, pragma_index_xinfo(i.name) c
  WHERE m.type='table' AND m.name NOT LIKE 'sqlite_%'
ORDER BY 1)sql";

absl::StatusOr<std::string> ShapeOf(SqlConnection& db) {
  SqlStatement query;
  VIGIE_ASSIGN_OR_RETURN(query, db.Prepare(kShape));
  std::string shape;
  while (true) {
    bool row = false;
    VIGIE_ASSIGN_OR_RETURN(row, query.Step());
    if (!row) return shape;
    absl::StrAppend(&shape, query.GetText(0), "\n");
  }
}

absl::Status CheckShape(SqlConnection& db) {
  std::unique_ptr<SqlConnection> made;
  VIGIE_ASSIGN_OR_RETURN(made, SqlConnection::Open(":memory:"));
  VIGIE_RETURN_IF_ERROR(MigrateSchema(*made));
  std::string expected;
  VIGIE_ASSIGN_OR_RETURN(expected, ShapeOf(*made));
  std::string found;
  VIGIE_ASSIGN_OR_RETURN(found, ShapeOf(db));
  if (found == expected) return absl::OkStatus();
  return DatabaseDamaged("its tables are not those that this program makes");
}

absl::Status CheckPages(SqlConnection& db) {
  SqlStatement check;
  VIGIE_ASSIGN_OR_RETURN(check, db.Prepare("PRAGMA integrity_check(1)"));
  bool row = false;
  VIGIE_ASSIGN_OR_RETURN(row, check.Step());
  const std::string finding = row ? check.GetText(0) : "no answer";
  return finding == "ok" ? absl::OkStatus() : DatabaseDamaged(finding);
}

std::string NameColumn(const SummedTable& table) {
  const std::string_view columns = table.columns;
  return std::string(columns.substr(0, columns.find(',')));
}

absl::Status CheckSmallTable(SqlConnection& db, const SummedTable& table) {
  SqlStatement query;
  VIGIE_ASSIGN_OR_RETURN(query, db.Prepare(absl::StrCat("SELECT ", NameColumn(table), ", ",
                                                        RowCheck(table), " FROM ", table.name)));
  while (true) {
    bool row = false;
    VIGIE_ASSIGN_OR_RETURN(row, query.Step());
    if (!row) return absl::OkStatus();
    VIGIE_RETURN_IF_ERROR(CheckRow(query, table));
  }
}

// A table whose rows are named by numbers; those up to `complete` must all be there.
absl::Status CheckLargeTable(SqlConnection& db, const SummedTable& table, int64_t complete,
                             const std::function<bool()>& go_on) {
  const std::string name = NameColumn(table);
  SqlStatement query;
  VIGIE_ASSIGN_OR_RETURN(
      query, db.Prepare(absl::StrCat("SELECT ", name, ", ", RowCheck(table), " FROM ", table.name,
                                     " WHERE ", name, ">? ORDER BY ", name, " LIMIT ", kSlice)));
  int64_t last = 0;
  for (int64_t rows = kSlice; rows == kSlice;) {
    if (go_on && !go_on()) return absl::CancelledError("the check was ended");
    query.Int(last);
    for (rows = 0;; ++rows) {
      bool row = false;
      VIGIE_ASSIGN_OR_RETURN(row, query.Step());
      if (!row) break;
      VIGIE_RETURN_IF_ERROR(CheckRow(query, table));
      const int64_t number = query.GetInt(0);
      if (last < complete && number != last + 1) {
        return DatabaseDamaged(
            absl::StrCat("row ", last + 1, " of table ", table.name, " is lost"));
      }
      last = number;
    }
  }
  if (last >= complete) return absl::OkStatus();
  return DatabaseDamaged(absl::StrCat("row ", last + 1, " of table ", table.name, " is lost"));
}

absl::Status CheckEvents(SqlConnection& db, const std::function<bool()>& go_on) {
  SqlStatement query;
  VIGIE_ASSIGN_OR_RETURN(query,
                         db.Prepare(absl::StrCat("SELECT ", kEventColumns, " FROM events WHERE ",
                                                 "number>? ORDER BY number LIMIT ", kSlice)));
  EventDigest digest{};
  uint64_t last = 0;
  for (int64_t rows = kSlice; rows == kSlice;) {
    if (go_on && !go_on()) return absl::CancelledError("the check was ended");
    query.Int(static_cast<int64_t>(last));
    for (rows = 0;; ++rows) {
      bool row = false;
      VIGIE_ASSIGN_OR_RETURN(row, query.Step());
      if (!row) break;
      const EventRecord event = ReadEvent(query);
      digest = DigestOf(event, digest);
      if (event.number != ++last || event.digest != digest) {
        return DatabaseDamaged(absl::StrCat("row ", last, " of table events is lost, or not as it ",
                                            "was written: see `vigie audit verify`"));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckDatabase(const std::string& path, Access access, Thoroughness thoroughness,
                           const std::function<bool()>& go_on) {
  std::unique_ptr<SqlConnection> db;
  VIGIE_ASSIGN_OR_RETURN(db, SqlConnection::Open(path, access));
  if (go_on) db->AskWhetherToGoOn(go_on);
  VIGIE_RETURN_IF_ERROR(CheckShape(*db));
  // Before the rows: what follows reads numbers from here.
  for (const SummedTable& table :
       {kMetaTable, kListTable, kKeyTable, kOrganisationTable, kFeedbackTable}) {
    VIGIE_RETURN_IF_ERROR(CheckSmallTable(*db, table));
  }
  if (thoroughness == Thoroughness::kEssentials) return absl::OkStatus();
  int64_t entries = 0;
  VIGIE_ASSIGN_OR_RETURN(entries, db->QueryInt("SELECT value FROM meta WHERE key='entries'"));
  VIGIE_RETURN_IF_ERROR(CheckPages(*db));
  VIGIE_RETURN_IF_ERROR(CheckLargeTable(*db, kEntryTable, entries, go_on));
  VIGIE_RETURN_IF_ERROR(CheckLargeTable(*db, kFingerprintTable, 0, go_on));
  VIGIE_RETURN_IF_ERROR(CheckLargeTable(*db, kHeadTable, 0, go_on));
  VIGIE_RETURN_IF_ERROR(CheckLargeTable(*db, kLocalTable, 0, go_on));
  return CheckEvents(*db, go_on);
}

}  // namespace vigie
