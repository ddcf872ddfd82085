// The process that makes workers: the program once more, with nothing of the server in its memory,
// one thread, and everything loaded that decoders need, so that a worker is a fork away. It never
// sees a picture.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/status.h"
#include "server/decode/channel.h"
#include "server/decode/worker.h"

namespace vigie::decode {

// `vigie decoder-spawner`: not for people, and not in the help.
inline constexpr char kSpawnerCommand[] = "decoder-spawner";
// Where the spawner finds its socket.
inline constexpr int kSpawnerSocket = 3;

// The spawner's main(), until the server is gone. Returns its exit code.
int RunSpawner(HashFunction hash);

// What the server and the spawner say to each other. With Order come two files: the worker's socket
// and its picture slot.
struct Hello {
  std::array<char, 128> failure = {};  // empty: it can make workers
};
struct Order {
  pid_t end = 0;  // a worker of its own to be ended first; 0: none
  int64_t extra_memory = 0;
};
struct Done {
  pid_t started = -1;  // -1: none could be
  int error = 0;       // why
  int ended_by = 0;    // the signal that ended `end`; 0: it had left by itself, or none was asked
};

// The server's side. One thread at a time.
class Spawner {
 public:
  struct Worker {
    pid_t pid = -1;
    uint64_t spawner = 0;  // which of the spawners that there were made it
  };

  // `command` runs RunSpawner(). Starts nothing yet.
  explicit Spawner(std::vector<std::string> command) : command_(std::move(command)) {}
  // Ends the spawner, and with it all workers.
  ~Spawner() { Stop(); }
  Spawner(const Spawner&) = delete;
  Spawner& operator=(const Spawner&) = delete;

  // Ends `old`, if there is one, and makes a worker with the given ends. Starts the spawner when
  // there is none, and another one when it does not do as told: all its workers are then gone.
  // *ended_by as in Done, -1 when it is not known. UNAVAILABLE, reason DECODER_FAILED; `old` is
  // gone then, too.
  absl::StatusOr<Worker> Replace(const std::optional<Worker>& old, int socket, int picture,
                                 int64_t extra_memory, int* ended_by);

  uint64_t starts() const { return starts_; }  // any thread
  pid_t pid() const { return pid_; }           // -1: none

 private:
  absl::Status Start();
  void Stop();
  bool Ask(const Order& order, int socket, int picture, Done* done);

  const std::vector<std::string> command_;
  pid_t pid_ = -1;
  File socket_;
  std::atomic<uint64_t> starts_{0};
};

}  // namespace vigie::decode
