// Range search of the live index, against a plain comparison of all rows.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include "bench/inputs.h"
#include "engine/index/live_index.h"

namespace vigie::bench {
namespace {

constexpr uint64_t kRowSeed = 3;
constexpr uint64_t kQuerySeed = 4;
// Searches that a benchmark goes through in turn, so that no row stays in the cache by itself.
constexpr size_t kSearches = 64;
constexpr size_t kMaxHits = 1024;

// Where an index holds its rows: in one segment of a kind, or in heads when there is none.
using Held = std::optional<IndexKind>;

// Rows of uniform random hashes. Nullptr when the index refuses them.
std::unique_ptr<LiveIndex> MakeIndex(Held held, const std::vector<Pdq256>& codes) {
  LiveIndexOptions options;
  options.kind = held.value_or(IndexKind::kMultiIndexHash);
  auto index = std::make_unique<LiveIndex>(options);
  if (!index->Add(codes, RowIds(codes.size())).ok()) return nullptr;
  if (held.has_value() && !index->Maintain(/*seal_all=*/true).ok()) return nullptr;
  const LiveIndexStats stats = index->stats();
  const bool as_asked = !held.has_value() ? stats.segments == 0 : stats.heads == 0;
  return as_asked ? std::move(index) : nullptr;
}

// `count` hashes of which the first lies at a planted distance, up to the radius itself, from a
// row; the others, like the other orientations of an upload, lie near nothing.
std::vector<Pdq256> MakeQueries(size_t count, const std::vector<Pdq256>& codes, Random& random) {
  const int distance = static_cast<int>(random.Below(kDefaultMaxDistance + 1));
  std::vector<Pdq256> queries = {random.Near(codes[random.Below(codes.size())], distance)};
  while (queries.size() < count) queries.push_back(random.Hash());
  return queries;
}

// Exactly the rows that a plain comparison finds.
bool IsRight(const absl::StatusOr<SearchResult>& result, const std::vector<Pdq256>& queries,
             const std::vector<Pdq256>& codes) {
  if (!result.ok()) return false;
  using Key = std::tuple<uint32_t, RowId, int>;
  std::vector<Key> expected;
  for (uint32_t query = 0; query < queries.size(); ++query) {
    for (uint32_t i = 0; i < codes.size(); ++i) {
      const int distance = HammingDistance(queries[query], codes[i]);
      if (distance <= kDefaultMaxDistance) expected.emplace_back(query, i + 1, distance);
    }
  }
  std::vector<Key> found;
  for (const Hit& hit : result->hits) found.emplace_back(hit.query, hit.row, hit.distance);
  std::sort(found.begin(), found.end());
  return !expected.empty() && found == expected && result->total == expected.size();
}

// An index and the searches made in it. Google Benchmark calls a benchmark several times to find
// out how often to repeat it: the case is made and checked once.
struct Case {
  std::unique_ptr<LiveIndex> index;
  std::vector<std::vector<Pdq256>> searches;
  const char* error = nullptr;
};

Case MakeCase(Held held, size_t rows, size_t hashes) {
  Case made;
  const auto codes = RandomHashes(rows, kRowSeed);
  made.index = MakeIndex(held, codes);
  if (made.index == nullptr) {
    made.error = "the index could not be built as asked";
    return made;
  }
  Random random(kQuerySeed);
  for (size_t i = 0; i < kSearches; ++i) {
    const auto& queries = made.searches.emplace_back(MakeQueries(hashes, codes, random));
    if (!IsRight(made.index->Search(queries, kDefaultMaxDistance, kMaxHits), queries, codes)) {
      made.error = "the index finds other rows than a plain comparison";
    }
  }
  return made;
}

const Case& CaseOf(Held held, size_t rows, size_t hashes) {
  static std::map<std::tuple<Held, size_t, size_t>, Case> cases;
  const std::tuple key(held, rows, hashes);
  if (!cases.contains(key)) cases.emplace(key, MakeCase(held, rows, hashes));
  return cases.at(key);
}

void BM_Search(benchmark::State& state, Held held) {
  const Case& made =
      CaseOf(held, static_cast<size_t>(state.range(0)), static_cast<size_t>(state.range(1)));
  if (made.error != nullptr) return state.SkipWithError(made.error);
  size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        made.index->Search(made.searches[next++ % kSearches], kDefaultMaxDistance, kMaxHits));
  }
  state.SetItemsProcessed(state.iterations());
}

void Shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"rows", "hashes"})
      ->ArgsProduct({{10'000, 100'000}, {1, 8}})
      ->Unit(benchmark::kMicrosecond);
}
BENCHMARK_CAPTURE(BM_Search, mih, IndexKind::kMultiIndexHash)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_Search, flat, IndexKind::kFlat)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_Search, faiss_multihash, IndexKind::kFaissMultiHash)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_Search, faiss_flat, IndexKind::kFaissFlat)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_Search, heads, std::nullopt)->Apply(Shapes);

}  // namespace
}  // namespace vigie::bench
