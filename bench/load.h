// Callers of a server under test: a connection with a key.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/fingerprint.h"
#include "vigie/v1/lists.grpc.pb.h"
#include "vigie/v1/match.grpc.pb.h"

namespace vigie::bench {

struct LatencySummary {
  size_t count = 0;
  double p50_us = 0;
  double p99_us = 0;
  double p999_us = 0;
  double max_us = 0;
};
LatencySummary Summarise(std::vector<double> us);

double MicrosecondsSince(std::chrono::steady_clock::time_point begin);

v1::Fingerprint FingerprintOf(const Pdq256& hash);

// One caller: a connection of its own. Throws std::runtime_error when a call fails. Thread-safe.
class Caller {
 public:
  Caller(const std::string& address, std::string key);

  // With the key, and a deadline in so many seconds.
  std::unique_ptr<grpc::ClientContext> NewContext(double deadline_s = 600) const;
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  v1::ListService::Stub& lists() { return *lists_; }
  v1::MatchService::Stub& match() { return *match_; }

  // A list of kind block.
  void CreateList(const std::string& id);
  // Uploads one entry in a call of its own; its name once it is acknowledged.
  std::string Submit(const std::string& list, const Pdq256& hash);
  v1::Verdict Check(const Pdq256& hash);

 private:
  const std::string key_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::ListService::Stub> lists_;
  std::unique_ptr<v1::MatchService::Stub> match_;
};

}  // namespace vigie::bench
