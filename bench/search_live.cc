// Queries of the live index, alone and while rows come and go.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <exception>
#include <numeric>
#include <stdexcept>
#include <thread>

#include "bench/search.h"
#include "bench/stopwatch.h"
#include "engine/index/live_index.h"

namespace vigie::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kWriterSeed = 31;
constexpr uint64_t kReaderSeed = 32;
constexpr size_t kPreloadBlock = 100'000;
constexpr size_t kMaxHits = 1024;
constexpr auto kTick = std::chrono::milliseconds(1);
constexpr auto kMaintainEvery = std::chrono::milliseconds(200);

void OrThrow(const absl::Status& status) {
  if (!status.ok()) throw std::runtime_error(std::string(MessageOf(status)));
}

// Rows 1, 2, ...; the code of each is UniformHash() of its number. Rows of odd numbers may be
// withdrawn, those of even numbers stay, so a search near one of them has to find it.
class World {
 public:
  explicit World(size_t rows) : index_(LiveIndexOptions{.kind = IndexKind::kMultiIndexHash}) {
    while (next_row_ <= rows) Add(std::min(kPreloadBlock, rows + 1 - next_row_));
    preloaded_ = static_cast<RowId>(rows);
    OrThrow(index_.Maintain(/*seal_all=*/true));
  }

  LiveIndex& index() { return index_; }
  RowId preloaded() const { return preloaded_; }
  // Of the rows whose addition is complete; even.
  RowId newest_kept() const { return newest_kept_.load(); }
  // 0 when none is yet.
  RowId last_withdrawn() const { return last_withdrawn_.load(); }

  // One thread at a time.
  void Add(size_t count) {
    std::vector<RowId> rows(count);
    std::iota(rows.begin(), rows.end(), static_cast<RowId>(next_row_));
    std::vector<Pdq256> codes;
    for (const RowId row : rows) codes.push_back(UniformHash(row));
    OrThrow(index_.Add(codes, rows));
    next_row_ += count;
    newest_kept_ = static_cast<RowId>((next_row_ - 1) / 2 * 2);
  }
  // `count` rows chosen at random, of which a few may be withdrawn already.
  void Withdraw(size_t count, FastRandom& random) {
    std::vector<RowId> rows(count);
    for (RowId& row : rows) row = static_cast<RowId>(random.Below(next_row_ / 2) * 2 + 1);
    index_.Remove(rows);
    if (count > 0) last_withdrawn_ = rows.back();
  }

 private:
  LiveIndex index_;
  uint64_t next_row_ = 1;
  RowId preloaded_ = 0;
  std::atomic<RowId> newest_kept_{0};
  std::atomic<RowId> last_withdrawn_{0};
};

struct Reader {
  Latencies latencies;
  double qps = 0;
  size_t wrong = 0;  // a row not found that is there, or found after it was withdrawn
};

// Of 8 queries 6 lie near a preloaded row, one near the newest, one is a withdrawn row's code.
Reader Read(const World& world, const LiveIndex& index, int radius, uint64_t seed, double seconds) {
  Reader reader;
  FastRandom random(seed);
  const auto start = Clock::now();
  for (size_t i = 0; SecondsSince(start) < seconds; ++i) {
    RowId row = static_cast<RowId>(2 + random.Below(world.preloaded() / 2) * 2);
    if (i % 8 == 6) row = world.newest_kept();
    const bool gone = i % 8 == 7 && world.last_withdrawn() != 0;
    if (gone) row = world.last_withdrawn();
    const auto distance = static_cast<int>(random.Below(static_cast<size_t>(radius) + 1));
    const Pdq256 query = random.Near(UniformHash(row), gone ? 0 : distance);
    const auto before = Clock::now();
    const auto result = index.Search({&query, 1}, radius, kMaxHits);
    const double us = SecondsSince(before) * 1e6;
    OrThrow(result.status());
    const bool found = std::any_of(result->hits.begin(), result->hits.end(),
                                   [row](const Hit& hit) { return hit.row == row; });
    if (found == gone) ++reader.wrong;
    reader.latencies.Add(us, result->total);
  }
  reader.qps = static_cast<double>(reader.latencies.calls()) / SecondsSince(start);
  return reader;
}

// Runs `body` in a thread of its own; Join() passes on what it threw.
class Worker {
 public:
  template <typename Body>
  explicit Worker(Body body)
      : thread_([this, body] {
          try {
            body();
          } catch (...) {
            error_ = std::current_exception();
          }
        }) {}
  void Join() {
    thread_.join();
    if (error_ != nullptr) std::rethrow_exception(error_);
  }

