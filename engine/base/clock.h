// Wall-clock time as the engine sees it: microseconds since the Unix epoch, UTC.
#pragma once

#include <cstdint>

namespace vigie {

using TimeUs = int64_t;
inline constexpr TimeUs kSecondUs = 1'000'000;

// Where the time comes from. Thread-safe. Tests give the engine a clock they move by hand.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimeUs Now() const = 0;
};

// The machine's clock. Lives for the whole program.
const Clock& SystemClock();

}  // namespace vigie
