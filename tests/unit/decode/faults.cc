#include "tests/unit/decode/faults.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "server/decode/sandbox.h"
#include "server/decode/wire.h"

namespace vigie::testing {
namespace {

constexpr std::string_view kMark = "vigie decode_test: ";

// What the worker was given, for the faults.
Bytes current;

// The compiler must not know what comes of it.
template <typename T>
T* Hidden(T* pointer) {
  asm volatile("" : "+r"(pointer));
  return pointer;
}

[[noreturn]] void SpinForever() {
  volatile uint64_t turns = 0;
  while (true) turns = turns + 1;
}

[[noreturn]] void SleepForever() {
  while (true) usleep(1'000'000);
}

void Say(const void* bytes, size_t size) {
  if (write(decode::kWorkerSocket, bytes, size) < 0) return;
}

void SayAnswer(const decode::AnswerHead& head, size_t frames) {
  std::vector<std::byte> answer(sizeof(head) + frames * sizeof(decode::AnswerFrame));
  std::memcpy(answer.data(), &head, sizeof(head));
  Say(answer.data(), answer.size());
}

decode::AnswerHead GoodHead() {
  decode::AnswerHead head;
  head.question = 1;
  head.ok = 1;
  head.format = 1;
  head.width = 8;
  head.height = 8;
  head.decoded_frames = 1;
  return head;
}

void TakeAllMemory() {
  std::vector<std::unique_ptr<char[]>> taken;
  while (true) {
    taken.push_back(std::make_unique<char[]>(size_t{1} << 20));
    std::memset(Hidden(taken.back().get()), 1, size_t{1} << 20);
  }
}

void StartThreadsWithoutEnd() {
  while (true) {
    pthread_t thread;
    if (pthread_create(
            &thread, nullptr, [](void*) -> void* { SleepForever(); }, nullptr) != 0) {
      std::abort();
    }
  }
}

void MapExecutable(int first, int then) {
  void* const memory = mmap(nullptr, 4096, first, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(memory, 4096, then);
}

std::vector<Fault> MakeFaults() {
  return {
      {"reads address 8", "crashed", [] { *Hidden(reinterpret_cast<volatile int*>(8)) = 1; }},
      {"writes to the picture", "crashed",
       [] { *Hidden(const_cast<uint8_t*>(current.data())) = 1; }},
      {"makes the picture writable, writes to it", "crashed",
       [] {
         mprotect(const_cast<uint8_t*>(current.data()), 4096, PROT_READ | PROT_WRITE);
         *Hidden(const_cast<uint8_t*>(current.data())) = 1;
       }},
      {"aborts", "crashed", [] { std::abort(); }},
      {"exits", "crashed", [] { _exit(0); }},
      {"divides by zero", "crashed", [] { raise(SIGFPE), __builtin_trap(); }},
      {"takes memory without end", "crashed", [] { TakeAllMemory(); }},
      {"starts threads without end", "crashed", [] { StartThreadsWithoutEnd(); }},
      {"overflows its stack", "crashed",
       [] {
         struct Deep {
           static int Down(volatile char* above) {
             volatile char here[4096];
             here[0] = above[0];
             return here[0] == 0 ? 0 : Down(here) + here[0];
           }
         };
         volatile char first[1] = {1};
         Deep::Down(first);
       }},
      {"forks", "forbidden", [] { syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }},
      {"forks as vfork", "forbidden", [] { syscall(SYS_vfork); }},
      {"starts a program", "forbidden", [] { syscall(SYS_execve, "/bin/true", nullptr, nullptr); }},
      {"opens a file", "forbidden", [] { syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY); }},
      {"opens a file, the old way", "forbidden",
       [] { syscall(SYS_open, "/etc/passwd", O_RDONLY); }},
      {"makes a file", "forbidden",
       [] { syscall(SYS_openat, AT_FDCWD, "/tmp/x", O_CREAT | O_WRONLY, 0600); }},
      {"lists its files", "forbidden", [] { syscall(SYS_readlink, "/proc/self/exe", nullptr, 0); }},
      {"removes a file", "forbidden", [] { syscall(SYS_unlink, "/tmp/no-such-file"); }},
      {"opens a socket", "forbidden", [] { syscall(SYS_socket, AF_INET, SOCK_STREAM, 0); }},
      {"opens a local socket", "forbidden", [] { syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0); }},
      {"passes a file on", "forbidden",
       [] { syscall(SYS_sendmsg, decode::kWorkerSocket, nullptr, 0); }},
      {"reads another file", "forbidden",
       [] {
         char byte = 0;
         syscall(SYS_read, 4, &byte, 1);
       }},
      {"maps executable memory", "forbidden",
       [] { MapExecutable(PROT_READ | PROT_WRITE | PROT_EXEC, PROT_READ); }},
      {"makes memory executable", "forbidden",
       [] { MapExecutable(PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC); }},
      {"signals its parent", "forbidden", [] { syscall(SYS_kill, getppid(), 0); }},
      {"signals a process", "forbidden", [] { syscall(SYS_kill, 1, 0); }},
      {"traces a process", "forbidden", [] { syscall(SYS_ptrace, PTRACE_ATTACH, 1, 0, 0); }},
      {"reads a process", "forbidden",
       [] { syscall(SYS_process_vm_readv, 1, nullptr, 0, nullptr, 0, 0); }},
      {"outlives its parent", "forbidden",
       [] { syscall(SYS_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0); }},
      {"lifts its limits", "forbidden",
       [] {
         const rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
         syscall(SYS_prlimit64, 0, RLIMIT_AS, &none, nullptr);
       }},
      {"loads a filter", "forbidden", [] { syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, 0); }},
      {"makes a namespace", "forbidden", [] { syscall(SYS_unshare, CLONE_NEWUSER); }},
      {"asks for io_uring", "forbidden", [] { syscall(425, 1, nullptr); }},
      {"answers garbage", "garbled", [] { Say("garbage", 7); }},
      {"answers nothing", "garbled", [] { Say("x", 1); }},
      {"answers too much", "garbled",
       [] {
         const std::vector<std::byte> much(decode::kMaxAnswerBytes + 1);
         Say(much.data(), much.size());
       }},
      {"answers another question", "garbled",
       [] {
         decode::AnswerHead head = GoodHead();
         head.question = ~uint64_t{0};
         SayAnswer(head, 0);
       }},
      {"answers a billion frames", "garbled",
       [] {
         decode::AnswerHead head = GoodHead();
         head.frames = 1'000'000'000;
         SayAnswer(head, 1);
       }},
  };
}

}  // namespace

