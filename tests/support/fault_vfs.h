// A disk that fails on demand, below SQLite.
#pragma once

#include <atomic>

namespace vigie::testing {

// What a failing disk says.
enum class DiskFault {
  kFull,  // no space for what is written
  kTorn,  // half of it is written, then an error
  kIo,    // an error, nothing is written
};

// While it lives, databases that are opened use it. Counts what changes a file: writes, syncs,
// truncations, removals. One at a time.
class FaultVfs {
 public:
  FaultVfs();
  ~FaultVfs();
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;

  // Operation number `n` from now (1: the next) fails; `lasting`: and all after it, until Lift().
  void FailAt(int n, DiskFault fault, bool lasting);
  void Lift();
  int operations() const { return operations_; }
  bool failed() const { return failed_; }
  bool sync_failed() const { return sync_failed_; }

  // For the files: whether the next operation fails.
  bool Fails(bool is_sync);
  DiskFault fault() const { return fault_; }

 private:
  std::atomic<int> operations_{0};
  std::atomic<int> fail_at_{0};
  std::atomic<bool> lasting_{false};
  std::atomic<bool> failed_{false};
  std::atomic<bool> sync_failed_{false};
  std::atomic<DiskFault> fault_{DiskFault::kIo};
};

}  // namespace vigie::testing
