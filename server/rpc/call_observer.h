// What the server tells whoever counts: every call that has ended, every verdict; how full
// the lanes are is asked of the runner. Plain values: who counts needs nothing of gRPC.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "engine/base/clock.h"
#include "engine/match/pipeline.h"
#include "engine/policy/verdict.h"
#include "server/auth/access.h"
#include "server/load/lane.h"  // LaneStats

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

}  // namespace vigie
