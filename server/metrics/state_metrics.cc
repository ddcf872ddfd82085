#include "server/metrics/state_metrics.h"

#include <sys/stat.h>

#include <ctime>

#include "engine/base/simd.h"

namespace vigie {
namespace {

using prometheus::MetricType;

constexpr auto kCountPause = std::chrono::seconds(30);
constexpr double kMicroseconds = 1e6;

double FileBytes(const std::string& path) {
  struct stat facts {};
  return stat(path.c_str(), &facts) == 0 ? static_cast<double>(facts.st_size) : 0;
}

double Seconds(TimeUs time) { return static_cast<double>(time) / kMicroseconds; }

}  // namespace

void StateMetrics::Collect(Families& families) {
  AddGauge(AddFamily(families, "vigie_build_info", MetricType::Gauge,
                     "Always 1: the program's version and the SIMD kernels in use."),
           1, {{"version", VIGIE_VERSION}, {"simd", ActiveSimdTarget()}});
  Gauge(families, "vigie_serving", "1 while health says SERVING.",
        sources_.serving && sources_.serving() ? 1 : 0);
  CollectIndex(families);
  CollectEntries(families);
  CollectFiles(families);
  CollectLanes(families);
  CollectDecoders(families);
  CollectCanary(families);
}

void StateMetrics::CollectIndex(Families& families) const {
  const LiveIndexStats index = sources_.catalog->index_stats();
  const auto gauge = [&families](std::string_view name, std::string_view help, double value) {
    Gauge(families, name, help, value);
  };
  gauge("vigie_index_rows", "Perceptual hashes in the index, hidden ones included.",
        static_cast<double>(index.rows));
  gauge("vigie_index_head_rows", "Of these: not sealed yet, compared one by one.",
        static_cast<double>(index.head_rows));
  gauge("vigie_index_segments", "Sealed segments.", static_cast<double>(index.segments));
  gauge("vigie_index_tombstones", "Rows hidden since the start.",
        static_cast<double>(index.tombstones));
  gauge("vigie_index_bytes", "Memory of the index's codes, rows and tables.",
        static_cast<double>(index.bytes));
  Counter(families, "vigie_index_seals_total", "Segments made of heads.",
          static_cast<double>(index.seals));
  Counter(families, "vigie_index_merges_total", "Segments made of other segments.",
          static_cast<double>(index.merges));
  const LocalIndexStats local = sources_.catalog->local_stats();
  gauge("vigie_local_pictures", "Pictures with a local fingerprint that acts.",
        static_cast<double>(local.pictures));
  gauge("vigie_local_bytes", "Memory of local fingerprints and their index.",
        static_cast<double>(local.bytes));
  gauge("vigie_index_oldest_unsealed_seconds",
        "Since the oldest head was begun; 0: everything is sealed.", index.oldest_unsealed_s);
  gauge("vigie_catalogue_revision", "Number of the last state that is durable and matchable.",
        static_cast<double>(sources_.catalog->revision()));
  gauge("vigie_catalogue_complete", "0 when something durable could not be made matchable.",
        sources_.catalog->health().ok() ? 1 : 0);
}

void StateMetrics::CollectEntries(Families& families) {
  if (const auto now = std::chrono::steady_clock::now(); now >= count_again_) {
    count_again_ = now + kCountPause;
    entries_.clear();
    lists_ = 0;
    for (const OrganisationCounters& one : sources_.catalog->CountEntries()) {
      lists_ += one.lists;
      for (const auto& [state, entries] : one.entries) entries_[state] += entries;
    }
  }
  auto& family = AddFamily(families, "vigie_entries", MetricType::Gauge,
                           "Entries of lists that are not deleted, by state; up to 30 s old.");
  for (size_t i = 1; i <= static_cast<size_t>(EntryState::kErased); ++i) {
    const auto state = static_cast<EntryState>(i);
    AddGauge(family, static_cast<double>(entries_[state]), {{"state", Name(state)}});
  }
  Gauge(families, "vigie_lists", "Lists that are not deleted; up to 30 s old.",
        static_cast<double>(lists_));
  Counter(families, "vigie_entries_expired_total", "Entries whose end by time was written down.",
          static_cast<double>(sources_.catalog->expired()));
  if (sources_.book == nullptr) return;
  Gauge(families, "vigie_verdicts_waiting", "Verdicts that are given and not written down yet.",
        static_cast<double>(sources_.book->waiting()));
  Counter(families, "vigie_verdicts_dropped_total",
          "Verdicts that were given and never written down.",
          static_cast<double>(sources_.book->dropped()));
}

void StateMetrics::CollectFiles(Families& families) const {
  auto& bytes = AddFamily(families, "vigie_database_bytes", MetricType::Gauge,
                          "Size of the database's files.");
  AddGauge(bytes, FileBytes(sources_.database), {{"file", "database"}});
  AddGauge(bytes, FileBytes(sources_.database + "-wal"), {{"file", "log"}});
  auto& age = AddFamily(families, "vigie_checkpoint_age_seconds", MetricType::Gauge,
                        "Since the checkpoint was written; no series without one.");
  struct stat facts {};
  if (stat(sources_.checkpoint.c_str(), &facts) == 0) {
    AddGauge(age, std::max(0.0, std::difftime(std::time(nullptr), facts.st_mtime)));
  }
  Gauge(families, "vigie_checkpoint_rows_behind", "Rows that have changed since the checkpoint.",
        static_cast<double>(sources_.catalog->rows_changed()));
}

void StateMetrics::CollectLanes(Families& families) const {
  struct Column {
    std::string_view name;
    MetricType type;
    std::string_view help;
    double (*value)(const LaneStats&);
  };
  static constexpr Column kColumns[] = {
      {"vigie_lane_threads", MetricType::Gauge, "Working threads of a lane.",
       [](const LaneStats& lane) { return static_cast<double>(lane.threads); }},
      {"vigie_lane_queued", MetricType::Gauge, "Requests that wait.",
       [](const LaneStats& lane) { return static_cast<double>(lane.queued); }},
      {"vigie_lane_running", MetricType::Gauge, "Requests that are worked on.",
       [](const LaneStats& lane) { return static_cast<double>(lane.running); }},
      {"vigie_lane_bytes", MetricType::Gauge, "Bytes of requests that wait or are worked on.",
       [](const LaneStats& lane) { return static_cast<double>(lane.bytes); }},
      {"vigie_lane_expected_wait_seconds", MetricType::Gauge, "What the next request would wait.",
       [](const LaneStats& lane) { return Seconds(lane.expected_us); }},
      {"vigie_lane_done_total", MetricType::Counter, "Requests that were worked on to their end.",
       [](const LaneStats& lane) { return static_cast<double>(lane.done); }},
      {"vigie_lane_refused_total", MetricType::Counter, "Requests refused as SERVER_BUSY.",
       [](const LaneStats& lane) { return static_cast<double>(lane.refused); }},
      {"vigie_lane_dropped_total", MetricType::Counter,
       "Requests whose caller gave up before they were begun.",
       [](const LaneStats& lane) { return static_cast<double>(lane.dropped); }},
      {"vigie_lane_waited_seconds_total", MetricType::Counter, "What requests have waited.",
       [](const LaneStats& lane) { return Seconds(lane.waited_us); }},
      {"vigie_lane_worked_seconds_total", MetricType::Counter, "What work on requests has taken.",
       [](const LaneStats& lane) { return Seconds(lane.worked_us); }},
  };
  const auto lanes = sources_.lanes ? sources_.lanes() : std::vector<LaneStats>();
  for (const Column& column : kColumns) {
    auto& family = AddFamily(families, column.name, column.type, column.help);
    for (const LaneStats& lane : lanes) {
      const auto add = column.type == MetricType::Gauge ? AddGauge : AddCounter;
      add(family, column.value(lane), {{"lane", lane.name}});
    }
  }
}

void StateMetrics::CollectDecoders(Families& families) const {
  const bool there = static_cast<bool>(sources_.decoders);
  const DecoderCounts counts = there ? sources_.decoders() : DecoderCounts();
  const auto gauge = [&](std::string_view name, std::string_view help, uint64_t value) {
    auto& family = AddFamily(families, name, MetricType::Gauge, help);
    if (there) AddGauge(family, static_cast<double>(value));
  };
  gauge("vigie_decoder_workers", "Decoding processes that are to be there.", counts.workers);
  gauge("vigie_decoder_busy", "Of these: with a picture.", counts.busy);
  gauge("vigie_decoder_waiting", "Pictures that wait for one.", counts.waiting);
  auto& replaced = AddFamily(families, "vigie_decoder_replaced_total", MetricType::Counter,
                             "Decoding processes that were replaced, by cause.");
  for (const auto& [cause, count] : counts.replaced) {
    AddCounter(replaced, static_cast<double>(count), {{"cause", cause}});
  }
}

void StateMetrics::CollectCanary(Families& families) const {
  const CanaryCounts canary = sources_.canary ? sources_.canary() : CanaryCounts();
  const auto gauge = [&](std::string_view name, std::string_view help, double value) {
    auto& family = AddFamily(families, name, MetricType::Gauge, help);
    if (canary.enabled) AddGauge(family, value);
  };
  gauge("vigie_canary_passing", "0 after the canary has failed twice in a row.",
        canary.passing ? 1 : 0);
  gauge("vigie_canary_age_seconds", "Since the canary was last found.", canary.age_s);
  gauge("vigie_canary_last_duration_seconds", "What the last round took.", canary.took_s);
  gauge("vigie_canary_distance_bits", "Between the canary and its entry.", canary.distance);
  auto& rounds = AddFamily(families, "vigie_canary_rounds_total", MetricType::Counter,
                           "Rounds of the canary, by result.");
  if (!canary.enabled) return;
  AddCounter(rounds, static_cast<double>(canary.passed), {{"result", "passed"}});
  AddCounter(rounds, static_cast<double>(canary.failed), {{"result", "failed"}});
  AddCounter(rounds, static_cast<double>(canary.skipped), {{"result", "skipped"}});
}

}  // namespace vigie
