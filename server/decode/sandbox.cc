#include "server/decode/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <initializer_list>
#include <memory>

#include "server/decode/channel.h"

namespace vigie::decode {
namespace {

// Decoders are work for later than the server's other threads: hash checks stay fast beside them.
constexpr int kNice = 5;

// Memory, time, the thread's own signals, and threads (libheif starts one while it decodes).
constexpr int kAllowed[] = {
    SCMP_SYS(brk),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(fstat),
    SCMP_SYS(futex),
    SCMP_SYS(getcpu),
    SCMP_SYS(getpid),
    SCMP_SYS(getrandom),
    SCMP_SYS(gettid),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(madvise),
    SCMP_SYS(mremap),
    SCMP_SYS(munmap),
    SCMP_SYS(nanosleep),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(rseq),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_yield),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(sysinfo),
};

// Refused without an end: what the C library asks and can do without.
struct Refused {
  int call;
  int error;
};
constexpr Refused kRefused[] = {
    // Its flags lie in memory, where a filter cannot see them; then the library uses clone.
    {SCMP_SYS(clone3), ENOSYS},
    // Whether the error output is a terminal, and what kind of file.
    {SCMP_SYS(ioctl), ENOTTY},
    {SCMP_SYS(newfstatat), EACCES},
    // It could be another process's. abort() goes on without it, to an illegal instruction.
    {SCMP_SYS(tgkill), EPERM},
};

// Sanitizers ask more of a thread that starts, must be able to say what they found, and write to a
// pipe of their own to learn whether memory can be read.
#ifdef VIGIE_SANITIZED
constexpr int kAllowedToSanitizers[] = {
    SCMP_SYS(close),  SCMP_SYS(getppid), SCMP_SYS(getrlimit),       SCMP_SYS(getrusage),
    SCMP_SYS(getuid), SCMP_SYS(pipe2),   SCMP_SYS(set_tid_address), SCMP_SYS(write),
};
constexpr rlim_t kFiles = 6;  // two for the pipe
#else
constexpr rlim_t kFiles = 4;
#endif

class FilterBuilder {
 public:
  FilterBuilder() : context_(seccomp_init(SCMP_ACT_KILL_PROCESS), &seccomp_release) {
    ok_ = context_ != nullptr &&
          seccomp_attr_set(context_.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0;
  }

  void Allow(int call, std::initializer_list<scmp_arg_cmp> conditions = {}) {
    Add(SCMP_ACT_ALLOW, call, conditions);
  }
  void Refuse(int call, int error) { Add(SCMP_ACT_ERRNO(static_cast<uint16_t>(error)), call, {}); }

  absl::StatusOr<std::vector<sock_filter>> Finish() {
    // The library of Debian 12 writes a filter only to a file.
    const File file(memfd_create("vigie-filter", MFD_CLOEXEC));
    if (!ok_ || !file.open() || seccomp_export_bpf(context_.get(), file.get()) != 0) {
      return DecoderFailed("the filter of system calls cannot be made");
    }
    const off_t size = lseek(file.get(), 0, SEEK_END);
    std::vector<sock_filter> filter(static_cast<size_t>(size) / sizeof(sock_filter));
    if (pread(file.get(), filter.data(), filter.size() * sizeof(sock_filter), 0) != size) {
      return DecoderFailed("the filter of system calls cannot be read");
    }
    return filter;
  }

 private:
  void Add(uint32_t action, int call, std::initializer_list<scmp_arg_cmp> conditions) {
    ok_ = ok_ &&
          seccomp_rule_add_array(context_.get(), action, call,
                                 static_cast<unsigned>(conditions.size()), conditions.begin()) == 0;
  }

  std::unique_ptr<void, decltype(&seccomp_release)> context_;
  bool ok_ = false;
};

scmp_arg_cmp Is(unsigned argument, uint64_t value) {
  return {.arg = argument, .op = SCMP_CMP_EQ, .datum_a = value, .datum_b = 0};
}
scmp_arg_cmp HasBits(unsigned argument, uint64_t mask, uint64_t value) {
  return {.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
}

bool Limit(__rlimit_resource_t resource, rlim_t value) {
  const rlimit limit = {.rlim_cur = value, .rlim_max = value};
  return setrlimit(resource, &limit) == 0;
}

// Bytes of address space in use; 0 when the system does not say.
int64_t AddressSpace() {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen("/proc/self/statm", "re"),
                                                   &std::fclose);
  long long pages = 0;
  if (file == nullptr || std::fscanf(file.get(), "%lld", &pages) != 1) return 0;
  return pages * sysconf(_SC_PAGESIZE);
}

absl::Status LimitResources(int64_t extra_memory) {
  if (!AddressSpaceIsUnlimited()) {
    const int64_t used = AddressSpace();
    if (used == 0 || !Limit(RLIMIT_AS, static_cast<rlim_t>(used + extra_memory))) {
      return DecoderFailed("a decoder's memory cannot be limited", errno);
    }
  }
  if (!Limit(RLIMIT_CORE, 0) || !Limit(RLIMIT_FSIZE, 0) || !Limit(RLIMIT_NOFILE, kFiles)) {
    return DecoderFailed("a decoder's resources cannot be limited", errno);
  }
  // Helps; nothing depends on it.
  setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + kNice);
  return absl::OkStatus();
}

}  // namespace

bool AddressSpaceIsUnlimited() {
#ifdef VIGIE_SANITIZED
  return true;
#else
  return false;
#endif
}

absl::StatusOr<std::vector<sock_filter>> CompileFilter() {
  FilterBuilder filter;
  for (const int call : kAllowed) filter.Allow(call);
#ifdef VIGIE_SANITIZED
  for (const int call : kAllowedToSanitizers) filter.Allow(call);
#endif
  filter.Allow(SCMP_SYS(mmap), {HasBits(2, PROT_EXEC, 0)});
  filter.Allow(SCMP_SYS(mprotect), {HasBits(2, PROT_EXEC, 0)});
  // Asking for its own limits, not setting them.
  filter.Allow(SCMP_SYS(prlimit64), {Is(0, 0), Is(2, 0)});
  for (const Refused& refused : kRefused) filter.Refuse(refused.call, refused.error);
  filter.Allow(SCMP_SYS(read), {Is(0, kWorkerSocket)});
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO, kWorkerSocket}) {
    filter.Allow(SCMP_SYS(write), {Is(0, static_cast<uint64_t>(fd))});
    filter.Allow(SCMP_SYS(writev), {Is(0, static_cast<uint64_t>(fd))});
  }
  filter.Allow(SCMP_SYS(clone), {HasBits(0, CLONE_THREAD, CLONE_THREAD)});
  return filter.Finish();
}

absl::Status EnterSandbox(std::vector<sock_filter> filter, int64_t extra_memory) {
  if (prctl(PR_SET_DUMPABLE, 0) != 0) return DecoderFailed("prctl(PR_SET_DUMPABLE)", errno);
  VIGIE_RETURN_IF_ERROR(LimitResources(extra_memory));
  // Of a server that runs as root.
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capset, &header, none) != 0) return DecoderFailed("capset", errno);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return DecoderFailed("prctl(PR_SET_NO_NEW_PRIVS)", errno);
  }
  const sock_fprog program = {.len = static_cast<uint16_t>(filter.size()), .filter = filter.data()};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) {
    return DecoderFailed("this system has no seccomp filters", errno);
  }
  return absl::OkStatus();
}

}  // namespace vigie::decode
