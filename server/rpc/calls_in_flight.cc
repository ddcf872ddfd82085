#include "server/rpc/calls_in_flight.h"

namespace vigie {

bool CallsInFlight::Enter() {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  ++calls_;
  return true;
}

void CallsInFlight::Leave() {
  const std::lock_guard lock(mutex_);
  if (--calls_ == 0) none_.notify_all();
}

void CallsInFlight::Add(StoppableStream* stream) {
  const std::lock_guard lock(mutex_);
  streams_.insert(stream);
  if (closed_) stream->StopReading();
}

void CallsInFlight::Remove(StoppableStream* stream) {
  const std::lock_guard lock(mutex_);
  streams_.erase(stream);
}

void CallsInFlight::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (StoppableStream* stream : streams_) stream->StopReading();
}

size_t CallsInFlight::WaitUntilNone(std::chrono::milliseconds most) {
  std::unique_lock lock(mutex_);
  none_.wait_for(lock, most, [this] { return calls_ == 0; });
  return calls_;
}

absl::Status CallsInFlight::Stopping() {
  return Error(absl::StatusCode::kUnavailable, "SERVER_STOPPING",
               "the server stops: ask again, shortly or another server");
}

}  // namespace vigie
