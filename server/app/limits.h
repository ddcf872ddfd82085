// What the configuration says about load: of the runner, of connections, of the process.
#pragma once

#include <grpcpp/server_builder.h>

#include "server/app/config.h"
#include "server/rpc/runner.h"

namespace vigie {

Runner::Options RunnerOptionsOf(const Config& config);

// Bounds what callers can hold before a call reaches us: size of messages, memory of gRPC, calls a
// connection, and how long a connection may be idle, silent or half open.
void LimitConnections(const Config& config, grpc::ServerBuilder& builder);

// Raises the number of files that the process may have open, which bounds its connections, as far
// as it may. A lower one is a warning in the log.
void RaiseOpenFiles();

// Debian builds Abseil with its checks, so every mutex of gRPC looks for deadlocks: about a
// twentieth of the time of a call. Switches that off, in a build of ours without checks.
void SkipDeadlockChecks();

}  // namespace vigie
