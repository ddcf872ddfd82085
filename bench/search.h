// `vigie-bench search`: what was asked, what was measured, and the three measurements.
#pragma once

#include <faiss/IndexBinary.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bench/search_data.h"
#include "bench/search_index.h"
#include "engine/base/fingerprint.h"
#include "engine/index/range_search.h"

namespace vigie::bench {

struct SearchOptions {
  std::vector<size_t> sizes = {1'000'000};
  size_t queries = 2000;
  std::vector<int> radii = {kDefaultMaxDistance};  // inclusive
  std::vector<IndexSpec> indexes;
  std::vector<size_t> threads = {1};
  Distribution distribution = Distribution::kUniform;
  double seconds = 10;     // at most, for one row of the table; each phase of live
  double changes = 20000;  // a second, half of them additions, half withdrawals; live only
  bool live = false;
  bool orientations = false;
};

// One line of the table. Plain data: it comes from another process through a pipe.
struct SearchRow {
  char index[32] = "";
  size_t n = 0;
  int radius = 0;
  size_t threads = 0;
  size_t batch = 1;  // queries in one call
  Distribution distribution = Distribution::kUniform;
  double build_s = 0;
  double bytes_per_hash = 0;
  // Microseconds a query: of a call, divided by its queries. "few": calls of which no query has
  // more than 100 hits; NaN when there are none.
  double p50_us = 0;
  double p99_us = 0;
  double mean_us = 0;
  double p50_few_us = 0;
  double p99_few_us = 0;
  double qps = 0;     // of all threads together
  double recall = 0;  // of the answers of a plain scan, checked before timing
  size_t queries = 0;
  double changes_per_s = 0;  // as happened; live only
};

using EmitRow = std::function<void(const SearchRow&)>;

// Each builds its index in this process, which should be a new one: the memory of an index is the
// growth of the resident set. Returns false, after saying so on stderr, when an answer was wrong;
// what was wrong is not timed. Throws when something could not be done.
bool MeasureIndex(const SearchOptions& options, const IndexSpec& spec, size_t n,
                  const EmitRow& emit);
// One call with the 8 orientations of a picture against 8 calls with one each.
bool MeasureOrientations(const SearchOptions& options, const IndexSpec& spec, size_t n,
                         const EmitRow& emit);
// The live index, alone and while rows come and go. Its rows are uniform.
bool MeasureLive(const SearchOptions& options, size_t n, const EmitRow& emit);

// Durations of calls of equal size.
class Latencies {
 public:
  // `us` a query; `most_hits` that one of the call's queries has.
  void Add(double us, size_t most_hits);
  void Append(const Latencies& other);
  size_t calls() const { return all_.size(); }
  double mean() const;
  // Sets the fields of `row` that end in _us.
  void Summarise(SearchRow* row) const;

 private:
  std::vector<double> all_;
  std::vector<double> few_;
};

// An index of the codes of `options`, with what it cost. `prepare` sees the codes first and may
// change them.
struct BuiltIndex {
  std::unique_ptr<faiss::IndexBinary> index;
  double build_s = 0;
  double bytes_per_hash = 0;
};
BuiltIndex BuildMeasured(const SearchOptions& options, const IndexSpec& spec, size_t n,
                         const std::function<void(HugeVector<Pdq256>& codes)>& prepare);

// A row for `built` with nothing timed yet.
SearchRow RowOf(const SearchOptions& options, const BuiltIndex& built, size_t n, int radius);
void SetIndex(const std::string& name, SearchRow* row);

// RangeSearch(), the call that is timed. Throws when the index refuses.
void FindAll(const faiss::IndexBinary& index, std::span<const Pdq256> queries, int radius,
             std::vector<RangeHit>* hits);

// Says on stderr what is being done.
void Progress(const std::string& what);

}  // namespace vigie::bench
