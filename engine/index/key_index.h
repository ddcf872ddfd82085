// Near codes by a few lookups: those that share a key, some of their bits, with the query.
//
// Not exact, on purpose. To find every code within r bits, an index must look where each of them
// could be; to find most, it is enough to look where most are. This is for who asks with many codes
// and is content when a good part of them leads to the goal, as the local tier: a picture has many
// places. (Indyk, Motwani 1998: locality-sensitive hashing by sampled bits.)
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/fingerprint.h"
#include "engine/index/flat_index.h"
#include "engine/index/huge_vector.h"
#include "engine/index/substring_table.h"

namespace vigie {

// Immutable, thread-safe. At most 2^32 - 1 codes.
class KeyIndex final : public RangeOnlyIndex {
 public:
  // Keys of one code; each is one lookup, and 6 bytes a code.
  static constexpr int kKeys = 3;
  // Of the 16 bits behind a key so many may differ, or the code is not looked at in full.
  static constexpr int kMaxSketchDistance = 3;
  // Codes within so many bits are always found, up to the bounds below: keys have no bit in common,
  // so one of them is untouched, and the bits behind it differ in no more.
  static constexpr int kExactDistance = std::min(kKeys - 1, kMaxSketchDistance);
  // With one key of a query, so many sketches are compared, and with all of them so many codes.
  static constexpr size_t kMaxSketches = size_t{1} << 14;
  static constexpr size_t kMaxCodes = size_t{1} << 10;

  // What is to be compared in full.
  struct Survivor {
    uint32_t query = 0;
    uint32_t row = 0;
  };

  // Throws std::bad_alloc.
  explicit KeyIndex(HugeVector<Pdq256> codes);

  std::span<const Pdq256> codes() const { return codes_; }
  size_t table_bytes() const { return tables_.bytes(); }

  // Appends to `hits` codes at most `max_distance` (inclusive) from one of `queries`, each once,
  // and nothing that is further away: all within kExactDistance, up to the bounds above, and most
  // of the others. Numbers of queries that met a bound are appended to `crowded`, ascending.
  void FindSharing(std::span<const Pdq256> queries, int max_distance, std::vector<RangeHit>* hits,
                   std::vector<uint32_t>* crowded) const;

 private:
  struct Lookup;

  void Find(std::span<const Pdq256> queries, int max_distance,
            std::vector<RangeHit>* hits) const override;
  std::vector<Lookup> LookUp(std::span<const Pdq256> queries) const;
  std::vector<Survivor> Survivors(std::vector<Lookup> lookups,
                                  std::vector<uint32_t>* crowded) const;

  const HugeVector<Pdq256> codes_;
  SubstringTables tables_;
};

}  // namespace vigie
