// What every call goes through, once: who calls, may they, what do they send, how much may they, is
// there room, is there still time, parse, run, translate the status, count, write the access log.
#pragma once

#include <grpcpp/grpcpp.h>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "engine/base/clock.h"
#include "engine/base/status.h"
#include "engine/base/types.h"
#include "server/auth/access.h"
#include "server/auth/key_ring.h"
#include "server/load/lane.h"
#include "server/load/stream_slots.h"
#include "server/load/token_bucket.h"
#include "server/log/trace.h"
#include "server/rpc/call_observer.h"
#include "server/rpc/calls_in_flight.h"
#include "server/rpc/messages.h"
#include "server/rpc/status_map.h"

namespace vigie {

// One call that was let in.
struct Call {
  Method method{};
  Principal caller;
  TimeUs started_us = 0;
  TimeUs deadline_us = 0;
  uint64_t id = 0;             // ours, also our span in the caller's trace
  std::string caller_id;       // what the caller calls the request; empty: nothing valid
  std::optional<Trace> trace;  // the caller's
  const grpc::CallbackServerContext* context = nullptr;
  bool counted = false;  // among the calls in flight
};

// What a call, or a message of a stream, asks of the server.
struct Demand {
  Work work = Work::kOther;
  int64_t units = 1;     // of work, see there
  int64_t pictures = 0;  // for the rate of checks or of images
  size_t bytes = 0;
  bool here = false;  // see Lane::Demand
};

class Runner {
 public:
  struct Options {
    Lane::Limits checks = {};  // everything but images
    Lane::Limits images = {};
    int64_t checks_per_second = 0;  // an organisation, unless it has its own; 0: any number
    int64_t images_per_second = 0;
    size_t streams = 64;  // of StreamCheck and UploadEntries, an organisation
  };

  // What remains of a call that may not go on in gRPC's own thread because it waits.
  using Rest = std::function<absl::Status()>;

  // `keys`, `calls` and `clock` outlive the runner, as does `observer`, which may be nullptr.
  Runner(KeyRing& keys, CallsInFlight& calls, const Clock& clock, const Options& options,
         CallObserver* observer = nullptr);

  // Counts the call in, authenticates and authorises; gives it its id and returns that to the
  // caller. `call` is filled as far as it is known, for the log. Whatever it says, Done() is for
  // the end of the call. UNAVAILABLE, reason SERVER_STOPPING.
  absl::Status Admit(grpc::CallbackServerContext& context, Method method, Call* call) const;

  // Authenticates and authorises the caller anew: a stream outlives a key that is revoked.
  absl::Status Authorise(const grpc::CallbackServerContext& context, Call* call) const;

  // What a call asks for, by what its message holds.
  using Measure = Demand (*)(const MessageContents&);

  // Parses the message `in`, runs `work`(const Call&, const Request*, Response*) -> absl::Status,
  // writes its answer to `out` and finishes the call with its status. Refused calls finish at once,
  // and their messages are never parsed: what Admit() or ReadContents() says, or RESOURCE_EXHAUSTED
  // with reason RATE_LIMITED or SERVER_BUSY. Work whose caller gave up or whose deadline passed
  // while it waited is dropped.
  template <typename Work>
  grpc::ServerUnaryReactor* Unary(grpc::CallbackServerContext* context, Method method,
                                  const grpc::ByteBuffer* in, grpc::ByteBuffer* out,
                                  Work work) const {
    return Unary(context, method, in, out, nullptr, WithRest(std::function(std::move(work))));
  }
  // With a demand. What `work`(const Call&, const Request*, Response*, Rest*) leaves in its Rest
  // when it succeeds is run by a thread of the lane, after the answer is written.
  template <typename Work>
  grpc::ServerUnaryReactor* Unary(grpc::CallbackServerContext* context, Method method,
                                  const grpc::ByteBuffer* in, grpc::ByteBuffer* out,
                                  Measure measure, Work work) const {
    return Start(context, method, in, out, measure, OnMessages(std::function(std::move(work))));
  }

  // From now on; see Options.
  void SetRates(int64_t checks_per_second, int64_t images_per_second) {
    checks_per_second_.store(checks_per_second);
    images_per_second_.store(images_per_second);
  }

