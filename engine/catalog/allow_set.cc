#include "engine/catalog/allow_set.h"

namespace vigie {
namespace {

constexpr int kPage = 1000;

}  // namespace

absl::Status AllowSet::Refresh(Store& store, std::span<const ListNumber> lists, EntryNumber last) {
  const std::lock_guard lock(mutex_);
  for (const ListNumber list : lists) {
    VIGIE_RETURN_IF_ERROR(Read(store, list, last));
  }
  return absl::OkStatus();
}

absl::Status AllowSet::Read(Store& store, ListNumber list, EntryNumber last) {
  EntryNumber& read = read_[list];
  while (true) {
    std::vector<EntryRecord> page;
    VIGIE_ASSIGN_OR_RETURN(page, store.ReadEntries(list, read, kPage));
    std::vector<Pdq256> codes;
    std::vector<RowId> rows;
    EntryNumber newest = read;
    std::vector<EntryNumber> entries;
    for (const EntryRecord& entry : page) {
      if (entry.number > last) break;
      newest = entry.number;
      for (const Fingerprint& fingerprint : entry.fingerprints) {
        if (fingerprint.algorithm != Algorithm::kPdq) continue;
        codes.push_back(PdqOf(fingerprint));
        entries.push_back(entry.number);
        rows.push_back(static_cast<RowId>(entries_.size() + entries.size()));
      }
    }
    VIGIE_RETURN_IF_ERROR(index_.Add(codes, rows));
    entries_.insert(entries_.end(), entries.begin(), entries.end());
    read = newest;
    if (page.size() < kPage || page.back().number > last) return absl::OkStatus();
  }
}

absl::StatusOr<std::vector<AllowSet::Near>> AllowSet::Find(std::span<const Pdq256> queries,
                                                           int max_distance, size_t most) const {
  SearchResult found;
  VIGIE_ASSIGN_OR_RETURN(found, index_.Search(queries, max_distance, most));
  std::vector<Near> near;
  near.reserve(found.hits.size());
  const std::lock_guard lock(mutex_);
  for (const Hit& hit : found.hits) {
    // A row is found before its entry is noted only while it is being added.
    if (hit.row > entries_.size()) continue;
    near.push_back({.query = hit.query, .entry = entries_[hit.row - 1], .distance = hit.distance});
  }
  return near;
}

}  // namespace vigie
