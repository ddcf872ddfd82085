#include "engine/base/clock.h"

#include <time.h>

#include <algorithm>

namespace vigie {
namespace {

class KernelClock final : public Clock {
 public:
  explicit KernelClock(clockid_t id) : id_(id) {}
  TimeUs Now() const override {
    timespec now{};
    clock_gettime(id_, &now);
    return TimeUs{now.tv_sec} * kSecondUs + now.tv_nsec / 1000;
  }

 private:
  const clockid_t id_;
};

}  // namespace

TimeUs ForwardClock::Now() const {
  const TimeUs now = elapsed_.Now();
  if (now < compared_.load() + kLookUs) return now + lead_.load();
  // The wall first: when the thread is held up in between, the lead comes out too small, never too
  // large, and a larger one that was seen before counts.
  const TimeUs wall = wall_.Now();
  const TimeUs elapsed = elapsed_.Now();
  TimeUs lead = lead_.load();
  while (wall - elapsed > lead && !lead_.compare_exchange_weak(lead, wall - elapsed)) {
  }
  compared_.store(elapsed);
  return elapsed + std::max(lead, wall - elapsed);
}

const Clock& SystemClock() {
  static const KernelClock wall(CLOCK_REALTIME);
  static const KernelClock elapsed(CLOCK_BOOTTIME);
  static const ForwardClock clock(wall, elapsed);
  return clock;
}

}  // namespace vigie
