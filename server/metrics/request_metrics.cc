#include "server/metrics/request_metrics.h"

#include <algorithm>
#include <utility>

namespace vigie {
namespace {

using prometheus::MetricType;

constexpr std::array<int64_t, 7> kSizeBounds = {1, 2, 4, 8, 16, 32, 64};
constexpr std::array<std::string_view, 4> kSteps = {"decode", "hash", "search", "decide"};
constexpr double kNanoseconds = 1e9;

template <size_t... I>
std::array<Histogram, sizeof...(I)> LatencyHistograms(std::index_sequence<I...>) {
  return {((void)I, Histogram(LatencyBounds()))...};
}

// A value of another version of the code is left out rather than written elsewhere.
template <typename Counts, typename Enum>
void Add(Counts& counts, Enum value) {
  if (const auto i = static_cast<size_t>(value); i < counts.size()) {
    counts[i].fetch_add(1, std::memory_order_relaxed);
  }
}

double Value(const std::atomic<uint64_t>& count) {
  return static_cast<double>(count.load(std::memory_order_relaxed));
}

}  // namespace

RequestMetrics::RequestMetrics()
    : call_times_(LatencyHistograms(std::make_index_sequence<kMethods>())),
      step_times_(LatencyHistograms(std::make_index_sequence<4>())),
      commit_times_(LatencyBounds()),
      commit_sizes_(kSizeBounds) {}

void RequestMetrics::OnCall(Method method, absl::StatusCode code, std::string_view /*reason*/,
                            TimeUs took_us) {
  const auto i = static_cast<size_t>(method);
  if (i >= calls_.size()) return;
  Add(calls_[i], code);
  call_times_[i].Observe(took_us * 1000);
}

void RequestMetrics::OnVerdict(const Verdict& verdict, const CheckTimes& times) {
  Add(outcomes_, verdict.outcome);
  if (verdict.outcome == Outcome::kNotScanned) Add(not_scanned_, verdict.not_scanned);
  if (verdict.outcome == Outcome::kMatch && !verdict.matches.empty()) {
    // The strongest is the first.
    if (const auto i = static_cast<size_t>(verdict.action); i < matches_.size()) {
      Add(matches_[i], verdict.matches.front().category);
    }
  }
  const int64_t steps[] = {times.decode_ns, times.hash_ns, times.search_ns, times.decide_ns};
  for (size_t i = 0; i < step_times_.size(); ++i) {
    if (steps[i] > 0) step_times_[i].Observe(steps[i]);
  }
}

void RequestMetrics::OnCommit(const CommitFacts& commit) {
  commit_times_.Observe(commit.took_ns);
  commit_sizes_.Observe(static_cast<int64_t>(commit.changes));
  if (!commit.ok) commits_failed_.fetch_add(1, std::memory_order_relaxed);
}

void RequestMetrics::Collect(Families& families) const {
  CollectCalls(families);
  CollectVerdicts(families);
  CollectCommits(families);
}

void RequestMetrics::CollectCalls(Families& families) const {
  auto& requests = AddFamily(families, "vigie_requests_total", MetricType::Counter,
                             "Calls that have ended, by method and status code.");
  for (size_t m = 0; m < calls_.size(); ++m) {
    for (size_t c = 0; c < kCodes; ++c) {
      const auto code = static_cast<absl::StatusCode>(c);
      // OK is there from the start, so that a rate sees the first one.
      if (Value(calls_[m][c]) == 0 && code != absl::StatusCode::kOk) continue;
      AddCounter(
          requests, Value(calls_[m][c]),
          {{"method", Name(static_cast<Method>(m))}, {"code", absl::StatusCodeToString(code)}});
    }
  }
  auto& times = AddFamily(families, "vigie_request_duration_seconds", MetricType::Histogram,
                          "From a call's arrival to its end; of a stream, how long it lived.");
  for (size_t m = 0; m < calls_.size(); ++m) {
    const bool called = std::any_of(calls_[m].begin(), calls_[m].end(),
                                    [](const Count& count) { return count.load() > 0; });
    if (!called) continue;
    AddHistogram(times, call_times_[m], kNanoseconds, {{"method", Name(static_cast<Method>(m))}});
  }
}

void RequestMetrics::CollectVerdicts(Families& families) const {
  auto& steps = AddFamily(families, "vigie_check_step_duration_seconds", MetricType::Histogram,
                          "What a step of a check took, of checks that took it.");
  for (size_t i = 0; i < kSteps.size(); ++i) {
    AddHistogram(steps, step_times_[i], kNanoseconds, {{"step", kSteps[i]}});
  }
  auto& verdicts =
      AddFamily(families, "vigie_verdicts_total", MetricType::Counter, "Verdicts, by outcome.");
  for (size_t i = 1; i < kOutcomes; ++i) {
    AddCounter(verdicts, Value(outcomes_[i]), {{"outcome", Name(static_cast<Outcome>(i))}});
  }
  auto& matches =
      AddFamily(families, "vigie_match_verdicts_total", MetricType::Counter,
                "Verdicts that matched, by action and category of the strongest match.");
  for (size_t a = 1; a < kActions; ++a) {
    for (size_t c = 1; c < kCategories; ++c) {
      AddCounter(
          matches, Value(matches_[a][c]),
          {{"action", Name(static_cast<Action>(a))}, {"category", Name(static_cast<Category>(c))}});
    }
  }
  auto& not_scanned = AddFamily(families, "vigie_not_scanned_total", MetricType::Counter,
                                "Verdicts on pictures that could not be looked at, by reason.");
  for (size_t i = 1; i < kReasons; ++i) {
    AddCounter(not_scanned, Value(not_scanned_[i]), {{"reason", Name(static_cast<NotScanned>(i))}});
  }
}

void RequestMetrics::CollectCommits(Families& families) const {
  AddHistogram(AddFamily(families, "vigie_commit_duration_seconds", MetricType::Histogram,
                         "What a commit to the database took, with making it visible."),
               commit_times_, kNanoseconds);
  AddHistogram(AddFamily(families, "vigie_commit_changes", MetricType::Histogram,
                         "Changes that shared a commit."),
               commit_sizes_, 1);
  Counter(families, "vigie_commits_failed_total", "Commits that the database refused.",
          Value(commits_failed_));
}

}  // namespace vigie
