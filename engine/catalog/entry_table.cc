#include "engine/catalog/entry_table.h"

namespace vigie {
namespace {

// Entry word, low to high: state 4 bits, court basis 1, list 24, expiry in seconds 33,
// suspension 2.
constexpr int kCourtShift = 4;
constexpr int kListShift = 5;
constexpr int kExpiryShift = 29;
constexpr int kSuspensionShift = 62;
// Row word: quality 8 bits, algorithm 8, position 8, entry 32.
constexpr int kAlgorithmShift = 8;
constexpr int kPositionShift = 16;
constexpr int kEntryShift = 24;

constexpr uint64_t Mask(int bits) { return (uint64_t{1} << bits) - 1; }

}  // namespace

void EntryTable::SetEntry(EntryNumber entry, const EntryFacts& facts) {
  entries_.Grow(size_t{entry} + 1);
  entries_[entry].store(static_cast<uint64_t>(facts.state) |
                            static_cast<uint64_t>(facts.court_basis) << kCourtShift |
                            static_cast<uint64_t>(facts.list) << kListShift |
                            static_cast<uint64_t>(facts.expires_us / kSecondUs) << kExpiryShift |
                            static_cast<uint64_t>(facts.suspension) << kSuspensionShift,
                        std::memory_order_release);
}

EntryFacts EntryTable::Entry(EntryNumber entry) const {
  const uint64_t word = entries_[entry].load(std::memory_order_acquire);
  return {.list = static_cast<ListNumber>(word >> kListShift & Mask(24)),
          .state = static_cast<EntryState>(word & Mask(4)),
          .court_basis = (word >> kCourtShift & 1) != 0,
          .expires_us = static_cast<TimeUs>(word >> kExpiryShift & Mask(33)) * kSecondUs,
          .suspension = static_cast<Suspension>(word >> kSuspensionShift)};
}

void EntryTable::SetRow(RowId row, const RowFacts& facts) {
  rows_.Grow(size_t{row} + 1);
  rows_[row].store(static_cast<uint64_t>(facts.quality) |
                       static_cast<uint64_t>(facts.algorithm) << kAlgorithmShift |
                       static_cast<uint64_t>(facts.position) << kPositionShift |
                       static_cast<uint64_t>(facts.entry) << kEntryShift,
                   std::memory_order_release);
}

RowFacts EntryTable::Row(RowId row) const {
  const uint64_t word = rows_[row].load(std::memory_order_acquire);
  return {.entry = static_cast<EntryNumber>(word >> kEntryShift),
          .position = static_cast<int>(word >> kPositionShift & Mask(8)),
          .algorithm = static_cast<Algorithm>(word >> kAlgorithmShift & Mask(8)),
          .quality = static_cast<int>(word & Mask(8))};
}

void EntryTable::Copy(const Words& from, size_t first, std::span<uint64_t> out) {
  for (size_t i = 0; i < out.size(); ++i) out[i] = from[first + i].load(std::memory_order_acquire);
}

void EntryTable::Set(Words& to, size_t first, std::span<const uint64_t> words) {
  to.Grow(first + words.size());
  for (size_t i = 0; i < words.size(); ++i) {
    to[first + i].store(words[i], std::memory_order_release);
  }
}

void EntryTable::CopyEntryWords(EntryNumber first, std::span<uint64_t> out) const {
  Copy(entries_, first, out);
}
void EntryTable::CopyRowWords(RowId first, std::span<uint64_t> out) const {
  Copy(rows_, first, out);
}
void EntryTable::SetEntryWords(EntryNumber first, std::span<const uint64_t> words) {
  Set(entries_, first, words);
}
void EntryTable::SetRowWords(RowId first, std::span<const uint64_t> words) {
  Set(rows_, first, words);
}

}  // namespace vigie
