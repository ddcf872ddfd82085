// The PDQ values of all ALLOW lists in an index of their own: a submission is compared with them
// without searching everything that is blocked.
#pragma once

#include <map>
#include <mutex>
#include <span>
#include <vector>

#include "engine/base/fingerprint.h"
#include "engine/base/status.h"
#include "engine/index/live_index.h"
#include "engine/store/store.h"

namespace vigie {

// Entries are added and never taken out: whether one acts now, its finder asks the catalogue.
// Thread-safe.
class AllowSet {
 public:
  explicit AllowSet(LiveIndexOptions options) : index_(options) {}

  // Reads the entries of `lists`, the ALLOW lists, that it does not have yet, up to number `last`:
  // all of them at first, usually none. Errors: those of the store and the index.
  absl::Status Refresh(Store& store, std::span<const ListNumber> lists, EntryNumber last);

  struct Near {
    uint32_t query = 0;
    EntryNumber entry = 0;
    int distance = 0;
  };
  // At most `most` entries at most `max_distance` from one of `queries`, nearest first.
  absl::StatusOr<std::vector<Near>> Find(std::span<const Pdq256> queries, int max_distance,
                                         size_t most) const;

  // Rounds of background work of the index. One thread at a time.
  absl::Status Maintain() { return index_.Maintain(); }

 private:
  absl::Status Read(Store& store, ListNumber list, EntryNumber last);

  mutable std::mutex mutex_;
  std::map<ListNumber, EntryNumber> read_;  // the last entry of each list that was read
  std::vector<EntryNumber> entries_;        // [row - 1]
  LiveIndex index_;
};

}  // namespace vigie
