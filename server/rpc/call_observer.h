// What the server tells whoever counts: every call that has ended, every verdict, how full the
// lanes are. Plain values: who counts needs nothing of gRPC.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "engine/base/clock.h"
#include "engine/match/pipeline.h"
#include "engine/policy/verdict.h"
#include "server/auth/access.h"

namespace vigie {

// Called by any thread, several at once, on the path of every call: must neither wait nor throw.
class CallObserver {
 public:
  virtual ~CallObserver() = default;

  // A call has ended, also one that was refused. `reason` is the error's reason (docs/api.md) or
  // its code's name; "" when it ended well. `took_us` is from its arrival to its end; of a stream,
  // how long it lived.
  virtual void OnCall(Method method, absl::StatusCode code, std::string_view reason,
                      TimeUs took_us) = 0;

  // A verdict was made: of CheckImage, of each picture of CheckHashes and each message of
  // StreamCheck. Steps that were not taken have 0.
  virtual void OnVerdict(const Verdict& verdict, const CheckTimes& times) = 0;
};

// One lane as of now (see lane.h). Counts are since the start.
struct LaneStats {
  std::string_view name;  // "checks" or "images"
  size_t threads = 0;
  size_t queued = 0;   // requests that wait
  size_t running = 0;  // requests that are worked on
  size_t bytes = 0;    // of both, as they were sent
  uint64_t done = 0;
  uint64_t refused = 0;    // SERVER_BUSY: no room, or it would have waited too long
  uint64_t dropped = 0;    // its caller gave up, or its deadline passed, before it was begun
  TimeUs waited_us = 0;    // of all that were begun, together
  TimeUs worked_us = 0;    // of all that are done, together
  TimeUs expected_us = 0;  // what the next request would wait
};

}  // namespace vigie
