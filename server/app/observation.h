// What a running server shows of itself: metrics, health over HTTP, the canary.
#pragma once

#include <memory>
#include <string>

#include "engine/catalog/catalog.h"
#include "engine/catalog/verdict_book.h"
#include "engine/match/pipeline.h"
#include "server/app/canary.h"
#include "server/app/config.h"
#include "server/app/health.h"
#include "server/decode/walled_hasher.h"
#include "server/metrics/http_server.h"
#include "server/metrics/request_metrics.h"
#include "server/metrics/state_metrics.h"
#include "server/rpc/runner.h"

namespace vigie {

class Observation {
 public:
  // All that is given outlives it. `decoders`: where uploads are hashed; nullptr: in the calling
  // thread. Starts the canary and, unless metrics.listen is empty, the HTTP server. LISTEN_FAILED.
  static absl::StatusOr<std::unique_ptr<Observation>> Start(
      const Config& config, Catalog& catalog, const VerdictBook& book, const WalledHasher* decoders,
      const Runner& runner, const RequestMetrics& requests, Health& health);

  // "127.0.0.1:7444"; empty: off.
  std::string metrics_address() const { return http_ == nullptr ? "" : http_->address(); }

 private:
  Observation(const RequestMetrics& requests, const Health& health)
      : requests_(requests), health_(health) {}

  HttpAnswer Metrics();
  HttpAnswer Healthz() const;

  const RequestMetrics& requests_;
  const Health& health_;
  std::unique_ptr<Canary> canary_;
  std::unique_ptr<StateMetrics> state_;
  std::unique_ptr<HttpServer> http_;
};

}  // namespace vigie
