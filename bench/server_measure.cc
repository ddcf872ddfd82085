// vigie-bench server: starts the program over a data folder of each size and loads it.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "bench/hash.h"
#include "bench/inputs.h"
#include "bench/seed.h"
#include "bench/server_bench.h"
#include "bench/server_process.h"
#include "bench/workload.h"

namespace vigie::bench {
namespace {

constexpr double kPatientS = 600;  // the deadline when the capacity is measured
constexpr size_t kGenerated = 64;  // pictures
constexpr uint64_t kOrderSeed = 62;
constexpr size_t kBatch = 100;
constexpr auto kSettle = std::chrono::milliseconds(500);
// Hostile files in flight: enough to keep every decoder busy, and some waiting.
constexpr size_t kHostileWindow = 16;
constexpr char kHostile[] = "bench-hostile";
constexpr double kQuietCores = 0.05;  // used by a server that does nothing beside
constexpr int kMostSettles = 120;
constexpr int kTurns = 5;  // of a capacity and its floor

std::vector<std::string> Pictures(const std::string& folder) {
  std::vector<std::string> pictures;
  const auto add = [&pictures](const std::vector<uint8_t>& bytes) {
    pictures.emplace_back(bytes.begin(), bytes.end());
  };
  if (!folder.empty()) {
    size_t skipped = 0;
    for (const Jpeg& jpeg : LoadJpegs(folder, &skipped)) add(jpeg.bytes);
    if (pictures.empty()) throw std::runtime_error("no JPEG that can be decoded in " + folder);
    // Uploads do not come by size: the large ones of one subfolder would be a burst every round.
    Random random(kOrderSeed);
    for (size_t i = pictures.size(); i > 1; --i) {
      std::swap(pictures[i - 1], pictures[random.Below(i)]);
    }
    return pictures;
  }
  for (uint64_t seed = 1; seed <= kGenerated; ++seed) {
    add(ToJpeg(MakePicture(1024, 768, ChannelOrder::kBgr, seed)));
  }
  return pictures;
}

std::vector<std::string> HostileFiles(const std::string& folder) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::ifstream in(path, std::ios::binary);
    files.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  if (files.empty()) throw std::runtime_error("no files in " + folder);
  return files;
}

// Several turns of one measurement as one; of latencies the medians of theirs.
ServerRow Joined(const std::vector<ServerRow>& turns) {
  ServerRow all = turns.back();
  const auto median = [&turns](double LatencySummary::*of) {
    std::vector<double> values;
    for (const ServerRow& turn : turns) values.push_back(turn.load.latencies.*of);
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
  };
  all.load.latencies = {.p50_us = median(&LatencySummary::p50_us),
                        .p99_us = median(&LatencySummary::p99_us),
                        .p999_us = median(&LatencySummary::p999_us)};
  for (size_t i = 0; i < turns.size(); ++i) {
    const ServerRow& turn = turns[i];
    all.load.latencies.count += turn.load.latencies.count;
    all.load.latencies.max_us = std::max(all.load.latencies.max_us, turn.load.latencies.max_us);
    if (i + 1 == turns.size()) continue;  // what `all` began with
    all.load.seconds += turn.load.seconds;
    all.load.right += turn.load.right;
    all.load.wrong += turn.load.wrong;
    all.load.refused += turn.load.refused;
    all.load.failed += turn.load.failed;
    all.server_cpu_s += turn.server_cpu_s;
    all.client_cpu_s += turn.client_cpu_s;
  }
  return all;
}

// The measurements of one server.
class Session {
 public:
  Session(const ServerOptions& options, size_t entries,
          const std::function<void(const ServerRow&)>& progress, ServerReport* report)
      : options_(options),
        entries_(entries),
        progress_(progress),
        report_(*report),
        data_dir_(folder_.File("data")) {
    key_ = CreateKey(options.program, data_dir_, kPlatform, "platform");
    if (!options.hostile.empty()) {
      hostile_key_ = CreateKey(options.program, data_dir_, kHostile, "platform");
    }
    SeedDataFolder(data_dir_, entries);
  }

