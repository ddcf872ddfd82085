// A transaction that changes nothing: what a change would do, without doing it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "engine/store/store.h"

namespace vigie {

// Reads what `inner` reads, and the entries that it was given itself; every change is accepted and
// forgotten. One thread; `inner` outlives it.
class DryRun final : public Transaction {
 public:
  explicit DryRun(Transaction& inner) : inner_(inner) {}

  absl::StatusOr<Revision> LastRevision() override { return inner_.LastRevision(); }
  absl::StatusOr<std::optional<ListRecord>> FindList(std::string_view id) override {
    return inner_.FindList(id);
  }
  absl::StatusOr<std::optional<EntryRecord>> FindEntry(EntryNumber number) override {
    return inner_.FindEntry(number);
  }
  absl::StatusOr<std::optional<EntryRecord>> FindEntry(ListNumber list,
                                                       std::string_view reference) override {
    const auto it = inserted_.find(std::pair(list, std::string(reference)));
    if (it != inserted_.end()) return it->second;
    return inner_.FindEntry(list, reference);
  }
  absl::StatusOr<uint64_t> CountEntries(ListNumber list) override {
    return inner_.CountEntries(list);
  }

  absl::Status InsertList(const ListRecord&) override { return absl::OkStatus(); }
  absl::Status UpdateList(const ListRecord&) override { return absl::OkStatus(); }
  absl::Status InsertEntry(const EntryRecord& entry) override {
    inserted_.emplace(std::pair(entry.list, entry.external_reference), entry);
    return absl::OkStatus();
  }
  absl::Status AddLocal(const EntryRecord& entry) override {
    inserted_.insert_or_assign(std::pair(entry.list, entry.external_reference), entry);
    return absl::OkStatus();
  }
  absl::Status UpdateEntry(const EntryRecord&) override { return absl::OkStatus(); }
  absl::Status EraseEntry(const EntryRecord&) override { return absl::OkStatus(); }
  absl::Status AppendEvent(EventRecord&) override { return absl::OkStatus(); }
  absl::Status RecordVerdicts(const VerdictBatch&, Revision) override { return absl::OkStatus(); }
  absl::StatusOr<bool> IsSighted(EntryNumber entry, std::string_view organisation) override {
    return inner_.IsSighted(entry, organisation);
  }
  absl::StatusOr<std::optional<FeedbackRecord>> SetFeedback(const FeedbackRecord&) override {
    return std::nullopt;
  }
  absl::Status AddToTally(std::string_view, EventKind, int64_t) override {
    return absl::OkStatus();
  }
  absl::Status Commit(const Counters&) override { return absl::OkStatus(); }

 private:
  Transaction& inner_;
  std::map<std::pair<ListNumber, std::string>, EntryRecord> inserted_;
};

}  // namespace vigie
