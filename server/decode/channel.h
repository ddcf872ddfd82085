// Whole messages over a local socket, with open files beside them. Between this program's own
// processes; every call is bounded in time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/base/status.h"

namespace vigie::decode {

using SteadyTime = std::chrono::steady_clock::time_point;

// An open file that is closed when nobody holds it.
class File {
 public:
  File() = default;
  explicit File(int fd) : fd_(fd) {}
  ~File() { Close(); }
  File(File&& other) noexcept : fd_(other.Release()) {}
  File& operator=(File&& other) noexcept {
    if (this != &other) {
      Close();
      fd_ = other.Release();
    }
    return *this;
  }

  int get() const { return fd_; }  // -1: none
  bool open() const { return fd_ >= 0; }
  int Release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void Close();

 private:
  int fd_ = -1;
};

struct SocketPair {
  File ours;
  File theirs;
};

// Two ends of a socket that keeps messages whole; closed on exec. UNAVAILABLE, reason
// DECODER_FAILED, when the system has none left.
absl::StatusOr<SocketPair> MakeSocketPair();

// Sends `message` and copies of `files` (at most kMaxFiles), without waiting. False: the other end
// is gone, or takes nothing.
inline constexpr size_t kMaxFiles = 2;
bool SendMessage(int socket, std::span<const std::byte> message, std::span<const int> files = {});

enum class Received : uint8_t {
  kMessage,
  kClosed,   // the other end is gone
  kTooLate,  // nothing came until then
};

// The next message, of at most message.size() bytes; a longer one counts as one of
// *size = message.size() + 1. Files that come with it are closed unless `files` is given.
Received ReceiveMessage(int socket, SteadyTime until, std::span<std::byte> message, size_t* size,
                        std::vector<File>* files = nullptr);

// Whether a message waits, or the other end is gone.
bool HasNews(int socket);

template <typename T>
std::span<const std::byte> BytesOf(const T& value) {
  return std::as_bytes(std::span<const T, 1>(&value, 1));
}
template <typename T>
std::span<std::byte> WritableBytesOf(T& value) {
  return std::as_writable_bytes(std::span<T, 1>(&value, 1));
}

// UNAVAILABLE, reason DECODER_FAILED, with what the system says of `error`, when it is not 0.
absl::Status DecoderFailed(std::string_view what, int error = 0);

}  // namespace vigie::decode