const std::vector<Fault>& Faults() {
  static const std::vector<Fault> faults = MakeFaults();
  return faults;
}

std::vector<uint8_t> Request(std::string_view what) {
  std::string text(kMark);
  text += what;
  return {text.begin(), text.end()};
}

absl::StatusOr<HashedImage> HashOrMisbehave(Bytes bytes, const HashOptions& options,
                                            PdqScratch& scratch, absl::FunctionRef<bool()> go_on) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with(kMark)) return HashEncoded(bytes, options, scratch, go_on);
  const std::string_view what = text.substr(kMark.size());
  current = bytes;
  if (what == kSpin) SpinForever();
  if (what == kSleep) SleepForever();
  if (what == kSlow) usleep(500'000);
  if (what == kChatter) {
    std::fprintf(stderr, "decoder chatter\n");
    std::printf("decoder chatter\n");
    std::fflush(stdout);
  }
  if (what == kPeek) {
    // The slot behind this "picture" is mapped, too.
    for (size_t i = bytes.size(); i < size_t{3} << 20; ++i) {
      if (*Hidden(bytes.data() + i) != 0) {
        return Error(absl::StatusCode::kInvalidArgument, "IMAGE_CORRUPT", "somebody was here");
      }
    }
  }
  for (const Fault& fault : Faults()) {
    if (fault.name == what) fault.act();
  }
  return HashEncoded(bytes, options, scratch, go_on);
}

}  // namespace vigie::testing
