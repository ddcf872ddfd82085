// The threads that do the work of requests, and a bounded queue in front of them.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace vigie {

class WorkerPool {
 public:
  WorkerPool(size_t threads, size_t queue);
  // Finishes what is queued.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Runs `job` on one of the threads. False, and `job` is dropped, when the queue is full. Any
  // thread.
  [[nodiscard]] bool Submit(std::function<void()> job);

  size_t threads() const { return threads_.size(); }

 private:
  void Work();

  const size_t queue_limit_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace vigie
