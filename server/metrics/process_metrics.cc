#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>

#include "server/metrics/state_metrics.h"

namespace vigie {
namespace {

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

// Field `number` of /proc/self/stat, counted from 1 as proc(5) does; at least 3.
double StatField(int number) {
  std::ifstream file("/proc/self/stat");
  std::stringstream text;
  text << file.rdbuf();
  // The second field, a name in brackets, may hold anything.
  const size_t name_end = text.str().rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(text.str().substr(name_end + 1));
  std::string field;
  for (int i = 3; i <= number; ++i) fields >> field;
  return std::strtod(field.c_str(), nullptr);
}

// Seconds since 1970 when the machine started.
double BootTime() {
  std::ifstream file("/proc/stat");
  std::string word;
  while (file >> word) {
    if (word == "btime") {
      double seconds = 0;
      file >> seconds;
      return seconds;
    }
  }
  return 0;
}

double OpenFiles() {
  std::error_code error;
  double count = 0;
  for (std::filesystem::directory_iterator it("/proc/self/fd", error), end; !error && it != end;
       it.increment(error)) {
    ++count;
  }
  return count > 0 ? count - 1 : 0;  // one of them reads the folder
}

}  // namespace

void CollectProcess(Families& families) {
  constexpr int kThreads = 20;
  constexpr int kStartTicks = 22;
  constexpr int kResidentPages = 24;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  Counter(families, "process_cpu_seconds_total", "Processor time, of user and system.",
          Seconds(usage.ru_utime) + Seconds(usage.ru_stime));
  Gauge(families, "process_resident_memory_bytes", "Resident memory.",
        StatField(kResidentPages) * static_cast<double>(sysconf(_SC_PAGESIZE)));
  Gauge(families, "process_threads", "Threads.", StatField(kThreads));
  Gauge(families, "process_open_fds", "Open files.", OpenFiles());
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  Gauge(families, "process_max_fds", "Files that may be open.",
        static_cast<double>(files.rlim_cur));
  Gauge(families, "process_start_time_seconds", "When it started, since 1970.",
        BootTime() + StatField(kStartTicks) / static_cast<double>(sysconf(_SC_CLK_TCK)));
}

}  // namespace vigie
