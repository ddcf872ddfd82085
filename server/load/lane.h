// Threads that do one kind of work, and what may wait for them: bounded by number, by bytes, and by
// how long it would wait. Organisations take turns. No gRPC.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "engine/base/clock.h"
#include "server/load/fair_queue.h"

namespace vigie {

// What a job's time is proportional to; each kind's time a unit is measured apart.
enum class Work : uint8_t {
  kOther = 0,    // a unit: a call, or a message of a stream
  kChecks = 1,   // of a picture; a unit: a fingerprint
  kBatches = 2,  // of many pictures, which takes less of each; a unit: a fingerprint
  kImages = 3,   // a unit: 64 KiB of picture, begun ones count
};
inline constexpr size_t kWorks = 4;

// One lane as of now. Counts are since the start.
struct LaneStats {
  std::string_view name;  // "checks" or "images"
  size_t threads = 0;
  size_t queued = 0;   // requests that wait
  size_t running = 0;  // requests that are worked on
  size_t bytes = 0;    // of both, as they were sent
  uint64_t done = 0;
  uint64_t refused = 0;    // SERVER_BUSY: no room, or it would have waited too long
  uint64_t dropped = 0;    // its caller gave up, or its deadline passed, before it was begun
  TimeUs waited_us = 0;    // of all that were begun, together
  TimeUs worked_us = 0;    // of all that are done, together
  TimeUs expected_us = 0;  // what a request would wait now, if all were one organisation's
};

// Thread-safe.
class Lane {
 public:
  struct Limits {
    size_t threads = 1;
    size_t max_waiting = 1024;            // requests
    size_t max_bytes = size_t{64} << 20;  // of those that wait and those that are worked on
    TimeUs max_wait_us = 200'000;
    int nice = 0;  // added to the threads' niceness: how much they yield to others
  };

  struct Demand {
    std::string_view organisation;
    Work work = Work::kOther;
    int64_t units = 1;
    size_t bytes = 0;
    TimeUs deadline_us = INT64_MAX;
    // It is short and waits for nothing, so the calling thread may do it, if one of the lane's
    // threads could do it at once.
    bool here = false;
  };

  // Does the work. `here`: in the thread that submitted it. False: nobody wanted it any more, and
  // nothing was done.
  using Job = std::function<bool(bool here)>;

  // `name` and `clock` outlive the lane.
  Lane(std::string_view name, const Limits& limits, const Clock& clock);
  // Does what waits.
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // Has `job` done, and returns 0; or refuses it and returns how long such a job would wait now,
  // microseconds, at least 1. No organisation holds more than it leaves free: one alone may have
  // half of the room, two a third each, and there is always some for another. When jobs have waited
  // for longer than max_wait_us without a pause, a quarter of it is the bound for who has more
  // waiting: a queue is for bursts, a lasting one only makes everybody wait.
  [[nodiscard]] TimeUs Submit(const Demand& demand, Job job);

  // The same without bounds, for streams: they are slowed down by their sender's window instead. An
  // organisation's streams take turns with its calls as if they were another's.
  void SubmitAlways(const Demand& demand, Job job);

  // False: the organisation's streams had better not read on, unless they hold nothing.
  bool HasRoom(std::string_view organisation) const;

  LaneStats stats() const;

 private:
  struct Waiting {
    Job job;
    std::string organisation;
    Work work = Work::kOther;
    int64_t units = 1;
    size_t bytes = 0;
    TimeUs since_us = 0;
  };

  // All but Run() and Do() hold mutex_.
  TimeUs RefusedFor(const Demand& demand, TimeUs now) const;
  TimeUs ExpectedWait(std::string_view organisation, int64_t cost) const;
  int64_t CostOf(Work work, int64_t units) const;
  void Begin(std::unique_lock<std::mutex>& lock, const Demand& demand, Job job, TimeUs now);
  void Release(const std::string& organisation, size_t bytes);
  // Runs one job that was counted as running, and counts it as done. `begin`: now.
  void Do(Waiting waiting, TimeUs begin, bool here);
  void Run();

  const std::string_view name_;
  const Limits limits_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  FairQueue<Waiting> queue_;                          // costs in nanoseconds
  std::unordered_map<std::string, size_t> bytes_of_;  // by organisation; also of none
  // Nanoseconds a unit, as measured lately.
  std::array<double, kWorks> ns_per_unit_ = {200'000, 20'000, 20'000, 5'000'000};
  size_t running_ = 0;
  size_t bytes_ = 0;
  TimeUs empty_us_ = 0;  // when nothing waited last
  uint64_t done_ = 0;
  uint64_t refused_ = 0;
  uint64_t dropped_ = 0;
  TimeUs waited_us_ = 0;
  TimeUs worked_us_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace vigie
