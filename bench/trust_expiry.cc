// vigie-bench trust: many entries that expire in the same second, while somebody asks.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "bench/inputs.h"
#include "bench/search_data.h"
#include "bench/trust.h"
#include "engine/store/sqlite_store.h"

namespace vigie::bench {
namespace {

using Steady = std::chrono::steady_clock;

constexpr char kLasting[] = "lasting";
constexpr char kExpiring[] = "expiring";
constexpr size_t kBatch = 10'000;
constexpr auto kMaintenancePause = std::chrono::milliseconds(200);  // the server's
constexpr auto kQueryPause = std::chrono::milliseconds(1);
constexpr size_t kQueries = 8;  // as many hashes as a picture has orientations
constexpr uint64_t kQuerySeed = 32;

// Stands still until it is moved.
class MovedClock final : public vigie::Clock {
 public:
  TimeUs Now() const override { return now_.load(); }
  void Move(TimeUs us) { now_ += us; }

 private:
  std::atomic<TimeUs> now_{SystemClock().Now()};
};

template <typename T>
T OrThrow(absl::StatusOr<T> result) {
  if (!result.ok()) throw std::runtime_error(std::string(MessageOf(result.status())));
  return *std::move(result);
}

// Maintains the catalogue as the server does, on a thread of its own.
class Maintenance {
 public:
  explicit Maintenance(Catalog& catalog) : thread_([this, &catalog] { Run(catalog); }) {}
  ~Maintenance() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    stop_.notify_all();
    thread_.join();
  }
  Maintenance(const Maintenance&) = delete;
  Maintenance& operator=(const Maintenance&) = delete;

 private:
  void Run(Catalog& catalog) {
    std::unique_lock lock(mutex_);
    while (!stop_.wait_for(lock, kMaintenancePause, [this] { return stopping_; })) {
      lock.unlock();
      (void)catalog.Maintain();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread thread_;
};

void Fill(Catalog& catalog, const char* list, size_t first, size_t count, int64_t hours) {
  const Principal flagger{.key_id = "bench-key",
                          .organisation = "bench-flagger",
                          .role = Role::kTrustedFlagger,
                          .designation = Designation{.id = "bench"}};
  OrThrow(catalog.CreateList(flagger, {.id = list,
                                       .kind = ListKind::kBlock,
                                       .category = Category::kNcii,
                                       .settings = {.provisional_hours = hours}}));
  for (size_t done = 0; done < count;) {
    std::vector<NewEntry> batch;
    while (batch.size() < kBatch && done < count) {
      batch.push_back(EntryOf(UniformHash(first + done++)));
    }
    OrThrow(catalog.Upload(flagger, list, batch));
    if (!catalog.Maintain().ok()) throw std::runtime_error("index maintenance failed");
  }
}

bool IsFound(const Catalog& catalog, size_t row) {
  const Pdq256 hash = UniformHash(row);
  return !OrThrow(catalog.FindNear({&hash, 1}, 0)).empty();
}

// Asks at a steady rate while `go_on()`; a latency counts from when its query was due.
template <typename GoOn>
LatencySummary Ask(const Catalog& catalog, FastRandom& random, GoOn go_on) {
  std::vector<double> us;
  const auto begin = Steady::now();
  for (size_t i = 0; go_on(); ++i) {
    std::vector<Pdq256> queries(kQueries);
    for (Pdq256& query : queries) query = random.Hash();
    const auto due = begin + kQueryPause * static_cast<int64_t>(i);
    std::this_thread::sleep_until(due);
    if (!OrThrow(catalog.FindNear(queries, kDefaultMaxDistance)).empty()) {
      throw std::runtime_error("a random hash matched");
    }
    us.push_back(MicrosecondsSince(due));
  }
  return Summarise(std::move(us));
}

}  // namespace

ExpiryResult MeasureExpiry(const TrustOptions& options) {
  const TemporaryFolder folder;
  MovedClock clock;
  const auto store = OrThrow(OpenSqliteStore(folder.File("vigie.db")));
  const auto catalog = OrThrow(Catalog::Open(*store, clock, {}, {}));
  const size_t expiring = options.expiring;
  Fill(*catalog, kExpiring, 0, expiring, /*hours=*/1);
  if (options.entries > expiring) {
    Fill(*catalog, kLasting, expiring, options.entries - expiring, /*hours=*/1000);
  }
  for (const size_t row : {size_t{0}, expiring - 1}) {
    if (!IsFound(*catalog, row)) throw std::runtime_error("an entry was not found");
  }
  const Maintenance maintenance(*catalog);
  FastRandom random(kQuerySeed);
  ExpiryResult result;
  const auto idle_until = Steady::now() + std::chrono::duration<double>(options.seconds);
  result.idle = Ask(*catalog, random, [&] { return Steady::now() < idle_until; });

  clock.Move(2 * 3600 * kSecondUs);
  const auto begin = Steady::now();
  // Before any of them can have been written down.
  for (size_t i = 0; i < 100; ++i) {
    result.found_after += IsFound(*catalog, i * expiring / 100) ? 1 : 0;
  }
  std::atomic<bool> written{false};
  std::thread watch([&] {
    while (!store->ReadDue(clock.Now(), 1).value_or(std::vector<EntryNumber>()).empty()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    result.written_s = MicrosecondsSince(begin) * 1e-6;
    written.store(true);
  });
  result.during = Ask(*catalog, random, [&] { return !written.load(); });
  watch.join();
  for (size_t row = 0; row < expiring; ++row) result.found_after += IsFound(*catalog, row) ? 1 : 0;
  result.not_written = expiring - OrThrow(store->CountInState(EntryState::kExpired));
  return result;
}

}  // namespace vigie::bench
