// The program `vigie` as processes of their own: a server on loopback, and commands. For benchmarks
// that measure what callers meet.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace vigie::bench {

// `given`, or else the program `vigie` beside this one. Throws std::runtime_error when it is not
// there.
std::string FindProgram(const std::string& given);

// Runs `program` to its end and returns what it wrote to standard output. `environment` is added to
// ours, which is passed on without settings of Vigie. Throws std::runtime_error when it ends with
// another code than 0.
std::string RunProgram(const std::string& program, const std::vector<std::string>& arguments,
                       const std::vector<std::string>& environment = {});

// The key of a new principal of the data folder: the one place that knows how keys are made.
std::string CreateKey(const std::string& program, const std::string& data_dir,
                      const std::string& organisation, const std::string& role);

// Of a process and those that it has started.
struct ProcessUsage {
  double cpu_seconds = 0;
  // What they keep in memory, 10^6 bytes; pages that several share count once.
  double memory_mb = 0;
  size_t processes = 0;
};

// `vigie serve` over `data_dir` on a port of its own choice. Its log goes to our standard error.
class ServerProcess {
 public:
  // Returns when the server is ready. Throws std::runtime_error when it ends instead.
  ServerProcess(const std::string& program, const std::string& data_dir,
                const std::vector<std::string>& flags = {});
  // Asks it to stop, and waits.
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  const std::string& address() const { return address_; }
  // So far.
  ProcessUsage usage() const;

 private:
  pid_t pid_ = -1;
  int output_ = -1;
  std::string address_;
};

// Processor time that this process has used so far.
double OwnCpuSeconds();

}  // namespace vigie::bench
