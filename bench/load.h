// Callers of a server under test: a connection with a key, and a load of checks that does not slow
// down when the server does.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/base/fingerprint.h"
#include "vigie/v1/lists.grpc.pb.h"
#include "vigie/v1/match.grpc.pb.h"

namespace vigie::bench {

struct Latencies {
  size_t count = 0;
  double p50_us = 0;
  double p99_us = 0;
  double max_us = 0;
};
Latencies Summarise(std::vector<double> us);

double MicrosecondsSince(std::chrono::steady_clock::time_point begin);

v1::Fingerprint FingerprintOf(const Pdq256& hash);

// One caller: a connection of its own. Throws std::runtime_error when a call fails. Thread-safe.
class Caller {
 public:
  Caller(const std::string& address, std::string key);

  std::unique_ptr<grpc::ClientContext> NewContext() const;
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

// Checks of random hashes, which match nothing, at a steady rate: each begins at its time whatever
// became of those before, and its latency counts from then, so that a stall is seen by every check
// that it delays.
class CheckLoad {
 public:
  struct Result {
    uint64_t failed = 0;   // calls that ended with an error
    uint64_t matched = 0;  // answers that were not NO_MATCH
    Latencies latencies;
  };

  // Begins at once. `caller` outlives it.
  CheckLoad(Caller& caller, double per_second, uint64_t seed);
  ~CheckLoad();
  CheckLoad(const CheckLoad&) = delete;
  CheckLoad& operator=(const CheckLoad&) = delete;

  // Ends the load and waits for the last answers. Once.
  Result Stop();

 private:
  struct Ask;
  void Run(double per_second, uint64_t seed);
  void Take(const Ask& ask, const grpc::Status& status);

  Caller& caller_;
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> in_flight_{0};
  std::mutex mutex_;
  Result result_;
  std::vector<double> us_;
  std::thread pacer_;
};

}  // namespace vigie::bench
