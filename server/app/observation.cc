#include "server/app/observation.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace vigie {
namespace {

DecoderCounts CountsOf(const DecoderStats& stats) {
  DecoderCounts counts{.workers = stats.workers, .busy = stats.busy, .waiting = stats.waiting};
  for (size_t i = 0; i < stats.replaced.size(); ++i) {
    counts.replaced.emplace_back(Name(static_cast<DecoderEnd>(i)), stats.replaced[i]);
  }
  return counts;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Observation>> Observation::Start(
    const Config& config, Catalog& catalog, const VerdictBook& book, const WalledHasher* decoders,
    const Runner& runner, const RequestMetrics& requests, Health& health) {
  std::unique_ptr<Observation> observation(new Observation(requests, health));
  StateSources sources;
  if (config.canary_interval_seconds > 0) {
    observation->canary_ = std::make_unique<Canary>(
        catalog, SystemClock(), decoders, PipelineOptionsOf(config),
        std::chrono::seconds(config.canary_interval_seconds),
        [&health](const absl::Status& status) { health.Set(Health::Part::kCanary, status); });
    sources.canary = [canary = observation->canary_.get()] { return canary->counts(); };
  }
  sources.catalog = &catalog;
  sources.book = &book;
  sources.database = DatabasePath(config.data_dir);
  sources.checkpoint = CheckpointFolder(config.data_dir) + "/manifest";
  sources.lanes = [&runner] {
    const auto lanes = runner.lanes();
    return std::vector<LaneStats>(lanes.begin(), lanes.end());
  };
  if (decoders != nullptr) sources.decoders = [decoders] { return CountsOf(decoders->stats()); };
  sources.serving = [&health] { return health.Get().ok(); };
  observation->state_ = std::make_unique<StateMetrics>(std::move(sources));
  if (!config.metrics_listen.empty()) {
    Observation* const self = observation.get();
    VIGIE_ASSIGN_OR_RETURN(observation->http_,
                           HttpServer::Start(config.metrics_listen,
                                             {{"/metrics", [self] { return self->Metrics(); }},
                                              {"/healthz", [self] { return self->Healthz(); }}}));
  }
  if (observation->canary_ != nullptr) observation->canary_->Start();
  return observation;
}

HttpAnswer Observation::Metrics() {
  Families families;
  requests_.Collect(families);
  state_->Collect(families);
  CollectProcess(families);
  return {.type = "text/plain; version=0.0.4; charset=utf-8", .body = ToText(families)};
}

HttpAnswer Observation::Healthz() const {
  const absl::Status status = health_.Get();
  if (status.ok()) return {.body = "SERVING\n"};
  return {.code = 503,
          .body = absl::StrCat("NOT_SERVING ", ReasonOf(status), ": ", status.message(), "\n")};
}

}  // namespace vigie
