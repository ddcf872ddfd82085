// Progress of long work on standard error: a bar on a terminal, a plain line now and then
// elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace vigie {

// One thread. Says nothing about work that is over within a second, except on a terminal.
class Progress {
 public:
  // `total` 0: unknown, only the count is shown.
  Progress(std::string label, uint64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Makes room for another line on standard error; the next Update() may draw again.
  void Hide();
  void Update(uint64_t done);
  void Update(uint64_t done, uint64_t total);

 private:
  void Print();

  const std::string label_;
  uint64_t total_;
  uint64_t done_ = 0;
  const bool terminal_;
  bool printed_ = false;
  const std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point next_print_;
};

}  // namespace vigie
