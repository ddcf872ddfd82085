// What every call goes through, once: who calls, may they, is there room, is there still time, run,
// translate the status, write the access log.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>

#include "engine/base/clock.h"
#include "engine/base/status.h"
#include "engine/base/types.h"
#include "server/auth/access.h"
#include "server/auth/key_ring.h"
#include "server/rpc/calls_in_flight.h"
#include "server/rpc/status_map.h"
#include "server/rpc/worker_pool.h"

namespace vigie {

// One call that was let in.
struct Call {
  Method method{};
  Principal caller;
  TimeUs started_us = 0;
  TimeUs deadline_us = 0;
  bool counted = false;  // among the calls in flight
};

class Runner {
 public:
  Runner(KeyRing& keys, WorkerPool& pool, CallsInFlight& calls, const Clock& clock)
      : keys_(keys), pool_(pool), calls_(calls), clock_(clock) {}

  // Counts the call in, authenticates and authorises. `call` is filled as far as it is known, for
  // the log. Whatever it says, Done() is for the end of the call. UNAVAILABLE, reason
  // SERVER_STOPPING.
  absl::Status Admit(const grpc::CallbackServerContext& context, Method method, Call* call) const;

  // Authenticates and authorises the caller anew: a stream outlives a key that is revoked.
  absl::Status Authorise(const grpc::CallbackServerContext& context, Call* call) const;

  // Runs `work` on a worker and finishes the call with its status. Refused calls finish at once:
  // what Admit() says, or RESOURCE_EXHAUSTED, reason SERVER_BUSY.
  grpc::ServerUnaryReactor* Unary(grpc::CallbackServerContext* context, Method method,
                                  std::function<absl::Status(const Call&)> work) const;

  // False: the queue is full.
  bool Submit(std::function<void()> job) const { return pool_.Submit(std::move(job)); }

  // One line a call: method, caller, code, reason, duration. Never a value, key or picture.
  void LogEnd(const Call& call, const absl::Status& status) const;

  // Last of all, when gRPC has done with the call.
  void Done(const Call& call) const {
    if (call.counted) calls_.Leave();
  }
  CallsInFlight& calls() const { return calls_; }

  static absl::Status Busy();

 private:
  KeyRing& keys_;
  WorkerPool& pool_;
  CallsInFlight& calls_;
  const Clock& clock_;
};

}  // namespace vigie
