// The 8 orientations of one picture in one call, against 8 calls with one each, and against 8 calls
// with hashes of 8 pictures.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <stdexcept>
#include <tuple>

#include "bench/search.h"
#include "engine/index/hamming_scan.h"

namespace vigie::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Picture = std::array<Pdq256, 8>;

constexpr uint64_t kPictureSeed = 21;
constexpr size_t kCheckedPictures = 32;

enum class Way { kOneCall, kEightCalls, kEightPictures };
constexpr Way kWays[] = {Way::kOneCall, Way::kEightCalls, Way::kEightPictures};
constexpr const char* kWayNames[] = {":8-in-1-call", ":8-calls", ":8-pictures"};
constexpr size_t kWayCount = std::size(kWays);

void Find(const faiss::IndexBinary& index, const Picture& picture, int radius, Way way,
          std::vector<RangeHit>* hits) {
  if (way == Way::kOneCall) return FindAll(index, picture, radius, hits);
  for (uint32_t i = 0; i < picture.size(); ++i) {
    const size_t from = hits->size();
    FindAll(index, {&picture[i], 1}, radius, hits);
    for (size_t h = from; h < hits->size(); ++h) (*hits)[h].query = i;
  }
}

using Key = std::tuple<uint32_t, int64_t, int>;
std::vector<Key> KeysOf(const std::vector<RangeHit>& hits) {
  std::vector<Key> keys;
  for (const RangeHit& hit : hits) keys.emplace_back(hit.query, hit.position, hit.distance);
  std::sort(keys.begin(), keys.end());
  return keys;
}

// Eight hashes to ask for in way number i % 3, for i from 0; of every second one of each way, one
// hash lies near a row.
struct Case {
  std::vector<Picture> pictures;
  std::vector<std::vector<Key>> expected;  // of the first of them
};

// Plants them in `codes`.
Case MakeCase(HugeVector<Pdq256>& codes, size_t count, int radius) {
  Case made;
  FastRandom random(kPictureSeed);
  for (size_t i = 0; i < count; ++i) {
    Picture& picture = made.pictures.emplace_back(MakeOrientations(random));
    if (kWays[i % kWayCount] == Way::kEightPictures) {
      for (size_t k = 0; k < picture.size(); ++k) picture[k] = MakeOrientations(random)[k];
    }
    if (i / kWayCount % 2 != 0) continue;
    const auto distance = static_cast<int>(random.Below(static_cast<size_t>(radius) + 1));
    codes[random.Below(codes.size())] = random.Near(picture[random.Below(8)], distance);
  }
  return made;
}

void FindExpected(const HugeVector<Pdq256>& codes, int radius, Case* made) {
  for (size_t i = 0; i < std::min(made->pictures.size(), kCheckedPictures); ++i) {
    std::vector<RangeHit> hits;
    ScanWithin(codes, made->pictures[i], radius, &hits);
    made->expected.push_back(KeysOf(hits));
  }
}

// The share of the right answers found; negative when an exact index is not exact.
double Check(const faiss::IndexBinary& index, const Case& made, int radius, Way way, bool exact) {
  size_t right = 0;
  size_t all = 0;
  for (size_t i = 0; i < made.expected.size(); ++i) {
    std::vector<RangeHit> hits;
    Find(index, made.pictures[i], radius, way, &hits);
    const auto found = KeysOf(hits);
    if (exact && found != made.expected[i]) return -1;
    std::vector<Key> both;
    std::set_intersection(found.begin(), found.end(), made.expected[i].begin(),
                          made.expected[i].end(), std::back_inserter(both));
    right += both.size();
    all += made.expected[i].size();
  }
  return all == 0 ? 1.0 : static_cast<double>(right) / static_cast<double>(all);
}

// The ways take turns, each with its own pictures: none warms the cache for another, and all see
// the same disturbances.
void Time(const faiss::IndexBinary& index, const Case& made, double seconds,
          std::array<SearchRow, kWayCount>* rows) {
  std::array<Latencies, kWayCount> latencies;
  std::array<double, kWayCount> spent = {};
  std::vector<RangeHit> hits;
  const int radius = rows->front().radius;
  for (size_t i = 0; i < made.pictures.size() && spent[0] < seconds; ++i) {
    hits.clear();
    const size_t way = i % kWayCount;
    const auto start = Clock::now();
    Find(index, made.pictures[i], radius, kWays[way], &hits);
    const double took = std::chrono::duration<double>(Clock::now() - start).count();
    spent[way] += took;
    latencies[way].Add(took * 1e6 / 8, hits.size());
  }
  for (size_t way = 0; way < kWayCount; ++way) {
    SearchRow& row = (*rows)[way];
    latencies[way].Summarise(&row);
    row.threads = 1;
    row.queries = 8 * latencies[way].calls();
    row.qps = static_cast<double>(row.queries) / spent[way];
  }
}

}  // namespace

bool MeasureOrientations(const SearchOptions& options, const IndexSpec& spec, size_t n,
                         const EmitRow& emit) {
  const size_t pictures = std::max<size_t>(4 * kWayCount, options.queries / 8);
  bool right = true;
  std::vector<Case> cases;
  const BuiltIndex built = BuildMeasured(options, spec, n, [&](HugeVector<Pdq256>& codes) {
    for (const int radius : options.radii) cases.push_back(MakeCase(codes, pictures, radius));
    for (size_t r = 0; r < cases.size(); ++r) FindExpected(codes, options.radii[r], &cases[r]);
  });
  for (size_t r = 0; r < options.radii.size(); ++r) {
    const int radius = options.radii[r];
    PrepareFor(radius, built.index.get());
    std::array<SearchRow, kWayCount> rows;
    bool exact = true;
    for (size_t way = 0; way < kWayCount; ++way) {
      rows[way] = RowOf(options, built, n, radius);
      SetIndex(NameOf(spec) + kWayNames[way], &rows[way]);
      if (kWays[way] == Way::kOneCall) rows[way].batch = 8;
      rows[way].recall = Check(*built.index, cases[r], radius, kWays[way], IsExact(spec.kind));
      exact = exact && rows[way].recall >= 0;
    }
    if (!exact) {
      std::fprintf(stderr, "vigie-bench: %s, 8 orientations: WRONG ANSWERS, not timed\n",
                   spec.kind.c_str());
      right = false;
      continue;
    }
    Time(*built.index, cases[r], options.seconds, &rows);
    for (const SearchRow& row : rows) emit(row);
  }
  return right;
}

}  // namespace vigie::bench
