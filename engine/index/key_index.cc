#include "engine/index/key_index.h"

#include <hwy/cache_control.h>

#include <algorithm>
#include <array>
#include <bit>
#include <tuple>
#include <utility>

namespace vigie {
namespace {

// Bits of a key: about 4 to 8 codes have the same, were they random. Longer ones lead to fewer of
// the near codes, and a table of 2^22 starts is 16 MiB.
constexpr int kMinKeyBits = 16;
constexpr int kMaxKeyBits = 22;
int KeyBitsFor(size_t rows) {
  return std::clamp(static_cast<int>(std::bit_width(rows)) - 3, kMinKeyBits, kMaxKeyBits);
}

}  // namespace

// The codes with one key of one query: those at places begin to end - 1 of its table.
struct KeyIndex::Lookup {
  uint32_t query = 0;
  uint16_t table = 0;
  uint16_t sketch = 0;  // of the query
  uint32_t key = 0;
  uint32_t begin = 0;
  uint32_t end = 0;
};

// What is to be compared in full.
struct KeyIndex::Survivor {
  uint32_t query = 0;
  uint32_t row = 0;

  friend bool operator==(const Survivor&, const Survivor&) = default;
};

KeyIndex::KeyIndex(HugeVector<Pdq256> codes) : codes_(std::move(codes)) {
  ntotal = static_cast<idx_t>(codes_.size());
  HugeVector<PlacedRow> spread(codes_.size());
  for (int i = 0; i < kKeys; ++i) {
    SubstringTable& table = tables_.emplace_back();
    table.first_bit = i * (256 / kKeys);  // far apart: neighbouring bits look at the same corner
    table.bits = KeyBitsFor(codes_.size());
    FillTable(codes_, &spread, &table);
  }
}

size_t KeyIndex::table_bytes() const {
  size_t bytes = 0;
  for (const SubstringTable& table : tables_) {
    bytes += table.starts.size() * sizeof(table.starts[0]) +
             table.ids.size() * sizeof(table.ids[0]) +
             table.sketches.size() * sizeof(table.sketches[0]);
  }
  return bytes;
}

// Stage by stage for all queries, so that many cache misses are under way at once.
std::vector<KeyIndex::Lookup> KeyIndex::LookUp(std::span<const Pdq256> queries) const {
  std::vector<Lookup> lookups;
  lookups.reserve(queries.size() * tables_.size());
  for (size_t q = 0; q < queries.size(); ++q) {
    const CodeWords words = WordsOf(queries[q]);
    for (size_t t = 0; t < tables_.size(); ++t) {
      const SubstringTable& table = tables_[t];
      const uint32_t key = SubstringOf(words, table.first_bit, table.bits);
      hwy::Prefetch(table.starts.data() + key);
      lookups.push_back({.query = static_cast<uint32_t>(q),
                         .table = static_cast<uint16_t>(t),
                         .sketch = SketchOf(words, table),
                         .key = key});
    }
  }
  for (Lookup& lookup : lookups) {
    const SubstringTable& table = tables_[lookup.table];
    lookup.begin = table.starts[lookup.key];
    lookup.end = table.starts[lookup.key + 1];
    if (lookup.begin != lookup.end) hwy::Prefetch(table.sketches.data() + lookup.begin);
  }
  return lookups;
}

std::vector<KeyIndex::Survivor> KeyIndex::Survivors(std::vector<Lookup> lookups,
                                                    std::vector<uint32_t>* crowded) const {
  struct Place {
    uint32_t query;
    uint32_t table;
    uint32_t at;
  };
  std::vector<Place> places;
  size_t of_query = 0;  // places
  for (size_t i = 0; i < lookups.size(); ++i) {
    const Lookup& lookup = lookups[i];
    if (i == 0 || lookups[i - 1].query != lookup.query) of_query = 0;
    const uint16_t* sketches = tables_[lookup.table].sketches.data();
    const auto most = std::min<size_t>(lookup.end - lookup.begin, kMaxSketches);
    bool all = most == lookup.end - lookup.begin;
    for (uint32_t at = lookup.begin; at < lookup.begin + most; ++at) {
      const auto differing = static_cast<uint16_t>(sketches[at] ^ lookup.sketch);
      if (std::popcount(differing) > kMaxSketchDistance) continue;
      if (of_query == kMaxCodes) {
        all = false;
        break;
      }
      ++of_query;
      hwy::Prefetch(tables_[lookup.table].ids.data() + at);
      places.push_back({lookup.query, lookup.table, at});
    }
    const bool said = !crowded->empty() && crowded->back() == lookup.query;
    if (!all && !said) crowded->push_back(lookup.query);
  }
  std::vector<Survivor> survivors;
  survivors.reserve(places.size());
  for (const Place& place : places) {
    const uint32_t row = tables_[place.table].ids[place.at];
    hwy::Prefetch(codes_.data() + row);
    survivors.push_back({place.query, row});
  }
  return survivors;
}

void KeyIndex::FindSharing(std::span<const Pdq256> queries, int max_distance,
                           std::vector<RangeHit>* hits, std::vector<uint32_t>* crowded) const {
  std::vector<uint32_t> met_bounds;
  const std::vector<Survivor> survivors = Survivors(LookUp(queries), &met_bounds);
  const auto before = static_cast<std::ptrdiff_t>(hits->size());
  for (const Survivor& survivor : survivors) {
    const int distance = HammingDistance(codes_[survivor.row], queries[survivor.query]);
    if (distance > max_distance) continue;
    hits->push_back({.query = survivor.query,
                     .position = static_cast<int64_t>(survivor.row),
                     .distance = distance});
  }
  // A row may share several keys.
  std::sort(hits->begin() + before, hits->end(), [](const RangeHit& a, const RangeHit& b) {
    return std::tie(a.query, a.position) < std::tie(b.query, b.position);
  });
  hits->erase(std::unique(hits->begin() + before, hits->end(),
                          [](const RangeHit& a, const RangeHit& b) {
                            return a.query == b.query && a.position == b.position;
                          }),
              hits->end());
  crowded->insert(crowded->end(), met_bounds.begin(), met_bounds.end());
}

void KeyIndex::Find(std::span<const Pdq256> queries, int max_distance,
                    std::vector<RangeHit>* hits) const {
  std::vector<uint32_t> crowded;
  FindSharing(queries, max_distance, hits, &crowded);
}

}  // namespace vigie
