// The pairs of an entry and an upload that a platform has released after a false positive.
#pragma once

#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <tuple>

#include "engine/store/verdict_records.h"

namespace vigie {

// Thread-safe.
class Releases {
 public:
  void Set(const FeedbackRecord& feedback) {
    const std::lock_guard lock(mutex_);
    Key key{feedback.entry, feedback.organisation, feedback.upload};
    if (feedback.released) {
      pairs_.insert(std::move(key));
    } else {
      pairs_.erase(key);
    }
    any_.store(!pairs_.empty());
  }

  bool Contains(EntryNumber entry, const std::string& organisation, const UploadId& upload) const {
    if (!any_.load()) return false;
    const std::lock_guard lock(mutex_);
    return pairs_.contains(Key{entry, organisation, upload});
  }

 private:
  using Key = std::tuple<EntryNumber, std::string, UploadId>;

  mutable std::mutex mutex_;
  std::set<Key> pairs_;
  std::atomic<bool> any_{false};
};

}  // namespace vigie
