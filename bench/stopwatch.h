// Time that passes, by the clock that never jumps.
#pragma once

#include <chrono>

namespace vigie::bench {

inline double SecondsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace vigie::bench
