#include "server/decode/spawner.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>

#include "absl/strings/str_cat.h"

extern char** environ;

namespace vigie::decode {
namespace {

// The loader alone takes a tenth of a second; more on a busy machine or under a sanitizer.
constexpr auto kStartTime = std::chrono::seconds(60);
constexpr auto kReplyTime = std::chrono::seconds(5);

// What a spawner needs of our environment. Not more: there may be secrets in it.
bool IsPassedOn(std::string_view variable) {
  for (const std::string_view name : {"VIGIE_SIMD=", "LD_LIBRARY_PATH=", "LD_PRELOAD=",
                                      "ASAN_OPTIONS=", "TSAN_OPTIONS=", "UBSAN_OPTIONS="}) {
    if (variable.starts_with(name)) return true;
  }
  return false;
}

// How it is started: in a process group of its own, so that a terminal's signals do not reach it (a
// session of its own would have a share of the processors of its own, and niceness no meaning);
// with no signal blocked; with `socket` as its file 3, and 0 to 2 nowhere but for the error output.
class SpawnAttributes {
 public:
  explicit SpawnAttributes(int socket) {
    posix_spawn_file_actions_init(&files_);
    posix_spawn_file_actions_addopen(&files_, STDIN_FILENO, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&files_, STDIN_FILENO, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files_, socket, kSpawnerSocket);
    posix_spawn_file_actions_addclosefrom_np(&files_, kSpawnerSocket + 1);
    posix_spawnattr_init(&how_);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&how_, &none);
    sigset_t all;
    sigfillset(&all);
    posix_spawnattr_setsigdefault(&how_, &all);
    posix_spawnattr_setflags(
        &how_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnAttributes() {
    posix_spawn_file_actions_destroy(&files_);
    posix_spawnattr_destroy(&how_);
  }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;

  const posix_spawn_file_actions_t* files() const { return &files_; }
  const posix_spawnattr_t* how() const { return &how_; }

 private:
  posix_spawn_file_actions_t files_;
  posix_spawnattr_t how_;
};

std::vector<char*> PointersTo(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

absl::Status Spawner::Start() {
  Stop();
  SocketPair ends;
  VIGIE_ASSIGN_OR_RETURN(ends, MakeSocketPair());
  std::vector<std::string> arguments = command_;
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (IsPassedOn(*variable)) variables.emplace_back(*variable);
  }
  const SpawnAttributes attributes(ends.theirs.get());
  const int error =
      posix_spawn(&pid_, command_.front().c_str(), attributes.files(), attributes.how(),
                  PointersTo(arguments).data(), PointersTo(variables).data());
  if (error != 0) {
    pid_ = -1;
    return DecoderFailed(absl::StrCat("cannot start ", command_.front()), error);
  }
  ++starts_;
  socket_ = std::move(ends.ours);
  ends.theirs.Close();
  Hello hello;
  size_t size = 0;
  const Received received = ReceiveMessage(
      socket_.get(), std::chrono::steady_clock::now() + kStartTime, WritableBytesOf(hello), &size);
  if (received != Received::kMessage || size != sizeof(hello)) {
    Stop();
    return DecoderFailed("the process that makes decoders did not start");
  }
  hello.failure.back() = '\0';
  if (hello.failure[0] == '\0') return absl::OkStatus();
  Stop();
  return DecoderFailed(hello.failure.data());
}

void Spawner::Stop() {
  socket_.Close();
  if (pid_ < 0) return;
  // Its workers end with it. It is our child and nobody else waits for it: the number is its own.
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

bool Spawner::Ask(const Order& order, int socket, int picture, Done* done) {
  if (pid_ < 0) return false;
  const int files[] = {socket, picture};
  if (!SendMessage(socket_.get(), BytesOf(order), files)) return false;
  size_t size = 0;
  return ReceiveMessage(socket_.get(), std::chrono::steady_clock::now() + kReplyTime,
                        WritableBytesOf(*done), &size) == Received::kMessage &&
         size == sizeof(*done);
}

absl::StatusOr<Spawner::Worker> Spawner::Replace(const std::optional<Worker>& old, int socket,
                                                 int picture, int64_t extra_memory, int* ended_by) {
  const bool ours = old.has_value() && old->spawner == starts_;
  Order order{.end = ours ? old->pid : 0, .extra_memory = extra_memory};
  Done done;
  *ended_by = -1;
  if (Ask(order, socket, picture, &done)) {
    if (ours) *ended_by = done.ended_by;
  } else {
    VIGIE_RETURN_IF_ERROR(Start());
    order.end = 0;
    if (!Ask(order, socket, picture, &done)) {
      Stop();
      return DecoderFailed("the process that makes decoders makes none");
    }
  }
  if (done.started < 0) return DecoderFailed("cannot make a decoder", done.error);
  return Worker{.pid = done.started, .spawner = starts_};
}

}  // namespace vigie::decode
