// The calls that a server works on: counted, so that a stop can wait for the last of them; and when
// it stops, new ones are refused and streams are told to end.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <set>

#include "engine/base/status.h"

namespace vigie {

// A stream that lasts as long as its caller likes.
class StoppableStream {
 public:
  // Reads no more, answers what it has read, and ends with CallsInFlight::Stopping(). Any thread;
  // calls nothing of CallsInFlight.
  virtual void StopReading() = 0;

 protected:
  ~StoppableStream() = default;
};

// Thread-safe.
class CallsInFlight {
 public:
  // Counts a call in until Leave(). False: the server stops, and the call is to be refused with
  // Stopping(), and counted out by LeaveRefused() when that has been said.
  [[nodiscard]] bool Enter();
  // Take no lock: gRPC may end one call inside what another one asks of it.
  void Leave() { calls_.fetch_sub(1); }
  void LeaveRefused() { refused_.fetch_sub(1); }

  // From now on until Remove() the stream is told of a stop, at once when there was one.
  void Add(StoppableStream* stream);
  void Remove(StoppableStream* stream);

  // Refuses calls and tells streams to end, for good.
  void Close();
  // How many calls are left when there are none, or when the time is over. Those that are being
  // refused are waited for as well, but not for ever: others may come all the time.
  size_t WaitUntilNone(std::chrono::milliseconds most);

  // UNAVAILABLE, reason SERVER_STOPPING: nothing was done for the call, or for what the stream has
  // not answered.
  static absl::Status Stopping();

 private:
  static constexpr uint64_t kClosed = uint64_t{1} << 63;  // in calls_, beside their number

  std::atomic<uint64_t> calls_{0};
  std::atomic<uint64_t> refused_{0};
  std::mutex mutex_;
  std::set<StoppableStream*> streams_;
};

}  // namespace vigie