  void Run() {
    EngineHashRates hash_rates;
    if (HasHashModes()) hash_rates = MeasureEngineHashes(data_dir_, options_, entries_);
    if (HasMode("image")) pictures_ = Pictures(options_.images);
    if (!options_.hostile.empty()) hostile_ = HostileFiles(options_.hostile);
    const double image_rate = pictures_.empty() ? 0 : EngineImageRate(pictures_, options_.seconds);
    Start();
    for (const std::string& mode : options_.modes) {
      const double hash_rate = IsBatch(mode) ? hash_rates.together : hash_rates.single;
      MeasureMode(mode, mode == "image" ? image_rate : hash_rate);
    }
  }

 private:
  bool HasMode(const std::string& mode) const {
    return std::find(options_.modes.begin(), options_.modes.end(), mode) != options_.modes.end();
  }
  bool HasHashModes() const {
    return std::any_of(options_.modes.begin(), options_.modes.end(),
                       [](const std::string& mode) { return mode != "image"; });
  }
  static bool IsBatch(const std::string& mode) { return mode == "batch" || mode == "stream-batch"; }

  void Start() {
    const auto begin = std::chrono::steady_clock::now();
    server_ = std::make_unique<ServerProcess>(options_.program, data_dir_, options_.flags);
    const double ready_s = MicrosecondsSince(begin) * 1e-6;
    const ProcessUsage usage = UsageWhenQuiet();
    report_.starts.push_back({.entries = entries_,
                              .ready_s = ready_s,
                              .memory_mb = usage.memory_mb,
                              .processes = usage.processes});
  }

  // A start goes on in the background: large databases are read through once.
  ProcessUsage UsageWhenQuiet() const {
    ProcessUsage usage = server_->usage();
    for (int i = 0; i < kMostSettles; ++i) {
      std::this_thread::sleep_for(kSettle);
      const double before = usage.cpu_seconds;
      usage = server_->usage();
      const double cores =
          (usage.cpu_seconds - before) / std::chrono::duration<double>(kSettle).count();
      if (i > 0 && cores < kQuietCores) break;
    }
    return usage;
  }

  Callers Connect() const { return Connect(key_); }
  Callers Connect(const std::string& key) const {
    Callers callers;
    for (size_t i = 0; i < options_.connections; ++i) {
      callers.push_back(std::make_unique<Caller>(server_->address(), key));
    }
    return callers;
  }

  std::unique_ptr<Workload> LoadOf(const std::string& mode, double deadline_s) const {
    if (mode == "image") return MakeImageLoad(Connect(), pictures_, deadline_s);
    const HashLoad load{.batch = IsBatch(mode) ? kBatch : 1,
                        .hashes = options_.hashes,
                        .entries = entries_,
                        .deadline_s = deadline_s};
    const bool stream = mode == "stream" || mode == "stream-batch";
    return stream ? MakeStreamLoad(Connect(), load) : MakeHashLoad(Connect(), load);
  }

  // Of pictures and batches less is in flight: they are no faster for waiting in a longer queue,
  // and one of batches that is never empty is refused as one that lasts.
  size_t WindowOf(const std::string& mode) const {
    if (IsBatch(mode)) return std::max<size_t>(options_.window / 16, 1);
    if (mode == "image") return std::max<size_t>(options_.window / 8, 1);
    return options_.window;
  }

  // The capacity, in turns with that of an empty method and each on connections of its own: one
  // run's rates differ by a third from another's, mostly by which threads serve which connections.
  void MeasureCapacity(ServerRow* row) {
    std::vector<ServerRow> floors, turns;
    for (int i = 0; i < kTurns; ++i) {
      const auto turn = [&](Workload& load, size_t window) {
        return Measured(*row, [&] { return Saturate(load, window, options_.seconds / kTurns); });
      };
      floors.push_back(turn(*MakeFloorLoad(Connect(), kPatientS), options_.window));
      turns.push_back(turn(*LoadOf(row->mode, kPatientS), WindowOf(row->mode)));
    }
    ServerRow floor = Joined(floors);
    floor.mode = "floor";
    floor.pictures = 1;
    floor.engine_rps = 0;
    Add(floor);
    row->floor_rps = floor.load.per_second();
    ServerRow capacity = Joined(turns);
    capacity.floor_rps = row->floor_rps;
    Add(capacity);
  }

