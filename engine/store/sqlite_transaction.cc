#include "engine/store/sqlite_transaction.h"

#include <utility>

#include "engine/store/sqlite_records.h"

namespace vigie {
namespace {

class SqliteTransaction final : public Transaction {
 public:
  SqliteTransaction(SqlConnection& db, Statements& statements, VerdictWriter& verdicts)
      : db_(db), s_(statements), verdicts_(verdicts) {}
  ~SqliteTransaction() override {
    if (db_.InTransaction()) db_.Exec("ROLLBACK").IgnoreError();
  }

  absl::StatusOr<Revision> LastRevision() override { return OneNumber(s_.last_revision); }

  absl::StatusOr<uint64_t> CountEntries(ListNumber list) override {
    return OneNumber(s_.count_entries.Int(list));
  }

  absl::StatusOr<std::optional<ListRecord>> FindList(std::string_view id) override {
    bool row = false;
    VIGIE_ASSIGN_OR_RETURN(row, s_.list_by_id.Text(id).Step());
    if (!row) return std::nullopt;
    ListRecord list = ReadList(s_.list_by_id);
    const absl::Status sound = CheckRow(s_.list_by_id, kListTable);
    s_.list_by_id.Reset();
    VIGIE_RETURN_IF_ERROR(sound);
    return list;
  }

  absl::StatusOr<std::optional<EntryRecord>> FindEntry(EntryNumber number) override {
    return OneEntry(s_, s_.entry_by_number.Int(number));
  }

  absl::StatusOr<std::optional<EntryRecord>> FindEntry(ListNumber list,
                                                       std::string_view reference) override {
    return OneEntry(s_, s_.entry_by_reference.Int(list).Text(reference));
  }

  absl::Status InsertList(const ListRecord& list) override {
    BindList(s_.insert_list, list);
    return s_.insert_list.Run();
  }

  absl::Status UpdateList(const ListRecord& list) override {
    BindList(s_.update_list, list);
    return s_.update_list.Run();
  }

  absl::Status InsertEntry(const EntryRecord& entry) override {
    BindEntry(s_.insert_entry, entry);
    VIGIE_RETURN_IF_ERROR(s_.insert_entry.Run());
    for (size_t i = 0; i < entry.fingerprints.size(); ++i) {
      BindFingerprint(s_.insert_fingerprint, {.row = entry.first_row + static_cast<uint32_t>(i),
                                              .entry = entry.number,
                                              .position = static_cast<int>(i),
                                              .fingerprint = entry.fingerprints[i]});
      VIGIE_RETURN_IF_ERROR(s_.insert_fingerprint.Run());
    }
    return entry.local.empty() ? absl::OkStatus() : AddLocal(entry);
  }

  absl::Status AddLocal(const EntryRecord& entry) override {
    return s_.insert_local.Int(entry.number).Blob(entry.local).Run();
  }

  absl::Status UpdateEntry(const EntryRecord& entry) override {
    uint64_t first_row = 0;
    VIGIE_ASSIGN_OR_RETURN(first_row, OneNumber(s_.first_row.Int(entry.number)));
    if (first_row != entry.first_row) {
      const auto from = static_cast<int64_t>(first_row);
      VIGIE_RETURN_IF_ERROR(
          s_.move_fingerprints.Int(entry.first_row).Int(from).Int(entry.number).Int(from).Run());
    }
    BindEntry(s_.update_entry, entry);
    return s_.update_entry.Run();
  }

  absl::Status EraseEntry(const EntryRecord& entry) override {
    VIGIE_RETURN_IF_ERROR(
        s_.delete_fingerprints.Int(entry.first_row).Int(entry.number).Int(entry.first_row).Run());
    VIGIE_RETURN_IF_ERROR(s_.delete_local.Int(entry.number).Run());
    BindEntry(s_.erase_entry, entry);
    return s_.erase_entry.Run();
  }

  absl::Status AppendEvent(EventRecord& event) override { return vigie::AppendEvent(s_, event); }

  absl::Status RecordVerdicts(const VerdictBatch& batch, Revision revision) override {
    return verdicts_.Record(batch, revision);
  }

  absl::StatusOr<bool> IsSighted(EntryNumber entry, std::string_view organisation) override {
    return verdicts_.IsSighted(entry, organisation);
  }

  absl::StatusOr<std::optional<FeedbackRecord>> SetFeedback(
      const FeedbackRecord& feedback) override {
    return verdicts_.SetFeedback(feedback);
  }

  absl::Status AddToTally(std::string_view organisation, EventKind kind, int64_t entries) override {
    return verdicts_.AddToTally(organisation, kind, entries);
  }

  absl::Status Commit(const Counters& counters) override {
    const std::pair<const char*, int64_t> values[] = {
        {"revision", static_cast<int64_t>(counters.revision)},
        {"lists", counters.lists},
        {"entries", counters.entries},
        {"rows", counters.rows},
    };
    for (const auto& [key, value] : values) {
      VIGIE_RETURN_IF_ERROR(s_.set_meta.Int(value).Text(key).Run());
    }
    return db_.Commit();
  }

 private:
  SqlConnection& db_;
  Statements& s_;
  VerdictWriter& verdicts_;
};

}  // namespace

std::unique_ptr<Transaction> MakeSqliteTransaction(SqlConnection& db, Statements& statements,
                                                   VerdictWriter& verdicts) {
  return std::make_unique<SqliteTransaction>(db, statements, verdicts);
}

}  // namespace vigie
