#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "server/decode/sandbox.h"
#include "server/decode/spawner.h"

namespace vigie::decode {
namespace {

// A benign picture, 8x8 grey pixels as a BMP: hashing it sets up what the image library and the
// kernels set up once, before there is a wall and for all workers.
std::vector<uint8_t> FirstPicture() {
  constexpr uint8_t kSide = 8;
  constexpr uint8_t kHeader = 54;
  std::vector<uint8_t> bmp(kHeader + 3 * kSide * kSide, 0x80);
  const std::array<uint8_t, kHeader> header = {'B',   'M',     static_cast<uint8_t>(bmp.size()),
                                               0,     0,       0,
                                               0,     0,       0,
                                               0,     kHeader, 0,
                                               0,     0,       40,
                                               0,     0,       0,
                                               kSide, 0,       0,
                                               0,     kSide,   0,
                                               0,     0,       1,
                                               0,     24,      0};
  std::copy(header.begin(), header.end(), bmp.begin());
  return bmp;
}

// A process manager and a terminal tell all processes to end; ours end when the server does, after
// what it still answers.
void IgnoreSignals() {
  for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2}) {
    signal(number, SIG_IGN);
  }
}

class Workers {
 public:
  explicit Workers(WorkerOptions options) : options_(std::move(options)) {}

  // Ends one of ours; returns the signal that ended it. Nobody else waits for them: as long as it
  // is in the list the number is its own.
  int End(pid_t pid) {
    const auto found = std::find(pids_.begin(), pids_.end(), pid);
    if (found == pids_.end()) return 0;
    pids_.erase(found);
    kill(pid, SIGKILL);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) {
      if (errno != EINTR) return 0;
    }
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }

  void Start(const Order& order, std::vector<File> files, Done* done) {
    const pid_t spawner = getpid();
    done->started = fork();
    done->error = errno;
    if (done->started > 0) pids_.push_back(done->started);
    if (done->started != 0) return;
    // Ends with the spawner, whatever it is doing.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != spawner) _exit(0);
    options_.extra_memory = order.extra_memory;
    _exit(RunWorker(std::move(files[0]), std::move(files[1]), options_));
  }

  void EndAll() {
    while (!pids_.empty()) End(pids_.back());
  }

 private:
  WorkerOptions options_;
  std::vector<pid_t> pids_;
};

absl::StatusOr<WorkerOptions> Prepare(HashFunction hash) {
  WorkerOptions options;
  options.hash = hash;
  VIGIE_ASSIGN_OR_RETURN(options.filter, CompileFilter());
  PrepareToHash();
  PdqScratch scratch;
  const auto first = HashEncoded(FirstPicture(), {}, scratch);
  if (!first.ok()) return DecoderFailed("the decoders of this program do not work");
  return options;
}

}  // namespace

int RunSpawner(HashFunction hash) {
  IgnoreSignals();
  const auto options = Prepare(hash);
  Hello hello;
  if (!options.ok()) {
    const std::string_view why = MessageOf(options.status());
    std::memcpy(hello.failure.data(), why.data(), std::min(why.size(), hello.failure.size() - 1));
  }
  if (!SendMessage(kSpawnerSocket, BytesOf(hello))) {
    std::fprintf(stderr, "vigie: %s is started by the server\n", kSpawnerCommand);
    return 2;
  }
  if (!options.ok()) return 3;
  Workers workers(*options);
  Order order;
  std::vector<File> files;
  size_t size = 0;
  while (ReceiveMessage(kSpawnerSocket, SteadyTime::max(), WritableBytesOf(order), &size, &files) ==
         Received::kMessage) {
    if (size != sizeof(order) || files.size() != kMaxFiles) break;
    Done done;
    if (order.end != 0) done.ended_by = workers.End(order.end);
    workers.Start(order, std::move(files), &done);
    files.clear();
    if (!SendMessage(kSpawnerSocket, BytesOf(done))) break;
  }
  workers.EndAll();
  return 0;
}

}  // namespace vigie::decode
