// Catalog: its own entry, and the comparison of the index with what it stands for.
#include "engine/catalog/canary.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "engine/catalog/catalog.h"
#include "engine/catalog/entry_life.h"

namespace vigie {
namespace {

// How many entries are looked at for one that acts.
constexpr EntryNumber kLookedAt = 1000;

// An event without an organisation: the server did it.
EventRecord ServersEvent(EventKind kind, const ListRecord& list, TimeUs now, Revision revision) {
  return {.time_us = now, .kind = kind, .list = list.number, .revision = revision};
}

absl::StatusOr<ListRecord> FindOrInsertList(Transaction& transaction, TimeUs now,
                                            Counters& counters, Changes& changes) {
  std::optional<ListRecord> found;
  VIGIE_ASSIGN_OR_RETURN(found, transaction.FindList(kCanaryList));
  if (found.has_value()) return *std::move(found);
  ListRecord list{.number = ++counters.lists,
                  .id = std::string(kCanaryList),
                  .organisation = std::string(kServerOrganisation),
                  .display_name = std::string(kCanaryList),
                  .kind = ListKind::kBlock,
                  .category = Category::kOther,
                  .action = Action::kReportOnly,
                  .max_distance = kCanaryDistance,
                  .audience = {std::string(kServerOrganisation)},
                  .created_us = now,
                  .updated_us = now,
                  .revision = counters.revision};
  VIGIE_RETURN_IF_ERROR(transaction.InsertList(list));
  EventRecord event = ServersEvent(EventKind::kListCreated, list, now, counters.revision);
  VIGIE_RETURN_IF_ERROR(transaction.AppendEvent(event));
  changes.lists.push_back(list);
  return list;
}

absl::Status InsertCanary(const ListRecord& list, const Fingerprint& fingerprint,
                          Transaction& transaction, TimeUs now, Counters& counters,
                          Changes& changes) {
  EntryRecord entry;
  entry.number = ++counters.entries;
  entry.list = list.number;
  entry.external_reference = std::string(kCanaryReference);
  entry.state = EntryState::kConfirmed;
  entry.created_us = entry.updated_us = now;
  entry.revision = counters.revision;
  entry.fingerprints = {fingerprint};
  entry.first_row = ++counters.rows;
  VIGIE_RETURN_IF_ERROR(transaction.InsertEntry(entry));
  EventRecord event = ServersEvent(EventKind::kEntrySubmitted, list, now, counters.revision);
  event.entry = event.last_entry = entry.number;
  event.to = entry.state;
  VIGIE_RETURN_IF_ERROR(transaction.AppendEvent(event));
  changes.entries.push_back({.entry = entry, .new_rows = true});
  return absl::OkStatus();
}

absl::Status Missing(RowId row) {
  return Error(absl::StatusCode::kDataLoss, "INDEX_INCOMPLETE",
               absl::StrCat("row ", row, " is in the database and not in the index"));
}

}  // namespace

absl::Status Catalog::SetCanary(const Fingerprint& fingerprint) {
  VIGIE_RETURN_IF_ERROR(Validate(fingerprint));
  absl::Status refused;
  const CommitQueue::Mutation insert = [&](Transaction& transaction, Counters& counters,
                                           Changes& changes) -> absl::Status {
    // Nothing is written when it is there, whatever state it is in: then the check says so.
    if (const auto list = FindList(kCanaryList); list != nullptr) {
      std::optional<EntryRecord> there;
      VIGIE_ASSIGN_OR_RETURN(there, transaction.FindEntry(list->number, kCanaryReference));
      if (there.has_value()) return absl::OkStatus();
    }
    if (counters.lists >= EntryTable::kMaxList || counters.entries == UINT32_MAX ||
        counters.rows == UINT32_MAX) {
      refused = Error(absl::StatusCode::kResourceExhausted, "CATALOG_FULL",
                      "this server holds as many entries as it can number");
      return absl::OkStatus();
    }
    const TimeUs now = clock_.Now();
    ListRecord list;
    VIGIE_ASSIGN_OR_RETURN(list, FindOrInsertList(transaction, now, counters, changes));
    return InsertCanary(list, fingerprint, transaction, now, counters, changes);
  };
  VIGIE_RETURN_IF_ERROR(commits_.Commit(insert).status());
  return refused;
}

absl::Status Catalog::CheckSample(double entry, double rows, size_t most_rows) {
  EntryNumber last = 0;
  {
    const std::lock_guard lock(publication_);
    last = last_entry_;
  }
  if (last == 0) return absl::OkStatus();
  auto number = static_cast<EntryNumber>(entry * static_cast<double>(last)) + 1;
  const uint64_t end = std::min(uint64_t{number} + kLookedAt, uint64_t{last} + 1);
  while (number < end && !IsActing(number)) ++number;
  if (number >= end) return absl::OkStatus();
  std::optional<EntryRecord> record;
  VIGIE_ASSIGN_OR_RETURN(record, store_.ReadEntry(number));
  if (!record.has_value()) return Missing(0);
  const auto self = [this](const JoinedHit& hit, RowId row) {
    return hit.row.entry != 0 && hit.row.entry == table_.Row(row).entry;
  };
  for (size_t i = 0; i < record->fingerprints.size(); ++i) {
    if (record->fingerprints[i].algorithm != Algorithm::kPdq) continue;
    const RowId row = record->first_row + static_cast<RowId>(i);
    const Pdq256 hash = PdqOf(record->fingerprints[i]);
    const auto found = [&]() -> absl::StatusOr<bool> {
      std::vector<JoinedHit> hits;
      VIGIE_ASSIGN_OR_RETURN(hits, FindNear({&hash, 1}, 0));
      return std::any_of(hits.begin(), hits.end(), [&](const auto& hit) { return self(hit, row); });
    };
    bool there = false;
    VIGIE_ASSIGN_OR_RETURN(there, found());
    if (!there) {
      // It may have ended, or moved to other rows, since it was read. Under this lock only time
      // passes.
      const std::lock_guard lock(publication_);
      VIGIE_ASSIGN_OR_RETURN(there, found());
      if (!IsActing(number) || table_.Row(row).entry != number) return absl::OkStatus();
      if (!there) return Missing(row);
    }
    VIGIE_RETURN_IF_ERROR(index_.CompareWithScan(hash, WidestDistance(), most_rows, rows));
  }
  return absl::OkStatus();
}

}  // namespace vigie
