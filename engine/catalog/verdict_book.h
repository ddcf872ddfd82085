// Writes down what verdicts said, for those who follow an entry and for those who must be told when
// it ends; and counts.
//
// A verdict that names an entry to a platform for the first time is durable before the platform
// has it, so that the platform is told for certain when the entry ends. Others are written a
// moment later, together (Flush()): a crash may lose a moment's events and counts of them.
//
// Starts no thread. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/status.h"
#include "engine/catalog/catalog.h"
#include "engine/catalog/match_rate.h"
#include "engine/store/verdict_records.h"

namespace vigie {

struct VerdictBookOptions {
  MatchRateLimit match_rate = {};
  // Of the checks that found nothing, every so manyth is counted, as so many.
  int64_t no_match_sample = 1;
};

class VerdictBook {
 public:
  // Verdicts that wait while the database fails; the oldest are dropped beyond it.
  static constexpr size_t kMaxPending = 65'536;
  static constexpr TimeUs kCountPauseUs = 5 * kSecondUs;

  // `catalog` and `clock` outlive it.
  VerdictBook(Catalog& catalog, const Clock& clock, const VerdictBookOptions& options)
      : catalog_(catalog), clock_(clock), options_(options), rates_(options.match_rate) {}

  // Notes one verdict; `upload` names what was checked. May wait for the disk. A verdict is given
  // also when it cannot be written down: see Flush(). With `later` it does not wait: what must be
  // durable before it is answered is put there, for WriteNow().
  void Note(VerdictRecord verdict, const UploadId& upload,
            std::vector<VerdictRecord>* later = nullptr);

  // Commits these together, with what is to be suspended; what fails waits for Flush().
  void WriteNow(std::vector<VerdictRecord> verdicts);

  // Writes what waits. Called now and then, and before the end; counts of checks that matched
  // nothing are written every kCountPauseUs, or with `all`. Errors of the store: it is tried again
  // with the next call.
  absl::Status Flush(bool all);

  // Verdicts that were never written down, because too many waited.
  uint64_t dropped() const { return dropped_.load(); }
  // Verdicts that were given and wait for Flush().
  size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return pending_.size();
  }

 private:
  using CountKey = std::tuple<int64_t, std::string, Outcome, std::optional<Action>>;

  bool IsKnown(const VerdictRecord& verdict);
  void SetKnown(const VerdictRecord& verdict);
  absl::Status Write(bool counts);
  void KeepPending(VerdictRecord verdict);

  Catalog& catalog_;
  const Clock& clock_;
  const VerdictBookOptions options_;
  std::atomic<uint64_t> unsampled_{0};
  std::atomic<uint64_t> dropped_{0};

  mutable std::mutex mutex_;  // over what follows
  std::deque<VerdictRecord> pending_;
  std::vector<EntryNumber> to_suspend_;
  std::map<CountKey, int64_t> counts_;
  TimeUs counted_us_ = 0;  // when counts were last written
  MatchRates rates_;
  // Pairs of an entry and an organisation (by number) that are known to be written down.
  std::unordered_map<std::string, uint32_t> organisations_;
  std::unordered_set<uint64_t> known_;
};

}  // namespace vigie
