// The measurement of one index: build, check, time.
#include <algorithm>
#include <barrier>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>
#include <span>
#include <stdexcept>
#include <thread>
#include <tuple>

#include "bench/search.h"
#include "bench/stopwatch.h"
#include "engine/index/hamming_scan.h"
#include "engine/index/range_search.h"

namespace vigie::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kScanGroup = 8;         // queries that the scan compares in one pass
constexpr double kCheckedPairs = 6.4e9;  // comparisons for right answers: seconds, at any n
constexpr size_t kMinChecked = 64;
constexpr size_t kFewHits = 100;
constexpr size_t kMinCalls = 4;

// The queries of one radius, half of them planted, and the right answers to the first of them.
struct Workload {
  int radius = 0;
  std::vector<Pdq256> queries;
  size_t checked = 0;
  std::vector<RangeHit> expected;  // sorted
};

bool Before(const RangeHit& a, const RangeHit& b) {
  return std::tie(a.query, a.position, a.distance) < std::tie(b.query, b.position, b.distance);
}

Workload MakeWorkload(const SearchOptions& options, const HugeVector<Pdq256>& codes, int radius) {
  Workload work;
  work.radius = radius;
  const auto queries = MakeQueries(options.distribution, codes, options.queries, radius);
  for (const Query& query : queries) work.queries.push_back(query.hash);
  const auto rows = static_cast<double>(codes.size());
  work.checked =
      std::min(queries.size(), std::max(kMinChecked, static_cast<size_t>(kCheckedPairs / rows)));
  const std::span<const Pdq256> checked(work.queries.data(), work.checked);
  for (size_t first = 0; first < checked.size(); first += kScanGroup) {
    const size_t from = work.expected.size();
    const size_t count = std::min(kScanGroup, checked.size() - first);
    ScanWithin(codes, checked.subspan(first, count), radius, &work.expected);
    for (size_t i = from; i < work.expected.size(); ++i) {
      work.expected[i].query += static_cast<uint32_t>(first);
    }
  }
  std::sort(work.expected.begin(), work.expected.end(), Before);
  // The scan is the judge of the others; what was planted judges the scan.
  for (uint32_t i = 0; i < checked.size(); ++i) {
    if (queries[i].planted == kNotPlanted) continue;
    const int distance =
        HammingDistance(queries[i].hash, codes[static_cast<size_t>(queries[i].planted)]);
    if (!std::binary_search(work.expected.begin(), work.expected.end(),
                            RangeHit{i, queries[i].planted, distance}, Before)) {
      throw std::runtime_error("the scan misses a planted row");
    }
  }
  return work;
}

// Compares the answers, asked for in calls of `batch` queries, with the scan's.
bool Check(const faiss::IndexBinary& index, const Workload& work, const IndexSpec& spec,
           double* recall) {
  std::vector<RangeHit> found;
  std::vector<RangeHit> hits;
  for (size_t first = 0; first < work.checked; first += spec.batch) {
    const size_t count = std::min(spec.batch, work.checked - first);
    hits.clear();
    FindAll(index, {work.queries.data() + first, count}, work.radius, &hits);
    for (RangeHit hit : hits) {
      hit.query += static_cast<uint32_t>(first);
      found.push_back(hit);
    }
  }
  std::sort(found.begin(), found.end(), Before);
  std::vector<RangeHit> right;
  std::set_intersection(found.begin(), found.end(), work.expected.begin(), work.expected.end(),
                        std::back_inserter(right), Before);
  *recall = work.expected.empty()
                ? 1.0
                : static_cast<double>(right.size()) / static_cast<double>(work.expected.size());
  const size_t extra = found.size() - right.size();
  const size_t missed = work.expected.size() - right.size();
  if (extra == 0 && (missed == 0 || !IsExact(spec.kind))) return true;
  std::fprintf(stderr,
               "vigie-bench: %s, radius %d: WRONG ANSWERS, not timed: %zu missed and %zu that are "
               "none, of %zu\n",
               spec.kind.c_str(), work.radius, missed, extra, work.expected.size());
  return false;
}

size_t MostHits(std::span<const RangeHit> hits, size_t batch) {
  std::vector<size_t> of_query(batch, 0);
  size_t most = 0;
  for (const RangeHit& hit : hits) most = std::max(most, ++of_query[hit.query]);
  return most;
}

// The calls of one thread of `threads`: every `threads`-th batch.
struct Share {
  Latencies latencies;
  double qps = 0;
};

Share TimeShare(const faiss::IndexBinary& index, const Workload& work, size_t batch, size_t thread,
                size_t threads, double seconds, std::barrier<>& start_line) {
  Share share;
  std::vector<RangeHit> hits;
  const auto call = [&](size_t number) {
    hits.clear();
    FindAll(index, {work.queries.data() + number * batch, batch}, work.radius, &hits);
  };
  const size_t batches = work.queries.size() / batch;
  call(batches - 1 - thread % batches);  // the thread's first call is slower
  start_line.arrive_and_wait();
  double spent = 0;  // in calls
  for (size_t number = thread; number < batches; number += threads) {
    const auto before = Clock::now();
    call(number);
    const double took = SecondsSince(before);
    share.latencies.Add(took * 1e6 / static_cast<double>(batch), MostHits(hits, batch));
    spent += took;
    if (spent > seconds && share.latencies.calls() >= kMinCalls) break;
  }
  if (spent > 0) share.qps = static_cast<double>(share.latencies.calls() * batch) / spent;
  return share;
}

