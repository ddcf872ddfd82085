// Tables for tests to spoil.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "engine/index/substring_table.h"

namespace vigie {

// As `tables`, with room for `rows` rows; of rows beyond theirs nothing is written.
inline SubstringTables CopyOf(std::span<const SubstringTable> tables, size_t rows) {
  SubstringTables copy(std::vector<Substring>(tables.begin(), tables.end()), rows);
  const auto copy_what_fits = [](const auto& from, const auto& to) {
    std::copy_n(from.begin(), std::min(from.size(), to.size()), to.begin());
  };
  for (size_t i = 0; i < tables.size(); ++i) {
    copy_what_fits(tables[i].starts, copy.all()[i].starts);
    copy_what_fits(tables[i].ids, copy.all()[i].ids);
    copy_what_fits(tables[i].sketches, copy.all()[i].sketches);
  }
  return copy;
}

}  // namespace vigie
