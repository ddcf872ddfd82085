// Group commit: changes that arrive while the disk is busy share the next commit.
//
// No thread of its own: the caller at the front of the queue commits for itself and for those
// behind it, then wakes them.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <vector>

#include "engine/base/status.h"
#include "engine/store/store.h"

namespace vigie {

// A new or changed entry, with its fingerprints.
struct EntryChange {
  EntryRecord entry;
  bool new_rows = false;    // its fingerprints are in rows that matching has not seen
  bool new_local = false;   // it gained its local fingerprint, and nothing else
  RowId old_first_row = 0;  // where they were before, if anywhere
};

// What a commit changes in memory, once it is durable.
struct Changes {
  std::vector<ListRecord> lists;     // new or changed
  std::vector<EntryChange> entries;  // in order: an entry may change twice
  std::vector<FeedbackRecord> feedback;
  bool late = false;      // a verdict was written that was made before the last change of an entry
  bool recorded = false;  // something that matching does not see was written
};

// What a commit was, for who measures.
struct CommitFacts {
  int64_t took_ns = 0;  // with making it visible
  size_t changes = 0;   // that shared it
  bool ok = false;
};
// Called after every commit, one at a time; must neither wait nor throw.
using CommitObserver = std::function<void(const CommitFacts&)>;

class CommitQueue {
 public:
  // Reads and writes through the transaction, takes numbers from the counters, notes what it did
  // in the changes. An error means that the database failed, and undoes the whole group; a change
  // that is refused by the rules writes nothing and returns OK, and tells its caller itself.
  using Mutation = std::function<absl::Status(Transaction&, Counters&, Changes&)>;
  // Makes durable changes visible, before anybody is told of them. Does not throw.
  using Publish = std::function<absl::Status(const Changes&, Revision)>;

  // `observer` may be empty.
  CommitQueue(Store& store, const Counters& counters, Publish publish,
              CommitObserver observer = {});

  // Runs `mutation` in a group and returns the revision at which it is durable and visible. Any
  // thread; waits for the disk. Errors, for every member of the group: those of the store;
  // DATABASE_IN_USE when somebody else has committed since the last commit of this queue;
  // OUT_OF_MEMORY.
  absl::StatusOr<Revision> Commit(const Mutation& mutation);

 private:
  struct Waiter {
    const Mutation* mutation = nullptr;
    absl::StatusOr<Revision> result = absl::UnknownError("not run");
    bool done = false;
    std::condition_variable wake;
  };

  absl::StatusOr<Revision> CommitGroup(const std::vector<Waiter*>& group);
  absl::StatusOr<Revision> RunGroup(const std::vector<Waiter*>& group);

  Store& store_;
  Counters counters_;  // of the last commit; the front of the queue alone uses it
  const Publish publish_;
  const CommitObserver observer_;
  std::mutex mutex_;
  std::deque<Waiter*> queue_;
};

}  // namespace vigie