  void MeasureMode(const std::string& mode, double engine_rps) {
    ServerRow row;
    row.mode = mode;
    row.entries = entries_;
    row.pictures = IsBatch(mode) ? kBatch : 1;
    row.engine_rps = engine_rps;
    MeasureCapacity(&row);
    const double capacity = report_.rows.back().load.per_second();
    if (options_.soak_minutes > 0) {
      Soak(row, mode, capacity * options_.loads.front());
      return;
    }
    for (const double share : options_.loads) {
      const auto load = LoadOf(mode, options_.deadline_s);
      row.target = capacity * share;
      Measure(row, [&] { return Pace(*load, *row.target, options_.seconds); });
      if (!hostile_.empty()) MeasureBesideHostile(row, *load);
    }
  }

  void MeasureBesideHostile(const ServerRow& row, Workload& load) {
    const auto hostile = MakeHostileLoad(Connect(hostile_key_), hostile_, kPatientS);
    Measure(row, [&] {
      auto beside = std::async(
          std::launch::async, [&] { return Saturate(*hostile, kHostileWindow, options_.seconds); });
      const LoadResult result = Pace(load, *row.target, options_.seconds);
      const LoadResult answered = beside.get();
      if (answered.wrong + answered.failed > 0) {
        throw std::runtime_error("hostile files were not answered with verdicts");
      }
      hostile_rps_ = answered.per_second();
      return result;
    });
  }

  static LoadResult Pace(Workload& load, double per_second, double seconds) {
    OpenLoop loop(load, per_second);
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    return loop.Stop();
  }

  // One row a minute.
  void Soak(ServerRow row, const std::string& mode, double rate) {
    const auto load = LoadOf(mode, options_.deadline_s);
    row.target = rate;
    for (double minute = 0; minute < options_.soak_minutes; ++minute) {
      const double seconds = 60 * std::min(1.0, options_.soak_minutes - minute);
      Measure(row, [&] { return Pace(*load, rate, seconds); });
    }
  }

  template <typename Load>
  ServerRow Measured(ServerRow row, const Load& load) {
    const double server_cpu = server_->usage().cpu_seconds;
    const double client_cpu = OwnCpuSeconds();
    row.load = load();
    const ProcessUsage usage = server_->usage();
    row.server_cpu_s = usage.cpu_seconds - server_cpu;
    row.client_cpu_s = OwnCpuSeconds() - client_cpu;
    row.memory_mb = usage.memory_mb;
    row.hostile_rps = std::exchange(hostile_rps_, std::nullopt);
    return row;
  }

  template <typename Load>
  void Measure(const ServerRow& row, const Load& load) {
    Add(Measured(row, load));
  }

  void Add(const ServerRow& row) {
    report_.rows.push_back(row);
    progress_(row);
  }

  const ServerOptions& options_;
  const size_t entries_;
  const std::function<void(const ServerRow&)>& progress_;
  ServerReport& report_;
  const TemporaryFolder folder_;
  const std::string data_dir_;
  std::string key_;
  std::string hostile_key_;
  std::vector<std::string> pictures_;
  std::vector<std::string> hostile_;
  std::optional<double> hostile_rps_;  // of the measurement that has just been made
  std::unique_ptr<ServerProcess> server_;
};

}  // namespace

ServerReport MeasureServer(const ServerOptions& options,
                           const std::function<void(const ServerRow&)>& progress) {
  ServerReport report;
  for (const size_t entries : options.entries) {
    Session(options, entries, progress, &report).Run();
  }
  return report;
}

}  // namespace vigie::bench