 private:
  std::exception_ptr error_;
  std::thread thread_;
};

// Adds and withdraws, as many of each, at `per_second` together, until told to stop.
size_t Change(World* world, double per_second, const std::atomic<bool>& stop) {
  FastRandom random(kWriterSeed);
  const auto start = Clock::now();
  auto next = start;
  size_t done = 0;
  while (!stop) {
    const auto due = static_cast<size_t>(SecondsSince(start) * per_second);
    const size_t pairs = due > done ? (due - done) / 2 : 0;
    if (pairs > 0) {
      world->Add(pairs);
      world->Withdraw(pairs, random);
      done += 2 * pairs;
    }
    next = std::max(next + kTick, Clock::now());
    std::this_thread::sleep_until(next);
  }
  return done;
}

Reader ReadWithThreads(const World& world, const LiveIndex& index, int radius, size_t threads,
                       double seconds) {
  std::vector<Reader> readers(threads);
  std::vector<std::unique_ptr<Worker>> workers;
  for (size_t t = 0; t < threads; ++t) {
    workers.push_back(std::make_unique<Worker>(
        [&, t] { readers[t] = Read(world, index, radius, kReaderSeed + t, seconds); }));
  }
  for (const auto& worker : workers) worker->Join();
  Reader all;
  for (const Reader& reader : readers) {
    all.latencies.Append(reader.latencies);
    all.qps += reader.qps;
    all.wrong += reader.wrong;
  }
  return all;
}

// The same while one thread changes rows and another maintains.
Reader ReadWhileChanging(World* world, const SearchOptions& options, int radius, size_t threads,
                         double* changes_per_s) {
  std::atomic<bool> stop{false};
  size_t changes = 0;
  const auto start = Clock::now();
  Worker writer([&] { changes = Change(world, options.changes, stop); });
  Worker keeper([&] {
    while (!stop) {
      OrThrow(world->index().Maintain());
      std::this_thread::sleep_for(kMaintainEvery);
    }
  });
  Reader all;
  std::exception_ptr error;
  try {
    all = ReadWithThreads(*world, world->index(), radius, threads, options.seconds);
  } catch (...) {
    error = std::current_exception();
  }
  *changes_per_s = 0;
  const double spent = SecondsSince(start);
  stop = true;
  writer.Join();
  keeper.Join();
  if (error != nullptr) std::rethrow_exception(error);
  *changes_per_s = static_cast<double>(changes) / spent;
  return all;
}

bool Emit(const char* name, const Reader& reader, SearchRow row, const EmitRow& emit) {
  const size_t calls = reader.latencies.calls();
  if (reader.wrong > 0 || calls == 0) {
    std::fprintf(stderr, "vigie-bench: %s, radius %d: WRONG ANSWERS: %zu of %zu\n", name,
                 row.radius, reader.wrong, calls);
    return false;
  }
  SetIndex(name, &row);
  row.recall = 1;
  row.qps = reader.qps;
  row.queries = calls;
  reader.latencies.Summarise(&row);
  emit(row);
  return true;
}

}  // namespace

bool MeasureLive(const SearchOptions& options, size_t n, const EmitRow& emit) {
  Progress("live, " + std::to_string(n) + " rows: adding and sealing");
  const size_t before = ResidentBytes();
  const auto start = Clock::now();
  World world(std::max<size_t>(2, n));
  SearchRow row;
  row.build_s = SecondsSince(start);
  row.n = n;
  OrThrow(world.index().Maintain());  // frees what the sealing replaced
  row.bytes_per_hash = static_cast<double>(ResidentBytes() - before) / static_cast<double>(n);
  bool right = true;
  for (const int radius : options.radii) {
    for (const size_t threads : options.threads) {
      Progress("live, " + std::to_string(n) + " rows: idle, then changing");
      row.radius = radius;
      row.threads = threads;
      row.changes_per_s = 0;
      const Reader idle = ReadWithThreads(world, world.index(), radius, threads, options.seconds);
      right &= Emit("live-idle", idle, row, emit);
      const Reader busy = ReadWhileChanging(&world, options, radius, threads, &row.changes_per_s);
      right &= Emit("live", busy, row, emit);
      const LiveIndexStats stats = world.index().stats();
      Progress("live: now " + std::to_string(stats.rows) + " rows in " +
               std::to_string(stats.segments) + " segments and " + std::to_string(stats.heads) +
               " heads, " + std::to_string(stats.tombstones) + " withdrawn");
    }
  }
  return right;
}

}  // namespace vigie::bench
