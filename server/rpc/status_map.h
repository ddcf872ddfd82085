// The engine's statuses as gRPC carries them: code, sentence, and a google.rpc.ErrorInfo whose
// reason programs can act on (AIP-193).
#pragma once

#include <grpcpp/support/status.h>

#include "engine/base/clock.h"
#include "engine/base/status.h"
#include "vigie/v1/types.pb.h"

namespace vigie {

grpc::Status ToGrpc(const absl::Status& status);

// The status with the time after which the caller may try again, microseconds: ToGrpc() adds a
// google.rpc.RetryInfo.
absl::Status WithRetry(absl::Status status, TimeUs after);

// The same for one item of a stream.
v1::Problem ToProblem(const absl::Status& status);

// The reason for programs: the one given, or the code's own name for a status without one.
std::string ReasonOrCode(const absl::Status& status);

}  // namespace vigie
