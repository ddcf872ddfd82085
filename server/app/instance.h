// The composition root: builds every long-lived object of a running server once, in order, and
// takes them down in the reverse order.
#pragma once

#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "engine/catalog/audit.h"
#include "engine/catalog/catalog.h"
#include "engine/match/pipeline.h"
#include "server/app/config.h"
#include "server/app/credentials.h"
#include "server/app/damage_watch.h"
#include "server/app/health.h"
#include "server/app/observation.h"
#include "server/app/trouble.h"
#include "server/auth/key_ring.h"
#include "server/decode/walled_hasher.h"
#include "server/rpc/audit_service.h"
#include "server/rpc/calls_in_flight.h"
#include "server/rpc/list_service.h"
#include "server/rpc/match_service.h"
#include "server/rpc/review_service.h"
#include "server/rpc/runner.h"

namespace vigie {

class Instance {
 public:
  // Opens the data folder and loads the catalogue; starts no threads. `config` has passed
  // CheckConfig(). Errors: DATA_DIR_FAILED, DATA_DIR_IN_USE, and those of the store.
  static absl::StatusOr<std::unique_ptr<Instance>> Open(const Config& config,
                                                        const LoadProgress& progress);
  ~Instance();

  // Starts serving. Once. Errors: CONFIG_INVALID, LISTEN_FAILED.
  absl::Status Serve();

  // Puts in force what `wanted`, which has passed CheckConfig(), has different, and reads the files
  // that it names: policy, certificates. Calls in flight go on. The log says what changed, and
  // which settings differ that need a restart. CONFIG_INVALID: everything stays as it was. Not
  // beside another Reload() or Drain().
  absl::Status Reload(const Config& wanted);

  // The address with the port in use, for instance "127.0.0.1:7443".
  const std::string& address() const { return address_; }
  // Likewise, of the metrics; empty: off.
  std::string metrics_address() const { return observation_->metrics_address(); }

  // Where pictures are decoded; nullptr: in this process.
  const WalledHasher* decoders() const { return decoders_.get(); }

  // Says NOT_SERVING, waits the notice time, refuses new calls, tells streams to end, lets what is
  // in flight finish, closes connections, writes a checkpoint. docs/decisions/0019.
  void Drain();

 private:
  explicit Instance(const Config& config) : config_(config), in_force_(config) {}

  absl::Status Load(const LoadProgress& progress);
  void ShowServing(bool serving);
  void PutInForce(Policy policy);
  void MaintainUntilStopped();
  // Writes down verdicts and wakes streams, beside maintenance, which may take seconds.
  void FollowUntilStopped();
  void LookAtTlsFiles();
  void StopMaintenance();
  // Failing is an error in the log: events are chained all the same.
  void SignHead(bool now_or_never);
  // Writes down verdicts that wait. Failing is an error in the log, once until it works again.
  void FlushVerdicts(bool all);
  // Writes a checkpoint if at least `least_rows` have changed since the last one. Failing is a
  // warning: the next start then reads the database. One thread: maintenance, then who stopped it.
  void WriteCheckpoint(uint64_t least_rows);

  const Config config_;  // as at the start
  Config in_force_;      // with what was reloaded since; for the thread that reloads and drains
  // Of the data folder, until all below has ended.
  struct Lock {
    int file = -1;
    ~Lock() {
      if (file >= 0) close(file);
    }
  } lock_;
  Health health_{[this](bool serving) { ShowServing(serving); }};
  RequestMetrics metrics_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<DamageWatch> damage_;
  bool checked_ = false;  // all of the database, at start
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<HeadSigner> signer_;
  std::unique_ptr<VerdictBook> book_;
  std::unique_ptr<WalledHasher> decoders_;
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<KeyRing> keys_;
  CallsInFlight calls_;
  std::unique_ptr<Runner> runner_;
  std::unique_ptr<MatchServiceImpl> match_service_;
  std::unique_ptr<ListServiceImpl> list_service_;
  std::unique_ptr<ReviewServiceImpl> review_service_;
  std::unique_ptr<AuditServiceImpl> audit_service_;
  std::unique_ptr<ServerTls> tls_;  // null: plaintext
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Observation> observation_;
  std::string address_;
  int port_ = 0;
  std::chrono::steady_clock::time_point next_checkpoint_{};  // not earlier
  Trouble maintenance_trouble_, signing_trouble_;
  std::chrono::steady_clock::time_point next_look_{};  // at the TLS files
  bool verdicts_wait_ = false;                         // because the database fails
  uint64_t verdicts_dropped_ = 0;

  std::mutex stop_mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread maintenance_;
  std::thread follower_;
};

// Makes the folder (0700) if it is missing. UNAVAILABLE, reason DATA_DIR_FAILED.
absl::Status EnsureDataDir(const std::string& path);

}  // namespace vigie
