// How much memory a piece of work takes at its peak, measured by the kernel.
#pragma once

#include <cstdint>
#include <functional>

namespace vigie::testing {

// False where a sanitizer keeps memory that the program has freed.
bool CanMeasurePeakMemory();

// Resident bytes that `work` needs at its peak beyond what is resident before it: runs it in a
// child process, so what it does is lost but for this number. Call it from a program with one
// thread. Throws std::runtime_error when the child fails.
int64_t PeakExtraMemory(const std::function<void()>& work);

}  // namespace vigie::testing
