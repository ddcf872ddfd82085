// Streams of changes to platforms: each sends what has changed about entries that verdicts have
// named to its organisation, and then waits for more.
#pragma once

#include <grpcpp/grpcpp.h>

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "engine/catalog/catalog.h"
#include "server/rpc/runner.h"
#include "vigie/v1/match.pb.h"

namespace vigie {

class WatchReactor;

// All streams of a server. Thread-safe.
class Watchers {
 public:
  static constexpr size_t kMaxAnOrganisation = 16;
  static constexpr size_t kMaxStreams = 256;
  static constexpr size_t kChangesAMessage = 2000;    // below what clients take by default
  static constexpr TimeUs kQuietUs = 10 * kSecondUs;  // then it says how far it is all the same

  Watchers(const Catalog& catalog, const Runner& runner) : catalog_(catalog), runner_(runner) {}
  ~Watchers();

  // What gRPC asks for when a caller begins to watch: `in` is a WatchRequest.
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Start(grpc::CallbackServerContext* context,
                                                    const grpc::ByteBuffer* in);
  // Lets every stream send what is new. Called a few times a second: a change waits that long.
  void Poll();
  // Ends all streams, and those that begin from now on, with UNAVAILABLE, reason SERVER_STOPPING.
  void Close();

 private:
  friend class WatchReactor;

  // Counts the stream in. RESOURCE_EXHAUSTED, reason TOO_MANY_STREAMS; UNAVAILABLE.
  absl::Status Enter(WatchReactor* stream, const std::string& organisation);
  void Leave(WatchReactor* stream, const std::string& organisation);

  const Catalog& catalog_;
  const Runner& runner_;
  std::mutex mutex_;
  bool closed_ = false;
  std::set<WatchReactor*> streams_;
  std::map<std::string, size_t> of_organisation_;
};

}  // namespace vigie
