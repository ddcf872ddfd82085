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
#include "server/metrics/http_server.h"
#include "server/metrics/request_metrics.h"
#include "server/metrics/state_metrics.h"

namespace vigie {

// Adds what parts of a server know about themselves to `sources`.
class Observation {
 public:
  // All that is given outlives it. `sources`: lanes and decoders, where there are any; the rest is
  // filled in. `hasher`: where uploads are hashed; nullptr: in the calling thread. Starts the
  // canary and, unless metrics.listen is empty, the HTTP server. LISTEN_FAILED.
  static absl::StatusOr<std::unique_ptr<Observation>> Start(const Config& config, Catalog& catalog,
                                                            const VerdictBook& book,
                                                            const ImageHasher* hasher,
                                                            const RequestMetrics& requests,
                                                            Health& health, StateSources sources);

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
