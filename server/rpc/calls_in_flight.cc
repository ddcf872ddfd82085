#include "server/rpc/calls_in_flight.h"

#include <thread>

namespace vigie {
namespace {

constexpr std::chrono::milliseconds kPause{2};  // between looks at whether calls are left
constexpr std::chrono::milliseconds kForRefused{200};

}  // namespace

bool CallsInFlight::Enter() {
  if ((calls_.fetch_add(1) & kClosed) == 0) return true;
  refused_.fetch_add(1);
  Leave();
  return false;
}

void CallsInFlight::Add(StoppableStream* stream) {
  const std::lock_guard lock(mutex_);
  streams_.insert(stream);
  if ((calls_.load() & kClosed) != 0) stream->StopReading();
}

void CallsInFlight::Remove(StoppableStream* stream) {
  const std::lock_guard lock(mutex_);
  streams_.erase(stream);
}

void CallsInFlight::Close() {
  const std::lock_guard lock(mutex_);
  calls_.fetch_or(kClosed);
  for (StoppableStream* stream : streams_) stream->StopReading();
}

size_t CallsInFlight::WaitUntilNone(std::chrono::milliseconds most) {
  const auto end = std::chrono::steady_clock::now() + most;
  while (true) {
    const auto left = static_cast<size_t>(calls_.load() & ~kClosed);
    if (left == 0 || std::chrono::steady_clock::now() >= end) break;
    std::this_thread::sleep_for(kPause);
  }
  const auto refused_end = std::chrono::steady_clock::now() + kForRefused;
  while (refused_.load() > 0 && std::chrono::steady_clock::now() < refused_end) {
    std::this_thread::sleep_for(kPause);
  }
  return static_cast<size_t>(calls_.load() & ~kClosed);
}

absl::Status CallsInFlight::Stopping() {
  return Error(absl::StatusCode::kUnavailable, "SERVER_STOPPING",
               "the server stops: ask again, shortly or another server");
}

}  // namespace vigie
