// A checksum in every row of the tables that verdicts and rights depend on: SQLite has none of its
// pages, and a bit that rots in a value would else be a picture that is not found
// (docs/decisions/0018-damage.md).
//
// The column `sum` holds the low 32 bits of XXH3 over the row's other columns, in one order, each
// with its type. SQL computes it with the function vigie_sum(...), which every SqlConnection has.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "engine/store/sqlite.h"

namespace vigie {

// A table with sums. `columns` are all others, the row's name first.
struct SummedTable {
  const char* name;
  const char* columns;
};

// "?1,?2,...": one for each of `columns`.
std::string NumberedPlaceholders(std::string_view columns);

// "INSERT INTO table(columns, sum) VALUES (...)", with a parameter for each column.
std::string InsertWithSum(const SummedTable& table);
// "columns, <whether the sum is right>": what a query selects so that CheckRow() can be asked.
std::string ColumnsAndCheck(const SummedTable& table);
// "vigie_sum(columns) IS sum" alone, to be selected last.
std::string RowCheck(const SummedTable& table);

// OK when the row of a query that selected a check last has its sum. DATA_LOSS, reason
// DATABASE_DAMAGED, names table and row.
absl::Status CheckRow(const SqlStatement& row, const SummedTable& table);

// Computes the sum of the row whose first column is `name` again, after a change of some columns.
absl::Status RenewSum(SqlConnection& db, const SummedTable& table, std::string_view name);

}  // namespace vigie
