// What matching must know of every entry and row, in 8 bytes each, readable while it changes.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "engine/base/chunked_array.h"
#include "engine/base/clock.h"
#include "engine/base/types.h"

namespace vigie {

// The part of an entry that a verdict depends on. One atomic word, so a reader sees all of a
// transition or nothing of it.
struct EntryFacts {
  ListNumber list = 0;  // below 2^24
  EntryState state = EntryState::kSubmitted;
  bool court_basis = false;
  TimeUs expires_us = 0;  // whole seconds, below the year 2242
  Suspension suspension = Suspension::kNone;
};

// One fingerprint of one entry.
struct RowFacts {
  EntryNumber entry = 0;
  int position = 0;  // which of the entry's fingerprints, 0 to 255
  Algorithm algorithm = Algorithm::kPdq;
  int quality = 0;
};

// Dense by number. One writer; readers ask for numbers they learnt from the index, which learns of
// a row after the table does.
class EntryTable {
 public:
  static constexpr ListNumber kMaxList = (ListNumber{1} << 24) - 1;

  void SetEntry(EntryNumber entry, const EntryFacts& facts);
  void SetRow(RowId row, const RowFacts& facts);
  EntryFacts Entry(EntryNumber entry) const;
  RowFacts Row(RowId row) const;

  // The packed words, for a checkpoint: out[i] belongs to number first + i. Their layout is part of
  // the checkpoint's format.
  void CopyEntryWords(EntryNumber first, std::span<uint64_t> out) const;
  void CopyRowWords(RowId first, std::span<uint64_t> out) const;
  void SetEntryWords(EntryNumber first, std::span<const uint64_t> words);
  void SetRowWords(RowId first, std::span<const uint64_t> words);

 private:
  using Words = ChunkedArray<std::atomic<uint64_t>>;
  static void Copy(const Words& from, size_t first, std::span<uint64_t> out);
  static void Set(Words& to, size_t first, std::span<const uint64_t> words);

  Words entries_;
  Words rows_;
};

}  // namespace vigie
