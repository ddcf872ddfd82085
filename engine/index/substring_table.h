// Codes by the value of some of their bits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

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

// Rows by the value of some neighbouring bits, a substring: those of value v are ids[starts[v] ..
// starts[v + 1] - 1].
struct SubstringTable {
  // Behind the last sketch, so that a vector may be loaded from anywhere in front of it.
  static constexpr size_t kSketchPadding = 64;
  static constexpr int kSketchBits = 16;

  int first_bit = 0;  // of the 256, from bit 0 of the first word
  int bits = 0;       // 16 to 26
  HugeVector<uint32_t> starts;
  HugeVector<uint32_t> ids;
  // sketches[k]: bits sketch_bit() to sketch_bit() + 15 of row ids[k], which begin its next
  // substring; then kSketchPadding zeros.
  HugeVector<uint16_t> sketches;

  int sketch_bit() const { return (first_bit + bits) % 256; }
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

// Fills `table`, whose bits are set, with all of `codes`. `spread` is scratch, one a code.
void FillTable(std::span<const Pdq256> codes, HugeVector<PlacedRow>* spread, SubstringTable* table);

}  // namespace vigie
