#include "tests/support/peak_memory.h"

#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>
#include <string>

namespace vigie::testing {
namespace {

// A "Vm..." line of /proc/self/status, bytes.
int64_t StatusBytes(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key + ":")) return std::stoll(line.substr(key.size() + 1)) * 1024;
  }
  return -1;
}

}  // namespace

bool CanMeasurePeakMemory() {
#ifdef VIGIE_SANITIZED
  return false;
#else
  return true;
#endif
}

int64_t PeakExtraMemory(const std::function<void()>& work) {
  malloc_trim(0);  // memory that was freed before must not be there to be used again
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("no pipe");
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("no child process");
  if (child == 0) {
    const int64_t before = StatusBytes("VmRSS");
    work();
    const int64_t extra = StatusBytes("VmHWM") - before;
    _exit(write(ends[1], &extra, sizeof(extra)) == sizeof(extra) ? 0 : 1);
  }
  close(ends[1]);
  int64_t extra = 0;
  const bool told = read(ends[0], &extra, sizeof(extra)) == sizeof(extra);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (!told || status != 0) throw std::runtime_error("the child process failed");
  return extra;
}

}  // namespace vigie::testing
