#include "bench/pacing.h"

#include <condition_variable>
#include <functional>

namespace vigie::bench {
namespace {

using Clock = std::chrono::steady_clock;

void Count(Answer answer, LoadResult* result) {
  switch (answer) {
    case Answer::kRight:
      ++result->right;
      break;
    case Answer::kWrong:
      ++result->wrong;
      break;
    case Answer::kRefused:
      ++result->refused;
      break;
    case Answer::kFailed:
      ++result->failed;
      break;
  }
}

// The calls of Saturate(): each answer asks for the next.
class Window {
 public:
  explicit Window(Workload& load) : load_(load) {}

  void Open(size_t calls) {
    {
      const std::lock_guard lock(mutex_);
      in_flight_ += calls;
    }
    for (size_t i = 0; i < calls; ++i) Ask();
  }

  void Restart() {
    const std::lock_guard lock(mutex_);
    result_ = {};
    us_.clear();
    begin_ = Clock::now();
  }

  LoadResult Close() {
    std::unique_lock lock(mutex_);
    closing_ = true;
    result_.seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
    empty_.wait(lock, [this] { return in_flight_ == 0; });
    result_.latencies = Summarise(std::move(us_));
    return result_;
  }

 private:
  void Ask() {
    load_.Ask([this, asked = Clock::now()](Answer answer) { Take(asked, answer); });
  }

  void Take(Clock::time_point asked, Answer answer) {
    const double us = MicrosecondsSince(asked);
    {
      const std::lock_guard lock(mutex_);
      if (closing_) {
        if (--in_flight_ == 0) empty_.notify_all();
        return;
      }
      Count(answer, &result_);
      if (answer == Answer::kRight) us_.push_back(us);
    }
    // A server that refuses at once would keep us busy with nothing else.
    if (answer != Answer::kRight) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    Ask();
  }

  Workload& load_;
  std::mutex mutex_;
  std::condition_variable empty_;
  Clock::time_point begin_ = Clock::now();
  size_t in_flight_ = 0;
  bool closing_ = false;
  LoadResult result_;
  std::vector<double> us_;
};

}  // namespace

LoadResult Saturate(Workload& load, size_t window, double seconds) {
  Window calls(load);
  calls.Open(window);
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds / 10));
  calls.Restart();
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  return calls.Close();
}

OpenLoop::OpenLoop(Workload& load, double per_second, size_t most_in_flight)
    : load_(load),
      most_in_flight_(most_in_flight),
      pacer_([this, per_second] { Run(per_second); }) {}

OpenLoop::~OpenLoop() {
  if (pacer_.joinable()) Stop();
}

void OpenLoop::Run(double per_second) {
  const std::chrono::duration<double> pause(1 / per_second);
  const auto begin = Clock::now();
  for (uint64_t i = 0; !stopping_.load(); ++i) {
    const auto due =
        begin + std::chrono::duration_cast<Clock::duration>(pause * static_cast<double>(i));
    std::this_thread::sleep_until(due);
    ++in_flight_;
    if (in_flight_.load() > most_in_flight_) {
      Take(due, Answer::kFailed);
    } else {
      load_.Ask([this, due](Answer answer) { Take(due, answer); });
    }
  }
  const std::lock_guard lock(mutex_);
  result_.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
}

void OpenLoop::Take(Clock::time_point due, Answer answer) {
  const double us = MicrosecondsSince(due);
  {
    const std::lock_guard lock(mutex_);
    Count(answer, &result_);
    if (answer == Answer::kRight) us_.push_back(us);
  }
  --in_flight_;
}

LoadResult OpenLoop::Stop() {
  stopping_.store(true);
  pacer_.join();
  while (in_flight_.load() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const std::lock_guard lock(mutex_);
  result_.latencies = Summarise(std::move(us_));
  return result_;
}

}  // namespace vigie::bench
