// Work on many items by several threads, with the results in the order of the items.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace vigie {

// Threads for `asked` of them; 0 asks for one a core.
inline size_t ThreadsFor(int asked) {
  return asked > 0 ? static_cast<size_t>(asked)
                   : std::max<size_t>(1, std::thread::hardware_concurrency());
}

// Calls work(i) for i = 0 to count - 1 on `threads` threads, and take(i, result) in the order of i
// on the calling thread. At most `threads` calls of `work` run at once and at most 16 times as many
// results wait, so memory does not grow with `count`. When `take` returns false, no more work is
// begun and InOrder() returns once what runs has ended. `work` throws nothing.
template <typename Result>
void InOrder(size_t count, size_t threads, const std::function<Result(size_t)>& work,
             const std::function<bool(size_t, Result)>& take) {
  threads = std::max<size_t>(1, std::min(threads, count));
  const size_t window = 16 * threads;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::optional<Result>> waiting(window);
  size_t begun = 0;
  size_t taken = 0;
  bool stopped = false;

  const auto run = [&] {
    for (std::unique_lock lock(mutex);;) {
      changed.wait(lock, [&] { return stopped || begun == count || begun < taken + window; });
      if (stopped || begun == count) return;
      const size_t i = begun++;
      lock.unlock();
      Result result = work(i);
      lock.lock();
      waiting[i % window] = std::move(result);
      changed.notify_all();
    }
  };
  std::vector<std::jthread> workers;
  for (size_t t = 0; t < threads; ++t) workers.emplace_back(run);

  std::unique_lock lock(mutex);
  while (taken < count) {
    std::optional<Result>& slot = waiting[taken % window];
    changed.wait(lock, [&] { return slot.has_value(); });
    Result result = *std::exchange(slot, std::nullopt);
    const size_t i = taken++;
    changed.notify_all();
    lock.unlock();
    const bool go_on = take(i, std::move(result));
    lock.lock();
    if (go_on) continue;
    stopped = true;
    changed.notify_all();
    return lock.unlock();  // the workers are joined next
  }
}

}  // namespace vigie
