#include "bench/server_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>

extern char** environ;

namespace vigie::bench {
namespace {

struct Child {
  pid_t pid = -1;
  int output = -1;  // the end that reads its standard output
};

std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Not fork(): this process has threads.
Child Start(const std::string& program, const std::vector<std::string>& arguments,
            const std::vector<std::string>& environment) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("cannot make a pipe");
  std::vector<std::string> words = {program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::string> settings = environment;
  for (char** each = environ; *each != nullptr; ++each) {
    if (!std::string_view(*each).starts_with("VIGIE_")) settings.emplace_back(*each);
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  Child child{.pid = -1, .output = ends[0]};
  const int error = posix_spawn(&child.pid, program.c_str(), &actions, nullptr,
                                Pointers(words).data(), Pointers(settings).data());
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error != 0) {
    close(ends[0]);
    throw std::runtime_error("cannot start " + program);
  }
  return child;
}

// Reads to the end, or to the first line's end.
std::string Read(int output, bool one_line) {
  std::string text;
  char c = 0;
  while (read(output, &c, 1) == 1 && !(one_line && c == '\n')) text += c;
  return text;
}

std::string ReadProc(pid_t pid, const char* name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/" + name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// `pid` and the processes below it.
std::vector<pid_t> WithChildren(pid_t pid) {
  std::vector<pid_t> all = {pid};
  for (size_t i = 0; i < all.size(); ++i) {
    const std::string tasks = "/proc/" + std::to_string(all[i]) + "/task";
    std::error_code gone;  // a process may end meanwhile
    for (const auto& task : std::filesystem::directory_iterator(tasks, gone)) {
      std::ifstream children(task.path() / "children");
      pid_t child = 0;
      while (children >> child) all.push_back(child);
    }
  }
  return all;
}

// With those that it has started and that have ended.
double CpuSecondsOf(pid_t pid) {
  const std::string text = ReadProc(pid, "stat");
  // The second field, a name in brackets, may hold anything.
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double ticks = 0;
  for (int i = 0; i < 4; ++i) {
    double more = 0;  // user, system, the same of children
    fields >> more;
    ticks += more;
  }
  return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double MemoryMbOf(pid_t pid) {
  constexpr std::string_view kShare = "\nPss:";
  const std::string text = ReadProc(pid, "smaps_rollup");
  const size_t at = text.find(kShare);
  if (at == std::string::npos) return 0;
  return std::stod(text.substr(at + kShare.size())) * 1024 / 1e6;
}

}  // namespace

std::string FindProgram(const std::string& given) {
  const std::filesystem::path program =
      given.empty() ? std::filesystem::read_symlink("/proc/self/exe").parent_path() / "vigie"
                    : std::filesystem::path(given);
  if (!std::filesystem::exists(program)) {
    throw std::runtime_error("there is no program " + program.string() + ": name it by --program");
  }
  return program;
}

std::string RunProgram(const std::string& program, const std::vector<std::string>& arguments,
                       const std::vector<std::string>& environment) {
  const Child child = Start(program, arguments, environment);
  const std::string text = Read(child.output, /*one_line=*/false);
  close(child.output);
  int status = 0;
  waitpid(child.pid, &status, 0);
  if (status != 0) throw std::runtime_error(program + " " + arguments.front() + " failed");
  return text;
}

std::string CreateKey(const std::string& program, const std::string& data_dir,
                      const std::string& organisation, const std::string& role) {
  std::vector<std::string> arguments = {"key",   "create",     "--data_dir", data_dir,
                                        "--org", organisation, "--role",     role};
  if (role == "trusted_flagger") arguments.insert(arguments.end(), {"--designation", "bench"});
  std::string key = RunProgram(program, arguments);
  while (!key.empty() && key.back() == '\n') key.pop_back();
  return key;
}

ServerProcess::ServerProcess(const std::string& program, const std::string& data_dir,
                             const std::vector<std::string>& flags) {
  std::vector<std::string> arguments = {
      "serve",       "--data_dir",       data_dir,     "--listen",
      "127.0.0.1:0", "--log.level",      "warning",    "--server.drain_notice_ms",
      "0",           "--metrics.listen", "127.0.0.1:0"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  const Child child = Start(program, arguments, {});
  pid_ = child.pid;
  output_ = child.output;
  constexpr std::string_view kReady = "vigie: ready on ";
  const std::string line = Read(output_, /*one_line=*/true);
  if (!line.starts_with(kReady)) {
    close(output_);
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    throw std::runtime_error("the server did not start");
  }
  address_ = line.substr(kReady.size());
}

ServerProcess::~ServerProcess() {
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
  close(output_);
}

ProcessUsage ServerProcess::usage() const {
  ProcessUsage usage;
  for (const pid_t pid : WithChildren(pid_)) {
    usage.cpu_seconds += CpuSecondsOf(pid);
    usage.memory_mb += MemoryMbOf(pid);
    ++usage.processes;
  }
  return usage;
}

double OwnCpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace vigie::bench
