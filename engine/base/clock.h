// Time as the engine sees it: microseconds since the Unix epoch, UTC.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>

namespace vigie {

using TimeUs = int64_t;
inline constexpr TimeUs kSecondUs = 1'000'000;
inline constexpr TimeUs kDayUs = 24 * 3600 * kSecondUs;

// Where the time comes from. Thread-safe. Tests give the engine a clock they move by hand.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimeUs Now() const = 0;
};

// Wall-clock time that never goes back: max(wall, latest time told + what has passed since). When
// the wall clock is set back, time goes on at its usual pace, so what has expired stays expired;
// when it is set forward, time follows within a millisecond: it is not looked at more often, for
// each look costs as much as the rest. It forgets with the process: what must outlive a restart
// is written down (docs/decisions/0010-events.md).
class ForwardClock final : public Clock {
 public:
  // `elapsed` counts time that passes, from anywhere, and is never set. Both outlive the clock.
  ForwardClock(const Clock& wall, const Clock& elapsed) : wall_(wall), elapsed_(elapsed) {}
  TimeUs Now() const override;
  static constexpr TimeUs kLookUs = 1000;

 private:
  const Clock& wall_;
  const Clock& elapsed_;
  // The largest difference of the two seen so far, and when they were compared last, by elapsed_.
  mutable std::atomic<TimeUs> lead_{std::numeric_limits<TimeUs>::min()};
  mutable std::atomic<TimeUs> compared_{std::numeric_limits<TimeUs>::min()};
};

// The machine's clock, as a ForwardClock that counts time during which the machine was suspended.
// Lives for the whole program.
const Clock& SystemClock();

}  // namespace vigie
