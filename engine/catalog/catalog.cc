#include "engine/catalog/catalog.h"

#include <algorithm>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/catalog/entry_life.h"

namespace vigie {
namespace {

EntryFacts FactsOf(const EntryRecord& entry) {
  return {.list = entry.list,
          .state = entry.state,
          .court_basis = entry.court_basis,
          .expires_us = entry.expires_us,
          .suspension = entry.suspension};
}

RowFacts FactsOf(EntryNumber entry, size_t position, const Fingerprint& fingerprint) {
  return {.entry = entry,
          .position = static_cast<int>(position),
          .algorithm = fingerprint.algorithm,
          .quality = fingerprint.quality};
}

// What SQLite finds well-formed and no program of ours has written.
absl::Status Damaged(std::string_view record) {
  return Error(
      absl::StatusCode::kDataLoss, "DATABASE_DAMAGED",
      absl::StrCat("the database holds ", ToAbsl(record), " that cannot be: restore a backup"));
}

}  // namespace

Catalog::Catalog(Store& store, const Clock& clock, CatalogOptions options, const Counters& counters)
    : store_(store),
      clock_(clock),
      options_(options),
      sealer_(store.seal_key()),
      index_(options.index),
      lists_(std::make_unique<ListTable>()),
      allowed_(options.index),
      lost_after_(counters.lost_after),
      lost_before_(counters.lost_before),
      revision_(counters.revision),
      change_revision_(counters.revision),
      commits_(
          store, counters,
          [this](const Changes& changes, Revision revision) {
            const std::lock_guard lock(publication_);
            absl::Status status = absl::ResourceExhaustedError("out of memory");
            try {
              status = Publish(changes, revision);
            } catch (const std::bad_alloc&) {
            }
            // What is committed but not in memory would be missing from every answer.
            if (!status.ok()) incomplete_.store(true);
            return status;
          },
          options_.on_commit) {}

absl::StatusOr<std::unique_ptr<Catalog>> Catalog::Open(Store& store, const Clock& clock,
                                                       CatalogOptions options,
                                                       const LoadProgress& progress) {
  Counters counters;
  VIGIE_ASSIGN_OR_RETURN(counters, store.ReadCounters());
  uint64_t erased = 0;
  VIGIE_ASSIGN_OR_RETURN(erased, store.CountInState(EntryState::kErased));
  std::unique_ptr<Catalog> catalog(new Catalog(store, clock, options, counters));
  catalog->any_erased_.store(erased > 0);
  absl::Status checkpoint;
  if (!options.checkpoint_folder.empty()) {
    try {
      checkpoint = catalog->LoadCheckpoint(counters, progress);
    } catch (const std::bad_alloc&) {
      checkpoint = absl::ResourceExhaustedError("not enough memory");
    }
    catalog->load_report_.from_checkpoint = checkpoint.ok();
    if (checkpoint.ok()) {
      VIGIE_RETURN_IF_ERROR(catalog->LoadLocal());
      VIGIE_RETURN_IF_ERROR(catalog->LoadQuota());
      return catalog;
    }
    // Nothing of the attempt is kept; its memory is given back first.
    catalog.reset();
    catalog.reset(new Catalog(store, clock, options, counters));
    catalog->any_erased_.store(erased > 0);
  }
  catalog->load_report_.checkpoint = checkpoint;
  VIGIE_RETURN_IF_ERROR(catalog->Load(counters, progress));
  VIGIE_RETURN_IF_ERROR(catalog->LoadLocal());
  VIGIE_RETURN_IF_ERROR(catalog->LoadQuota());
  return catalog;
}

absl::Status Catalog::LoadLists(const Counters& counters) {
  std::vector<ListRecord> stored;
  VIGIE_ASSIGN_OR_RETURN(stored, store_.ReadLists());
  if (options_.beside_writer) {
    std::erase_if(stored, [&](const ListRecord& list) { return list.number > counters.lists; });
  }
  for (const ListRecord& list : stored) {
    if (list.number == 0 || list.number > counters.lists) return Damaged("a list");
  }
  lists_.Publish(std::make_unique<ListTable>(std::move(stored)));
  return LoadReleases();
}

absl::Status Catalog::Load(const Counters& counters, const LoadProgress& progress) {
  constexpr size_t kBatch = 65536;
  VIGIE_RETURN_IF_ERROR(LoadLists(counters));
  const ListTable lists = *lists_.Acquire();
  VIGIE_RETURN_IF_ERROR(store_.ScanEntries([&](const EntryHead& entry) {
    if (options_.beside_writer && entry.number > counters.entries) return absl::OkStatus();
    if (entry.number == 0 || entry.number > counters.entries || Name(entry.state) == "invalid" ||
        lists.Find(entry.list) == nullptr) {
      return Damaged("an entry");
    }
    last_entry_ = entry.number;
    table_.SetEntry(entry.number, {.list = entry.list,
                                   .state = entry.state,
                                   .court_basis = entry.court_basis,
                                   .expires_us = entry.expires_us,
                                   .suspension = entry.suspension});
    return absl::OkStatus();
  }));

  std::vector<Pdq256> codes;
  std::vector<RowId> rows;
  uint64_t done = 0;
  const auto flush = [&]() -> absl::Status {
    VIGIE_RETURN_IF_ERROR(index_.Add(codes, rows));
    codes.clear();
    rows.clear();
    if (progress) progress(done, counters.rows);
    return absl::OkStatus();
  };
  VIGIE_RETURN_IF_ERROR(store_.ScanFingerprints([&](const FingerprintRow& r) -> absl::Status {
    if (options_.beside_writer && r.row > counters.rows) return absl::OkStatus();
    const Fingerprint& fingerprint = r.fingerprint;
    if (r.row == 0 || r.row > counters.rows || r.entry == 0 || r.entry > last_entry_ ||
        table_.Entry(r.entry).list == 0 || r.position < 0 ||
        r.position >= static_cast<int>(kMaxFingerprints) || !Validate(fingerprint).ok()) {
      return Damaged("a fingerprint");
    }
    last_row_ = r.row;
    table_.SetRow(r.row, FactsOf(r.entry, static_cast<size_t>(r.position), fingerprint));
    ++done;
    const EntryFacts entry = table_.Entry(r.entry);
    if (!IsSearched(entry, lists)) return absl::OkStatus();
    if (fingerprint.algorithm == Algorithm::kPdq) {
      codes.push_back(PdqOf(fingerprint));
      rows.push_back(r.row);
    } else {
      digests_.Add(fingerprint.algorithm, fingerprint.value, r.row);
    }
    return codes.size() < kBatch ? absl::OkStatus() : flush();
  }));
  VIGIE_RETURN_IF_ERROR(flush());
  rows_changed_.store(done);
  return index_.Maintain(/*seal_all=*/true);
}

absl::Status Catalog::Publish(const Changes& changes, Revision revision) {
  if (!changes.lists.empty()) {
    ListTable next = *lists_.Acquire();
    for (const ListRecord& list : changes.lists) next = next.With(list);
    lists_.Publish(std::make_unique<ListTable>(std::move(next)));
  }
  const bool entry_changed =
      std::any_of(changes.entries.begin(), changes.entries.end(), [](const EntryChange& change) {
        return change.old_first_row != 0 || (!change.new_rows && !change.new_local);
      });
  const bool watched = entry_changed || changes.late || !changes.lists.empty();
  for (const FeedbackRecord& feedback : changes.feedback) releases_.Set(feedback);
  std::vector<Pdq256> codes;
  std::vector<RowId> rows;
  absl::Status status;
  const auto flush = [&] {
    if (rows.empty()) return;
    status.Update(index_.Add(codes, rows));
    codes.clear();
    rows.clear();
  };
  for (const EntryChange& change : changes.entries) {
    if (change.old_first_row != 0) RetireRows(change.entry, change.old_first_row);
    SetFacts(change.entry);
    const bool acts = Acts(change.entry.state);
    if (change.new_rows && acts) IndexEntry(change.entry, &codes, &rows);
    if ((change.new_rows || change.new_local) && acts && !change.entry.local.empty()) {
      status.Update(AddLocal(change.entry.number, change.entry.local));
    }
    if (!change.new_rows && !acts) {
      flush();  // its rows may be among them
      UnindexEntry(change.entry);
    }
  }
  flush();
  // After the additions: a list may gain an entry and be deleted in one group.
  for (const ListRecord& list : changes.lists) {
    if (list.deleted_us != 0) UnindexList(list.number);
  }
  if (watched) change_revision_.store(revision);
  revision_.store(revision);
  return status;
}

void Catalog::SetFacts(const EntryRecord& entry) {
  for (size_t i = 0; i < entry.fingerprints.size(); ++i) {
    const RowId row = entry.first_row + static_cast<RowId>(i);
    table_.SetRow(row, FactsOf(entry.number, i, entry.fingerprints[i]));
    last_row_ = std::max(last_row_, row);
  }
  table_.SetEntry(entry.number, FactsOf(entry));
  last_entry_ = std::max(last_entry_, entry.number);
  rows_changed_ += entry.fingerprints.size();
}

void Catalog::IndexEntry(const EntryRecord& entry, std::vector<Pdq256>* codes,
                         std::vector<RowId>* rows) {
  for (size_t i = 0; i < entry.fingerprints.size(); ++i) {
    const Fingerprint& fingerprint = entry.fingerprints[i];
    const RowId row = entry.first_row + static_cast<RowId>(i);
    if (fingerprint.algorithm == Algorithm::kPdq) {
      codes->push_back(PdqOf(fingerprint));
      rows->push_back(row);
    } else {
      digests_.Add(fingerprint.algorithm, fingerprint.value, row);
    }
  }
}

void Catalog::UnindexEntry(const EntryRecord& entry) {
  std::vector<RowId> rows;
  for (size_t i = 0; i < entry.fingerprints.size(); ++i) {
    const Fingerprint& fingerprint = entry.fingerprints[i];
    const RowId row = entry.first_row + static_cast<RowId>(i);
    if (fingerprint.algorithm == Algorithm::kPdq) {
      rows.push_back(row);
    } else {
      digests_.Remove(fingerprint.algorithm, fingerprint.value, row);
    }
  }
  index_.Remove(rows);
  local_.Remove(entry.number);
}

void Catalog::RetireRows(EntryRecord entry, RowId first_row) {
  for (size_t i = 0; i < entry.fingerprints.size(); ++i) {
    table_.SetRow(first_row + static_cast<RowId>(i), {});  // of no entry: no hit any more
  }
  entry.first_row = first_row;
  UnindexEntry(entry);
}

void Catalog::UnindexList(ListNumber list) {
  // Matching ignores the list from the moment it is marked deleted; this gives the memory back.
  // Digests of a deleted list stay until the next start.
  std::vector<RowId> rows;
  for (RowId row = 1; row <= last_row_; ++row) {
    const RowFacts facts = table_.Row(row);
    if (facts.entry == 0 || table_.Entry(facts.entry).list != list) continue;
    rows.push_back(row);
    if (facts.position == 0) local_.Remove(facts.entry);
  }
  index_.Remove(rows);
}

std::optional<JoinedHit> Catalog::Join(RowId row, const ListTable& lists) const {
  JoinedHit joined;
  joined.row = table_.Row(row);
  joined.entry = table_.Entry(joined.row.entry);
  joined.entry.state = StateAt(joined.entry.state, joined.entry.expires_us, clock_.Now());
  joined.list = lists.ByNumber(joined.entry.list);
  if (joined.list == nullptr || joined.list->deleted_us != 0 || !Acts(joined.entry.state)) {
    return std::nullopt;
  }
  return joined;
}

uint64_t Catalog::rows() {
  const std::lock_guard lock(publication_);
  return last_row_;
}

bool Catalog::IsActing(EntryNumber entry) const {
  const EntryFacts facts = table_.Entry(entry);
  const auto list = lists_.Acquire()->ByNumber(facts.list);
  return list != nullptr && list->deleted_us == 0 &&
         Acts(StateAt(facts.state, facts.expires_us, clock_.Now()));
}

absl::StatusOr<std::vector<JoinedHit>> Catalog::FindNear(std::span<const Pdq256> queries,
                                                         int max_distance) const {
  SearchResult found;
  VIGIE_ASSIGN_OR_RETURN(found, index_.Search(queries, max_distance, SIZE_MAX));
  std::vector<JoinedHit> joined;
  // Pinned after the search: a row is found only after its list was published.
  const auto lists = lists_.Acquire();
  for (const Hit& hit : found.hits) {
    auto candidate = Join(hit.row, *lists);
    if (!candidate.has_value()) continue;
    candidate->query = hit.query;
    candidate->distance = hit.distance;
    joined.push_back(*std::move(candidate));
  }
  return joined;
}

std::vector<JoinedHit> Catalog::FindCopies(Algorithm algorithm, std::string_view value) const {
  std::vector<JoinedHit> joined;
  const std::vector<RowId> rows = digests_.Find(algorithm, value);
  const auto lists = lists_.Acquire();
  for (const RowId row : rows) {
    if (auto candidate = Join(row, *lists); candidate.has_value()) {
      joined.push_back(*std::move(candidate));
    }
  }
  return joined;
}

std::string Catalog::EntryId(EntryNumber entry) const { return sealer_.Seal(entry, "entry"); }

absl::StatusOr<uint64_t> Catalog::OpenPageToken(std::string_view token,
                                                std::string_view context) const {
  if (token.empty()) return 0;
  const auto after = sealer_.Open(token, context);
  if (!after.has_value()) {
    return Error(absl::StatusCode::kInvalidArgument, "PAGE_TOKEN_INVALID",
                 "this page token was not given for this request: start again without one");
  }
  return *after;
}

absl::Status Catalog::health() const {
  if (!incomplete_.load()) return absl::OkStatus();
  return Error(absl::StatusCode::kInternal, "INDEX_INCOMPLETE",
               "a committed entry could not be indexed: restart to rebuild the index");
}

}  // namespace vigie
