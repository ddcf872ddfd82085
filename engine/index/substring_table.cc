#include "engine/index/substring_table.h"

#include <algorithm>
#include <vector>

namespace vigie {
namespace {

uint32_t ValueOf(const Pdq256& code, const SubstringTable& table) {
  return SubstringOf(WordsOf(code), table.first_bit, table.bits);
}

// Room for `values` numbers of T, so that what follows begins on a cache line.
template <typename T>
size_t WholeLines(size_t values) {
  constexpr size_t kLine = HugeAllocator<T>::kCacheLine / sizeof(T);
  return (values + kLine - 1) / kLine * kLine;
}

size_t StartsOf(const Substring& substring) { return (size_t{1} << substring.bits) + 1; }

}  // namespace

SubstringTables::SubstringTables(std::span<const Substring> substrings, size_t rows) {
  size_t starts = 0;
  for (const Substring& substring : substrings) starts += WholeLines<uint32_t>(StartsOf(substring));
  const size_t sketches = rows + SubstringTable::kSketchPadding;
  const size_t ids_step = WholeLines<uint32_t>(rows);
  const size_t sketches_step = WholeLines<uint16_t>(sketches);
  starts_.resize(starts);
  ids_.resize(substrings.size() * ids_step);
  sketches_.resize(substrings.size() * sketches_step);
  size_t at = 0;
  for (size_t i = 0; i < substrings.size(); ++i) {
    SubstringTable& table = tables_.emplace_back();
    static_cast<Substring&>(table) = substrings[i];
    table.starts = std::span(starts_).subspan(at, StartsOf(table));
    at += WholeLines<uint32_t>(table.starts.size());
    table.ids = std::span(ids_).subspan(i * ids_step, rows);
    table.sketches = std::span(sketches_).subspan(i * sketches_step, sketches);
    std::fill(table.sketches.begin() + static_cast<std::ptrdiff_t>(rows), table.sketches.end(), 0);
  }
}

size_t SubstringTables::bytes() const {
  return starts_.size() * sizeof(uint32_t) + ids_.size() * sizeof(uint32_t) +
         sketches_.size() * sizeof(uint16_t);
}

void FillTable(std::span<const Pdq256> codes, std::span<PlacedRow> spread,
               const SubstringTable& table) {
  // In two passes: rows are first spread over groups by the high bits of their value, with one
  // write stream a group, then each group is sorted by counting in cache.
  const int low_bits = std::max(table.bits - 11, std::min(table.bits, 12));
  const size_t groups = size_t{1} << (table.bits - low_bits);
  const uint32_t low_mask = (1U << low_bits) - 1;
  std::vector<size_t> group_ends(groups + 1, 0);
  for (const Pdq256& code : codes) {
    ++group_ends[(ValueOf(code, table) >> low_bits) + 1];
  }
  for (size_t g = 1; g <= groups; ++g) group_ends[g] += group_ends[g - 1];
  std::vector<size_t> next(group_ends.begin(), group_ends.end() - 1);
  for (size_t row = 0; row < codes.size(); ++row) {
    const CodeWords words = WordsOf(codes[row]);
    const uint32_t value = SubstringOf(words, table.first_bit, table.bits);
    spread[next[value >> low_bits]++] = {static_cast<uint16_t>(value & low_mask),
                                         SketchOf(words, table), static_cast<uint32_t>(row)};
  }

  std::vector<uint32_t> at(size_t{1} << low_bits);
  for (size_t g = 0; g < groups; ++g) {
    const std::span<const PlacedRow> group(spread.data() + group_ends[g],
                                           group_ends[g + 1] - group_ends[g]);
    std::fill(at.begin(), at.end(), 0);
    for (const PlacedRow& placed : group) ++at[placed.low];
    auto sum = static_cast<uint32_t>(group_ends[g]);
    uint32_t* starts = table.starts.data() + (g << low_bits);
    for (size_t low = 0; low < at.size(); ++low) {
      const uint32_t count = at[low];
      starts[low] = at[low] = sum;
      sum += count;
    }
    for (const PlacedRow& placed : group) {
      const uint32_t place = at[placed.low]++;
      table.ids[place] = placed.row;
      table.sketches[place] = placed.sketch;
    }
  }
  table.starts.back() = static_cast<uint32_t>(codes.size());
}

}  // namespace vigie
