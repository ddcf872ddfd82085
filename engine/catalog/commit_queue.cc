#include "engine/catalog/commit_queue.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

namespace vigie {
namespace {

// Bounds how long the first of a group waits for the work of the others.
constexpr size_t kMaxGroup = 64;

}  // namespace

CommitQueue::CommitQueue(Store& store, const Counters& counters, Publish publish,
                         CommitObserver observer)
    : store_(store),
      counters_(counters),
      publish_(std::move(publish)),
      observer_(std::move(observer)) {}

absl::StatusOr<Revision> CommitQueue::Commit(const Mutation& mutation) {
  Waiter self;
  self.mutation = &mutation;
  std::unique_lock lock(mutex_);
  queue_.push_back(&self);
  self.wake.wait(lock, [&] { return self.done || queue_.front() == &self; });
  if (self.done) return std::move(self.result);

  const size_t size = std::min(queue_.size(), kMaxGroup);
  const std::vector<Waiter*> group(queue_.begin(),
                                   queue_.begin() + static_cast<std::ptrdiff_t>(size));
  lock.unlock();
  const auto begin = std::chrono::steady_clock::now();
  const absl::StatusOr<Revision> result = CommitGroup(group);
  if (observer_) {
    const auto took = std::chrono::steady_clock::now() - begin;
    observer_({.took_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(took).count(),
               .changes = group.size(),
               .ok = result.ok()});
  }
  lock.lock();
  for (Waiter* member : group) {
    queue_.pop_front();
    member->result = result;
    member->done = true;
    // Under the lock: a member that wakes returns, and its Waiter with it.
    if (member != &self) member->wake.notify_one();
  }
  if (!queue_.empty()) queue_.front()->wake.notify_one();
  return result;
}

absl::StatusOr<Revision> CommitQueue::CommitGroup(const std::vector<Waiter*>& group) {
  // An exception must not leave the queue with a front that is gone.
  try {
    return RunGroup(group);
  } catch (const std::bad_alloc&) {
    return Error(absl::StatusCode::kResourceExhausted, "OUT_OF_MEMORY",
                 "not enough memory for this change: nothing was changed");
  }
}

absl::StatusOr<Revision> CommitQueue::RunGroup(const std::vector<Waiter*>& group) {
  Counters counters = counters_;
  ++counters.revision;
  Changes changes;
  std::unique_ptr<Transaction> transaction;
  VIGIE_ASSIGN_OR_RETURN(transaction, store_.Begin());
  Revision last = 0;
  VIGIE_ASSIGN_OR_RETURN(last, transaction->LastRevision());
  if (last != counters_.revision) {
    return Error(absl::StatusCode::kFailedPrecondition, "DATABASE_IN_USE",
                 "another program has changed the database: run one server on it, and restart "
                 "this one");
  }
  for (const Waiter* member : group) {
    VIGIE_RETURN_IF_ERROR((*member->mutation)(*transaction, counters, changes));
  }
  if (changes.lists.empty() && changes.entries.empty() && !changes.recorded) {
    return counters_.revision;
  }
  VIGIE_RETURN_IF_ERROR(transaction->Commit(counters));
  counters_ = counters;
  VIGIE_RETURN_IF_ERROR(publish_(changes, counters.revision));
  return counters.revision;
}

}  // namespace vigie