  // OK as long as somebody waits for the answer: CANCELLED or DEADLINE_EXCEEDED.
  absl::Status StillWanted(const Call& call) const;

  // For streams: work that is never refused, because the sender's window bounds it. See Lane.
  void Submit(const Call& call, const Demand& demand, std::function<bool()> job) const;
  // False: a stream had better not read on while it holds anything.
  bool HasRoom(const Call& call) const;
  // Takes what a stream's message costs of its organisation's rate. Returns how long the stream is
  // to wait before the next one, microseconds.
  TimeUs Owe(const Call& call, const Demand& demand) const;
  // Counts a stream in: RESOURCE_EXHAUSTED, reason TOO_MANY_STREAMS. Leave() is called for those
  // that entered.
  absl::Status Enter(const Call& call) const;
  void Leave(const Call& call) const;

  // Counts the call and writes one line: method, caller, code, reason, duration, ids. Never a
  // value, key or picture.
  void End(const Call& call, const absl::Status& status) const;

  // Last of all, when gRPC has done with the call.
  void Done(const Call& call) const { call.counted ? calls_.Leave() : calls_.LeaveRefused(); }
  CallsInFlight& calls() const { return calls_; }

  // nullptr: nobody counts.
  CallObserver* observer() const { return observer_; }
  std::array<LaneStats, 2> lanes() const { return {checks_.stats(), images_.stats()}; }

 private:
  struct UnaryCall;

  // Work on a message that is not parsed yet.
  struct RawWork {
    const google::protobuf::Descriptor* type;  // of the message
    std::function<absl::Status(const Call&, grpc::ByteBuffer& in, grpc::ByteBuffer* out, Rest*)>
        run;
  };
  template <typename Request, typename Response>
  using WorkOf = std::function<absl::Status(const Call&, const Request*, Response*)>;
  template <typename Request, typename Response>
  using WorkWithRestOf = std::function<absl::Status(const Call&, const Request*, Response*, Rest*)>;

  template <typename Request, typename Response>
  static WorkWithRestOf<Request, Response> WithRest(WorkOf<Request, Response> work) {
    return [work = std::move(work)](const Call& call, const Request* request, Response* response,
                                    Rest*) { return work(call, request, response); };
  }

  template <typename Request, typename Response>
  static RawWork OnMessages(WorkWithRestOf<Request, Response> work) {
    auto run = [work = std::move(work)](const Call& call, grpc::ByteBuffer& in,
                                        grpc::ByteBuffer* out, Rest* rest) -> absl::Status {
      MessageMemory memory;
      auto* request = memory.New<Request>();
      auto* response = memory.New<Response>();
      VIGIE_RETURN_IF_ERROR(ParseMessage(in, request));
      VIGIE_RETURN_IF_ERROR(work(call, request, response, rest));
      return WriteMessage(*response, out);
    };
    return {Request::descriptor(), std::move(run)};
  }

  grpc::ServerUnaryReactor* Start(grpc::CallbackServerContext* context, Method method,
                                  const grpc::ByteBuffer* in, grpc::ByteBuffer* out,
                                  Measure measure, RawWork work) const;
  Lane& LaneOf(Work work) const { return work == Work::kImages ? images_ : checks_; }
  Lane::Demand LaneDemand(const Call& call, const Demand& demand) const;
  int64_t RateOf(const Call& call, Work work) const;
  // OK, or RATE_LIMITED.
  absl::Status TakeRate(const Call& call, const Demand& demand) const;
  // One line a second for all calls that were refused for load, or came without a key in numbers:
  // lines cost more than refusals.
  void CountRefused() const;

  KeyRing& keys_;
  CallsInFlight& calls_;
  const Clock& clock_;
  std::atomic<int64_t> checks_per_second_;
  std::atomic<int64_t> images_per_second_;
  CallObserver* const observer_;
  mutable RateLimits rates_;
  mutable RateLimits stranger_lines_;
  mutable StreamSlots slots_;
  mutable std::atomic<uint64_t> refused_{0};   // since the last line about it
  mutable std::atomic<TimeUs> refused_us_{0};  // when that was written
  // Last: their threads end first.
  mutable Lane checks_;
  mutable Lane images_;
};

}  // namespace vigie
