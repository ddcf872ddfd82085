// What the SQLite store keeps of verdicts.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/store/sqlite.h"
#include "engine/store/store.h"

namespace vigie {

// The statements of a transaction that writes about verdicts.
class VerdictWriter {
 public:
  static absl::StatusOr<VerdictWriter> Prepare(SqlConnection& db);

  absl::Status Record(const VerdictBatch& batch, Revision revision);
  absl::StatusOr<bool> IsSighted(EntryNumber entry, std::string_view organisation);
  absl::StatusOr<std::optional<FeedbackRecord>> SetFeedback(const FeedbackRecord& feedback);
  absl::Status AddToTally(std::string_view organisation, EventKind kind, int64_t entries);

 private:
  absl::Status RecordOne(const VerdictRecord& verdict, Revision revision);

  SqlStatement insert_verdict_, insert_match_, last_verdict_, forget_verdicts_, forget_matches_;
  SqlStatement sight_, is_sighted_, count_, feedback_of_, set_feedback_, tally_;
};

// Reads on a connection of its own. `path` is that of a database whose schema is current.
absl::StatusOr<std::unique_ptr<VerdictLog>> OpenSqliteVerdictLog(const std::string& path,
                                                                 Access access);

}  // namespace vigie
