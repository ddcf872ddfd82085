// The sockets of this process on a port.
#pragma once

namespace vigie {

// Ends all connections that were made to the local `port`, and listening on it, below gRPC: what
// was written still arrives, what comes is answered by nobody, so that callers see a connection
// that has ended (UNAVAILABLE). gRPC's own ways of ending them answer what has just come with
// CANCELLED, which callers do not repeat. The descriptors stay gRPC's.
void EndConnections(int port);

}  // namespace vigie
