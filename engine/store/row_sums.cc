#include "engine/store/row_sums.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace vigie {
namespace {

std::string SumOf(std::string_view values) {
  return absl::StrCat("vigie_sum(", ToAbsl(values), ")");
}

}  // namespace

std::string NumberedPlaceholders(std::string_view columns) {
  std::string marks = "?1";
  const auto count = 1 + std::count(columns.begin(), columns.end(), ',');
  for (std::ptrdiff_t number = 2; number <= count; ++number) absl::StrAppend(&marks, ",?", number);
  return marks;
}

std::string InsertWithSum(const SummedTable& table) {
  const std::string values = NumberedPlaceholders(table.columns);
  return absl::StrCat("INSERT INTO ", table.name, "(", table.columns, ", sum) VALUES (", values,
                      ",", SumOf(values), ")");
}

std::string RowCheck(const SummedTable& table) {
  return absl::StrCat(SumOf(table.columns), " IS sum");
}

std::string ColumnsAndCheck(const SummedTable& table) {
  return absl::StrCat(table.columns, ", ", RowCheck(table));
}

absl::Status CheckRow(const SqlStatement& row, const SummedTable& table) {
  if (row.GetInt(row.Columns() - 1) == 1) return absl::OkStatus();
  return DatabaseDamaged(
      absl::StrCat("row ", row.GetText(0), " of table ", table.name, " is not as it was written"));
}

absl::Status RenewSum(SqlConnection& db, const SummedTable& table, std::string_view name) {
  const std::string columns = table.columns;
  SqlStatement update;
  VIGIE_ASSIGN_OR_RETURN(
      update, db.Prepare(absl::StrCat("UPDATE ", table.name, " SET sum=", SumOf(columns), " WHERE ",
                                      columns.substr(0, columns.find(',')), "=?")));
  return update.Text(name).Run();
}

}  // namespace vigie
