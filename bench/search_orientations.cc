// The 8 orientations of one picture: one call with all against 8 calls with one each.
#include <algorithm>
#include <chrono>
#include <cstdio>
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

enum class Way { kOneCall, kEightCalls };

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

// Pictures of which every second one is listed: one of its orientations lies near a row.
struct Case {
  std::vector<Picture> pictures;
  std::vector<std::vector<Key>> expected;  // of the first of them
};

// Plants them in `codes`.
Case MakeCase(HugeVector<Pdq256>& codes, size_t count, int radius) {
  Case made;
  FastRandom random(kPictureSeed);
  for (size_t i = 0; i < count; ++i) {
    const Picture& picture = made.pictures.emplace_back(MakeOrientations(random));
    if (i % 4 >= 2) continue;  // so that both ways get as many of either kind
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

// The two ways take turns, each with its own pictures: neither warms the cache for the other, and
// both see the same disturbances.
void Time(const faiss::IndexBinary& index, const Case& made, double seconds, SearchRow* one,
          SearchRow* eight) {
  Latencies latencies[2];
  double spent[2] = {0, 0};
  std::vector<RangeHit> hits;
  for (size_t i = 0; i < made.pictures.size() && spent[0] + spent[1] < 2 * seconds; ++i) {
    hits.clear();
    const size_t way = i % 2;
    const auto start = Clock::now();
    Find(index, made.pictures[i], one->radius, way == 0 ? Way::kOneCall : Way::kEightCalls, &hits);
    const double took = std::chrono::duration<double>(Clock::now() - start).count();
    spent[way] += took;
    latencies[way].Add(took * 1e6 / 8, hits.size());
  }
  for (const size_t way : {0U, 1U}) {
    SearchRow* row = way == 0 ? one : eight;
    latencies[way].Summarise(row);
    row->threads = 1;
    row->queries = 8 * latencies[way].calls();
    row->qps = static_cast<double>(row->queries) / spent[way];
  }
}

}  // namespace

bool MeasureOrientations(const SearchOptions& options, const IndexSpec& spec, size_t n,
                         const EmitRow& emit) {
  const size_t pictures = std::max<size_t>(8, options.queries / 8);
  bool right = true;
  std::vector<Case> cases;
  const BuiltIndex built = BuildMeasured(options, spec, n, [&](HugeVector<Pdq256>& codes) {
    for (const int radius : options.radii) cases.push_back(MakeCase(codes, pictures, radius));
    for (size_t r = 0; r < cases.size(); ++r) FindExpected(codes, options.radii[r], &cases[r]);
  });
  for (size_t r = 0; r < options.radii.size(); ++r) {
    const int radius = options.radii[r];
    PrepareFor(radius, built.index.get());
    SearchRow one = RowOf(options, built, n, radius);
    SearchRow eight = one;
    SetIndex(spec.kind + ":8-in-1-call", &one);
    SetIndex(spec.kind + ":8-calls", &eight);
    one.batch = 8;
    const bool exact = IsExact(spec.kind);
    one.recall = Check(*built.index, cases[r], radius, Way::kOneCall, exact);
    eight.recall = Check(*built.index, cases[r], radius, Way::kEightCalls, exact);
    if (one.recall < 0 || eight.recall < 0) {
      std::fprintf(stderr, "vigie-bench: %s, 8 orientations: WRONG ANSWERS, not timed\n",
                   spec.kind.c_str());
      right = false;
      continue;
    }
    Time(*built.index, cases[r], options.seconds, &one, &eight);
    emit(one);
    emit(eight);
  }
  return right;
}

}  // namespace vigie::bench
