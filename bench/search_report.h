// What `vigie-bench search` writes: the table, the JSON file and the chart.
#pragma once

#include <ostream>
#include <span>
#include <string>

#include "bench/search.h"

namespace vigie::bench {

void PrintTable(std::span<const SearchRow> rows, const SearchOptions& options, std::ostream& out);

// {"results": [...], "machine": {...}}; null for what there was nothing to compute from.
void WriteJson(std::span<const SearchRow> rows, std::ostream& out);

// A line chart, an SVG file by itself: mean microseconds a query, a line for each index; against
// the number of hashes (both axes logarithmic), or against the radius when there are several.
// Readable on light and dark grounds. Nothing when there are no rows.
void WriteChart(std::span<const SearchRow> rows, std::ostream& out);

// The index, with its batch when that is part of what was compared.
std::string LabelOf(const SearchRow& row);

}  // namespace vigie::bench
