#include "engine/index/substring_table.h"

#include <algorithm>
#include <vector>

namespace vigie {
namespace {

uint32_t ValueOf(const Pdq256& code, const SubstringTable& table) {
  return SubstringOf(WordsOf(code), table.first_bit, table.bits);
}

}  // namespace

void FillTable(std::span<const Pdq256> codes, HugeVector<PlacedRow>* spread,
               SubstringTable* table) {
  // In two passes: rows are first spread over groups by the high bits of their value, with one
  // write stream a group, then each group is sorted by counting in cache.
  const int low_bits = std::max(table->bits - 11, std::min(table->bits, 12));
  const size_t groups = size_t{1} << (table->bits - low_bits);
  const uint32_t low_mask = (1U << low_bits) - 1;
  std::vector<size_t> group_ends(groups + 1, 0);
  for (const Pdq256& code : codes) {
    ++group_ends[(ValueOf(code, *table) >> low_bits) + 1];
  }
  for (size_t g = 1; g <= groups; ++g) group_ends[g] += group_ends[g - 1];
  std::vector<size_t> next(group_ends.begin(), group_ends.end() - 1);
  for (size_t row = 0; row < codes.size(); ++row) {
    const CodeWords words = WordsOf(codes[row]);
    const uint32_t value = SubstringOf(words, table->first_bit, table->bits);
    (*spread)[next[value >> low_bits]++] = {static_cast<uint16_t>(value & low_mask),
                                            SketchOf(words, *table), static_cast<uint32_t>(row)};
  }

  table->starts.resize((size_t{1} << table->bits) + 1);
  table->ids.resize(codes.size());
  table->sketches.resize(codes.size());
  table->sketches.resize(codes.size() + SubstringTable::kSketchPadding, 0);
  std::vector<uint32_t> at(size_t{1} << low_bits);
  for (size_t g = 0; g < groups; ++g) {
    const std::span<const PlacedRow> group(spread->data() + group_ends[g],
                                           group_ends[g + 1] - group_ends[g]);
    std::fill(at.begin(), at.end(), 0);
    for (const PlacedRow& placed : group) ++at[placed.low];
    auto sum = static_cast<uint32_t>(group_ends[g]);
    uint32_t* starts = table->starts.data() + (g << low_bits);
    for (size_t low = 0; low < at.size(); ++low) {
      const uint32_t count = at[low];
      starts[low] = at[low] = sum;
      sum += count;
    }
    for (const PlacedRow& placed : group) {
      const uint32_t place = at[placed.low]++;
      table->ids[place] = placed.row;
      table->sketches[place] = placed.sketch;
    }
  }
  table->starts.back() = static_cast<uint32_t>(codes.size());
}

}  // namespace vigie
