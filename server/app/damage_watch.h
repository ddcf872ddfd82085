// Looks for damage of the database: before a server serves, and again beside it. Why both:
// docs/decisions/0018-damage.md.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "engine/base/status.h"
#include "engine/store/store.h"

namespace vigie {

// Reads what must be right for a server to begin: all of a small database, the essentials of a
// large one. `complete` says whether it was all. `path` is the database's. Errors of
// Store::CheckIntegrity().
absl::Status CheckAtStart(Store& store, const std::string& path, bool* complete);

// A thread that reads the whole database now and then, at low priority.
class DamageWatch {
 public:
  explicit DamageWatch(Store& store) : store_(store) {}
  ~DamageWatch() { Stop(); }

  // Once. `at_once`: the start has not read all.
  void Start(bool at_once);
  // Ends a check that is going on. Any number of times.
  void Stop();
  // Not OK once damage was found: until the next start.
  absl::Status status() const;

 private:
  void Run(bool at_once);

  Store& store_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  absl::Status status_;
  std::thread thread_;
};

}  // namespace vigie
