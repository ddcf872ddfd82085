#include "engine/index/key_index.h"

#include <algorithm>
#include <array>
#include <bit>
#include <tuple>
#include <utility>

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/index/key_index.cc"
#include "hwy/foreach_target.h"
#include "hwy/cache_control.h"
#include "hwy/highway.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace vigie {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Writes the places in begin to end - 1 whose sketch differs from `sketch` in at most `most` bits,
// ascending and at most `room` of them, to `places`; how many there would be with one more of room.
size_t NearSketches(const uint16_t* sketches, uint32_t begin, uint32_t end, uint16_t sketch,
                    int most, size_t room, uint32_t* places) {
  const hn::CappedTag<uint16_t, 32> d;
  const hn::RebindToSigned<decltype(d)> counts;
  const size_t lanes = hn::Lanes(d);
  const auto query = hn::Set(d, sketch);
  const auto limit = hn::Set(counts, static_cast<int16_t>(most + 1));
  size_t found = 0;
  for (size_t at = begin; at < end; at += lanes) {
    const auto ones = hn::PopulationCount(hn::Xor(hn::LoadU(d, sketches + at), query));
    const auto inside = hn::FirstN(counts, std::min(lanes, end - at));
    const auto near = hn::And(inside, hn::Lt(hn::BitCast(counts, ones), limit));
    if (HWY_LIKELY(hn::AllFalse(counts, near))) continue;
    uint64_t mask = 0;  // little-endian, as all targets
    hn::StoreMaskBits(counts, near, reinterpret_cast<uint8_t*>(&mask));
    for (; mask != 0; mask &= mask - 1) {
      if (found == room) return room + 1;
      places[found++] = static_cast<uint32_t>(at + static_cast<size_t>(std::countr_zero(mask)));
    }
  }
  return found;
}

// Here for the population count of the machine.
int Distance(const Pdq256& a, const Pdq256& b) {
  const CodeWords x = WordsOf(a);
  const CodeWords y = WordsOf(b);
  int distance = 0;
  for (size_t k = 0; k < x.size(); ++k) distance += std::popcount(x[k] ^ y[k]);
  return distance;
}

// Appends those of `survivors`, pairs of query and row, that are within `max_distance`.
void CompareAll(const Pdq256* codes, const Pdq256* queries,
                std::span<const KeyIndex::Survivor> survivors, int max_distance,
                std::vector<RangeHit>* hits) {
  for (const KeyIndex::Survivor& survivor : survivors) {
    const int distance = Distance(codes[survivor.row], queries[survivor.query]);
    if (distance > max_distance) continue;
    hits->push_back({.query = survivor.query,
                     .position = static_cast<int64_t>(survivor.row),
                     .distance = distance});
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace vigie
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vigie {

HWY_EXPORT(NearSketches);
HWY_EXPORT(CompareAll);

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

KeyIndex::KeyIndex(HugeVector<Pdq256> codes) : codes_(std::move(codes)) {
  ntotal = static_cast<idx_t>(codes_.size());
  std::array<Substring, kKeys> keys;
  for (int i = 0; i < kKeys; ++i) {
    // Far apart: neighbouring bits look at the same corner.
    keys[static_cast<size_t>(i)] = {.first_bit = i * (256 / kKeys),
                                    .bits = KeyBitsFor(codes_.size())};
  }
  tables_ = SubstringTables(keys, codes_.size());
  HugeVector<PlacedRow> spread(codes_.size());
  for (const SubstringTable& table : tables_.all()) FillTable(codes_, spread, table);
}

// Stage by stage for all queries, so that many cache misses are under way at once.
std::vector<KeyIndex::Lookup> KeyIndex::LookUp(std::span<const Pdq256> queries) const {
  std::vector<Lookup> lookups;
  lookups.reserve(queries.size() * kKeys);
  for (size_t q = 0; q < queries.size(); ++q) {
    const CodeWords words = WordsOf(queries[q]);
    for (size_t t = 0; t < kKeys; ++t) {
      const SubstringTable& table = tables_.all()[t];
      const uint32_t key = SubstringOf(words, table.first_bit, table.bits);
      hwy::Prefetch(table.starts.data() + key);
      lookups.push_back({.query = static_cast<uint32_t>(q),
                         .table = static_cast<uint16_t>(t),
                         .sketch = SketchOf(words, table),
                         .key = key});
    }
  }
  for (Lookup& lookup : lookups) {
    const SubstringTable& table = tables_.all()[lookup.table];
    lookup.begin = table.starts[lookup.key];
    lookup.end = table.starts[lookup.key + 1];
    if (lookup.begin != lookup.end) hwy::Prefetch(table.sketches.data() + lookup.begin);
  }
  return lookups;
}

std::vector<KeyIndex::Survivor> KeyIndex::Survivors(std::vector<Lookup> lookups,
                                                    std::vector<uint32_t>* crowded) const {
  struct Place {
    uint32_t table;
    uint32_t query;
    uint32_t at;
  };
  std::vector<Place> places;
  std::array<uint32_t, kMaxCodes> found;
  size_t room = kMaxCodes;  // for the query
  for (size_t i = 0; i < lookups.size(); ++i) {
    const Lookup& lookup = lookups[i];
    if (i == 0 || lookups[i - 1].query != lookup.query) room = kMaxCodes;
    const SubstringTable& table = tables_.all()[lookup.table];
    const auto most =
        static_cast<uint32_t>(std::min<size_t>(lookup.end - lookup.begin, kMaxSketches));
    const size_t count =
        HWY_DYNAMIC_DISPATCH(NearSketches)(table.sketches.data(), lookup.begin, lookup.begin + most,
                                           lookup.sketch, kMaxSketchDistance, room, found.data());
    const size_t taken = std::min(count, room);
    for (size_t k = 0; k < taken; ++k) {
      hwy::Prefetch(table.ids.data() + found[k]);
      places.push_back({lookup.table, lookup.query, found[k]});
    }
    const bool all = count <= room && most == lookup.end - lookup.begin;
    const bool said = !crowded->empty() && crowded->back() == lookup.query;
    if (!all && !said) crowded->push_back(lookup.query);
    room -= taken;
  }
  std::vector<Survivor> survivors;
  survivors.reserve(places.size());
  for (const Place& place : places) {
    const uint32_t row = tables_.all()[place.table].ids[place.at];
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
  HWY_DYNAMIC_DISPATCH(CompareAll)
  (codes_.data(), queries.data(), survivors, max_distance, hits);
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
#endif  // HWY_ONCE
