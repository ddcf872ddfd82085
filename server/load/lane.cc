#include "server/load/lane.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace vigie {
namespace {

constexpr double kNewWeight = 1.0 / 32;  // of one job in the measured time a unit
constexpr double kMostSurprise = 16;     // how many times the known time one job counts at most
constexpr TimeUs kLastingShare = 4;      // of max_wait_us, when the queue lasts

// An organisation's streams take turns with its calls, as if they were another's: what a window of
// messages makes wait does not hold up a call. No organisation's name has this character.
std::string StreamsOf(std::string_view organisation) { return std::string(organisation) + '*'; }

}  // namespace

Lane::Lane(std::string_view name, const Limits& limits, const Clock& clock)
    : name_(name), limits_(limits), clock_(clock), empty_us_(clock.Now()) {
  for (size_t i = 0; i < limits_.threads; ++i) threads_.emplace_back([this] { Run(); });
}

Lane::~Lane() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

TimeUs Lane::Submit(const Demand& demand, Job job) {
  const TimeUs now = clock_.Now();
  std::unique_lock lock(mutex_);
  if (const TimeUs wait = RefusedFor(demand, now); wait != 0) {
    ++refused_;
    return wait;
  }
  Begin(lock, demand, std::move(job), now);
  return 0;
}

void Lane::SubmitAlways(const Demand& demand, Job job) {
  const TimeUs now = clock_.Now();
  const std::string owner = StreamsOf(demand.organisation);
  Demand of_stream = demand;
  of_stream.organisation = owner;
  std::unique_lock lock(mutex_);
  Begin(lock, of_stream, std::move(job), now);
}

bool Lane::HasRoom(std::string_view organisation) const {
  const std::lock_guard lock(mutex_);
  const std::string owner = StreamsOf(organisation);
  const auto held = bytes_of_.find(owner);
  const size_t own = held == bytes_of_.end() ? 0 : held->second;
  return bytes_ + own < limits_.max_bytes &&
         queue_.size() + queue_.size_of(owner) < limits_.max_waiting;
}

LaneStats Lane::stats() const {
  const std::lock_guard lock(mutex_);
  return {.name = name_,
          .threads = limits_.threads,
          .queued = queue_.size(),
          .running = running_,
          .bytes = bytes_,
          .done = done_,
          .refused = refused_,
          .dropped = dropped_,
          .waited_us = waited_us_,
          .worked_us = worked_us_,
          .expected_us = queue_.cost() / 1000 / static_cast<int64_t>(limits_.threads)};
}

int64_t Lane::CostOf(Work work, int64_t units) const {
  const double ns = ns_per_unit_[static_cast<size_t>(work)] * static_cast<double>(units);
  return std::max<int64_t>(1, static_cast<int64_t>(ns));
}

TimeUs Lane::ExpectedWait(std::string_view organisation, int64_t cost) const {
  // Everything that waits, or less: its turns among the others'.
  const bool waits = queue_.size_of(organisation) > 0;
  const auto owners = static_cast<int64_t>(queue_.owners() + (waits ? 0 : 1));
  const int64_t before = std::min(queue_.cost(), (queue_.cost_of(organisation) + cost) * owners);
  return before / 1000 / static_cast<int64_t>(limits_.threads);
}

TimeUs Lane::RefusedFor(const Demand& demand, TimeUs now) const {
  const auto held = bytes_of_.find(std::string(demand.organisation));
  const size_t own = held == bytes_of_.end() ? 0 : held->second;
  const bool room = bytes_ == 0 || bytes_ + own + demand.bytes <= limits_.max_bytes;
  if (room && queue_.empty() && running_ < limits_.threads) return 0;

  const int64_t cost = CostOf(demand.work, demand.units);
  const TimeUs wait = ExpectedWait(demand.organisation, cost);
  const size_t own_waiting = queue_.size_of(demand.organisation);
  const size_t waiting = queue_.size() + own_waiting + 1;
  // Who has nothing waiting is not to blame for a queue that lasts.
  const bool lasting = own_waiting > 0 && now - empty_us_ > limits_.max_wait_us;
  const TimeUs most = lasting ? limits_.max_wait_us / kLastingShare : limits_.max_wait_us;
  if (room && waiting <= limits_.max_waiting && wait <= most &&
      (wait == 0 || demand.deadline_us - now >= wait)) {
    return 0;
  }
  return std::max<TimeUs>(1, wait);
}

void Lane::Begin(std::unique_lock<std::mutex>& lock, const Demand& demand, Job job, TimeUs now) {
  Waiting waiting{.job = std::move(job),
                  .organisation = std::string(demand.organisation),
                  .work = demand.work,
                  .units = std::max<int64_t>(1, demand.units),
                  .bytes = demand.bytes,
                  .since_us = now};
  bytes_ += demand.bytes;
  if (demand.bytes > 0) bytes_of_[waiting.organisation] += demand.bytes;
  if (demand.here && queue_.empty() && running_ < limits_.threads) {
    ++running_;
    empty_us_ = now;
    lock.unlock();
    Do(std::move(waiting), now, /*here=*/true);
    return;
  }
  if (queue_.empty()) empty_us_ = now;
  queue_.Push(demand.organisation, CostOf(waiting.work, waiting.units), std::move(waiting));
  const bool free = running_ < limits_.threads;
  lock.unlock();
  if (free) wake_.notify_one();
}

void Lane::Release(const std::string& organisation, size_t bytes) {
  if (bytes == 0) return;  // as when it was taken
  bytes_ -= bytes;
  const auto held = bytes_of_.find(organisation);
  held->second -= bytes;
}

void Lane::Do(Waiting waiting, TimeUs begin, bool here) {
  const bool wanted = waiting.job(here);
  waiting.job = nullptr;  // what it holds goes before its room is given away
  const TimeUs worked = clock_.Now() - begin;
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    --running_;
    Release(waiting.organisation, waiting.bytes);
    waited_us_ += begin - waiting.since_us;
    if (wanted) {
      ++done_;
      worked_us_ += worked;
      double& known = ns_per_unit_[static_cast<size_t>(waiting.work)];
      const double seen = static_cast<double>(worked) * 1000 / static_cast<double>(waiting.units);
      // A clock that is set, or a machine that slept, is not what the work takes.
      known += (std::clamp(seen, 1.0, known * kMostSurprise) - known) * kNewWeight;
    } else {
      ++dropped_;
    }
    wake = !queue_.empty();
  }
  // A thread of the lane goes on by itself.
  if (here && wake) wake_.notify_one();
}

void Lane::Run() {
  // Threads have a niceness each on Linux. Failing leaves it as it is.
  if (limits_.nice != 0) {
    (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), limits_.nice);
  }
  while (true) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] {
      return (!queue_.empty() && running_ < limits_.threads) || (stopping_ && queue_.empty());
    });
    if (queue_.empty()) return;
    Waiting next = queue_.Pop();
    ++running_;
    lock.unlock();
    Do(std::move(next), clock_.Now(), /*here=*/false);
  }
}

}  // namespace vigie
