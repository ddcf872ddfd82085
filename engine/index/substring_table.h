// Codes by the value of some of their bits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "engine/base/fingerprint.h"
#include "engine/index/huge_vector.h"

namespace vigie {

// The 256 bits of a code as words, bit 0 first.
using CodeWords = std::array<uint64_t, 4>;
inline CodeWords WordsOf(const Pdq256& code) {
  CodeWords words;
  std::memcpy(words.data(), code.bytes.data(), sizeof(words));
  return words;
}

// Bits first_bit to first_bit + bits - 1 of `words`; at most 26, none beyond 255.
inline uint32_t SubstringOf(const CodeWords& words, int first_bit, int bits) {
  const auto word = static_cast<size_t>(first_bit) / 64;
  const int shift = first_bit % 64;
  uint64_t value = words[word] >> shift;
  if (shift + bits > 64) value |= words[word + 1] << (64 - shift);
  return static_cast<uint32_t>(value & ((uint64_t{1} << bits) - 1));
}

// Some neighbouring bits of the 256, counted from bit 0 of the first word.
struct Substring {
  int first_bit = 0;
  int bits = 0;
};

// Rows by the value of a substring of 16 to 26 bits: those of value v are ids[starts[v] ..
// starts[v + 1] - 1]. The arrays belong to SubstringTables.
struct SubstringTable : Substring {
  // Behind the last sketch, so that a vector may be loaded from anywhere in front of it.
  static constexpr size_t kSketchPadding = 64;
  static constexpr int kSketchBits = 16;

  std::span<uint32_t> starts;
  std::span<uint32_t> ids;
  // sketches[k]: bits sketch_bit() to sketch_bit() + 15 of row ids[k], which begin its next
  // substring; then kSketchPadding zeros.
  std::span<uint16_t> sketches;

  int sketch_bit() const { return (first_bit + bits) % 256; }
};

// Tables of the same rows. Equal arrays of all tables lie side by side, each from a cache line on:
// those of one table alone are too short for huge pages at a million rows.
class SubstringTables {
 public:
  SubstringTables() = default;
  // With room for `rows` rows by each of `substrings`, to be written before it is read; only the
  // padding is there. Throws std::bad_alloc.
  SubstringTables(std::span<const Substring> substrings, size_t rows);
  SubstringTables(SubstringTables&&) = default;
  SubstringTables& operator=(SubstringTables&&) = default;

  std::span<SubstringTable> all() { return tables_; }
  std::span<const SubstringTable> all() const { return tables_; }
  size_t bytes() const;

 private:
  std::vector<SubstringTable> tables_;
  HugeVector<uint32_t> starts_;
  HugeVector<uint32_t> ids_;
  HugeVector<uint16_t> sketches_;
};

inline uint16_t SketchOf(const CodeWords& words, const SubstringTable& table) {
  return static_cast<uint16_t>(SubstringOf(words, table.sketch_bit(), SubstringTable::kSketchBits));
}

// Rows with the same high part of their value, on the way into a table.
struct PlacedRow {
  uint16_t low;
  uint16_t sketch;
  uint32_t row;
};

// Writes all of `codes` into `table`, which has room for them. `spread` is scratch, one a code.
void FillTable(std::span<const Pdq256> codes, std::span<PlacedRow> spread,
               const SubstringTable& table);

}  // namespace vigie
