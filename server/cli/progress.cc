#include "server/cli/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace vigie {
namespace {

constexpr int kBarWidth = 30;
constexpr auto kTerminalPause = std::chrono::milliseconds(100);
constexpr auto kPlainPause = std::chrono::seconds(5);
constexpr auto kPlainFirst = std::chrono::seconds(1);

}  // namespace

Progress::Progress(std::string label, uint64_t total)
    : label_(std::move(label)),
      total_(total),
      terminal_(isatty(STDERR_FILENO) != 0),
      start_(std::chrono::steady_clock::now()),
      next_print_(start_ + (terminal_ ? std::chrono::steady_clock::duration(kTerminalPause)
                                      : std::chrono::steady_clock::duration(kPlainFirst))) {}

Progress::~Progress() {
  if (!printed_) return;
  Print();
  if (terminal_) std::fputc('\n', stderr);
}

void Progress::Hide() {
  if (terminal_ && printed_) std::fputs("\r\x1b[K", stderr);
}

void Progress::Update(uint64_t done, uint64_t total) {
  total_ = total;
  Update(done);
}

void Progress::Update(uint64_t done) {
  done_ = done;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_print_) return;
  next_print_ = now + (terminal_ ? std::chrono::steady_clock::duration(kTerminalPause)
                                 : std::chrono::steady_clock::duration(kPlainPause));
  Print();
}

void Progress::Print() {
  printed_ = true;
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  const double rate = seconds > 0 ? static_cast<double>(done_) / seconds : 0;
  const double share =
      total_ > 0 ? std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_)) : 0;
  const std::string prefix = terminal_ ? "\r" : "";
  const char* suffix = terminal_ ? "\x1b[K" : "\n";
  if (total_ == 0) {
    std::fprintf(stderr, "%s%s: %llu, %.0f/s%s", prefix.c_str(), label_.c_str(),
                 static_cast<unsigned long long>(done_), rate, suffix);
  } else {
    const auto filled = static_cast<size_t>(share * kBarWidth);
    const std::string bar =
        terminal_ ? "[" + std::string(filled, '#') + std::string(kBarWidth - filled, '.') + "] "
                  : "";
    std::fprintf(stderr, "%s%s: %s%.0f%% (%llu of %llu), %.0f/s%s", prefix.c_str(), label_.c_str(),
                 bar.c_str(), share * 100, static_cast<unsigned long long>(done_),
                 static_cast<unsigned long long>(total_), rate, suffix);
  }
  std::fflush(stderr);
}

}  // namespace vigie