// Drives out what the check has left in the caches: it asked what will be timed.
void CoolCaches() {
  constexpr size_t kBytes = size_t{512} << 20;  // more than the last level of today's machines
  std::vector<uint8_t> other(kBytes, 1);
  volatile uint8_t sink = 0;
  for (size_t i = 0; i < kBytes; i += 64) sink = other[i];
  static_cast<void>(sink);
}

// Asks everything once: the first questions after a build are slower, whatever the caches hold, and
// would be counted against the first row only.
void WarmUp(const faiss::IndexBinary& index, const Workload& work, size_t batch, double seconds) {
  std::vector<RangeHit> hits;
  const auto start = Clock::now();
  for (size_t first = 0; first + batch <= work.queries.size(); first += batch) {
    hits.clear();
    FindAll(index, {work.queries.data() + first, batch}, work.radius, &hits);
    if (SecondsSince(start) > seconds) break;
  }
}

void Time(const faiss::IndexBinary& index, const Workload& work, const IndexSpec& spec,
          double seconds, SearchRow* row) {
  CoolCaches();
  std::barrier start_line(static_cast<std::ptrdiff_t>(row->threads));
  std::vector<Share> shares(row->threads);
  std::vector<std::thread> workers;
  const auto run = [&](size_t thread) {
    shares[thread] = TimeShare(index, work, spec.batch, thread, row->threads, seconds, start_line);
  };
  for (size_t t = 1; t < row->threads; ++t) workers.emplace_back(run, t);
  run(0);
  for (std::thread& worker : workers) worker.join();
  Latencies all;
  for (const Share& share : shares) {
    all.Append(share.latencies);
    row->qps += share.qps;
  }
  all.Summarise(row);
  row->batch = spec.batch;
  row->queries = all.calls() * spec.batch;
}

double Percentile(std::vector<double> values, double share) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(values.size())));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(rank > 0 ? rank - 1 : 0);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

}  // namespace

void Latencies::Add(double us, size_t most_hits) {
  all_.push_back(us);
  if (most_hits <= kFewHits) few_.push_back(us);
}

void Latencies::Append(const Latencies& other) {
  all_.insert(all_.end(), other.all_.begin(), other.all_.end());
  few_.insert(few_.end(), other.few_.begin(), other.few_.end());
}

double Latencies::mean() const {
  return std::accumulate(all_.begin(), all_.end(), 0.0) / static_cast<double>(all_.size());
}

void Latencies::Summarise(SearchRow* row) const {
  row->p50_us = Percentile(all_, 0.5);
  row->p99_us = Percentile(all_, 0.99);
  row->mean_us = mean();
  row->p50_few_us = Percentile(few_, 0.5);
  row->p99_few_us = Percentile(few_, 0.99);
}

void Progress(const std::string& what) { std::fprintf(stderr, "vigie-bench: %s\n", what.c_str()); }

void FindAll(const faiss::IndexBinary& index, std::span<const Pdq256> queries, int radius,
             std::vector<RangeHit>* hits) {
  const absl::Status status = RangeSearch(index, queries, radius, hits);
  if (!status.ok()) throw std::runtime_error(std::string(MessageOf(status)));
}

BuiltIndex BuildMeasured(const SearchOptions& options, const IndexSpec& spec, size_t n,
                         const std::function<void(HugeVector<Pdq256>& codes)>& prepare) {
  const std::string what = NameOf(spec) + ", " + std::to_string(n) + " codes: ";
  Progress(what + "generating");
  const size_t empty = ResidentBytes();
  HugeVector<Pdq256> codes = MakeCodes(options.distribution, n);
  const size_t code_bytes = ResidentBytes() - empty;
  Progress(what + "looking for the right answers");
  prepare(codes);
  Progress(what + "building");
  const size_t before = ResidentBytes();
  BuiltIndex built;
  const auto start = Clock::now();
  built.index = BuildIndex(spec, std::move(codes));
  built.build_s = SecondsSince(start);
  const size_t after = ResidentBytes();
  built.bytes_per_hash =
      (static_cast<double>(after) + static_cast<double>(code_bytes) - static_cast<double>(before)) /
      static_cast<double>(n);
  Progress(what + "built, checking and timing");
  return built;
}

SearchRow RowOf(const SearchOptions& options, const BuiltIndex& built, size_t n, int radius) {
  SearchRow row;
  row.n = n;
  row.radius = radius;
  row.distribution = options.distribution;
  row.build_s = built.build_s;
  row.bytes_per_hash = built.bytes_per_hash;
  return row;
}

void SetIndex(const std::string& name, SearchRow* row) {
  std::snprintf(row->index, sizeof(row->index), "%s", name.c_str());
}

bool MeasureIndex(const SearchOptions& options, const IndexSpec& spec, size_t n,
                  const EmitRow& emit) {
  std::vector<Workload> works;
  const BuiltIndex built = BuildMeasured(options, spec, n, [&](const HugeVector<Pdq256>& codes) {
    for (const int radius : options.radii) {
      works.push_back(MakeWorkload(options, codes, radius));
    }
  });
  bool right = true;
  for (const Workload& work : works) {
    PrepareFor(work.radius, built.index.get());
    double recall = 0;
    if (!Check(*built.index, work, spec, &recall)) {
      right = false;
      continue;
    }
    WarmUp(*built.index, work, spec.batch, options.seconds);
    for (const size_t threads : options.threads) {
      SearchRow row = RowOf(options, built, n, work.radius);
      SetIndex(NameOf(spec), &row);
      row.threads = threads;
      row.recall = recall;
      Time(*built.index, work, spec, options.seconds, &row);
      emit(row);
    }
  }
  return right;
}

}  // namespace vigie::bench
