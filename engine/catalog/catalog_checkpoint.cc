// Catalog: its memory to a checkpoint and back. Why this is consistent:
// docs/decisions/0007-checkpoint.md.
#include <algorithm>
#include <map>
#include <new>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/digest.h"
#include "engine/catalog/catalog.h"
#include "engine/catalog/checkpoint.h"
#include "engine/catalog/entry_life.h"
#include "engine/index/segment_file.h"

namespace vigie {
namespace {

absl::Status Unusable(std::string_view why) {
  return Error(absl::StatusCode::kDataLoss, "CHECKPOINT_UNUSABLE", why);
}

absl::StatusOr<uint64_t> NewMark() {
  uint64_t mark = 0;
  const std::span<uint8_t> bytes(reinterpret_cast<uint8_t*>(&mark), sizeof(mark));
  if (!FillRandom(bytes) || mark == 0) {
    return Error(absl::StatusCode::kUnavailable, "NO_ENTROPY",
                 "the operating system gives no random numbers");
  }
  return mark;
}

// The database holds `entry`, and no program of ours has written it so; loading everything will say
// what is wrong.
absl::Status CheckRecord(const EntryRecord& entry, const Counters& counters,
                         const ListTable& lists) {
  bool sound = entry.number != 0 && entry.number <= counters.entries &&
               Name(entry.state) != "invalid" && lists.Find(entry.list) != nullptr &&
               entry.first_row != 0 && entry.fingerprints.size() <= kMaxFingerprints &&
               uint64_t{entry.first_row} + entry.fingerprints.size() <= uint64_t{counters.rows} + 1;
  for (const Fingerprint& fingerprint : entry.fingerprints) {
    sound = sound && Validate(fingerprint).ok();
  }
  return sound ? absl::OkStatus() : Unusable("the database holds an entry that cannot be");
}

}  // namespace

// --- Writing

absl::Status Catalog::WriteCheckpoint(const std::string& folder) {
  const std::lock_guard one_at_a_time(checkpoint_);
  uint64_t mark = 0;
  VIGIE_ASSIGN_OR_RETURN(mark, NewMark());
  absl::Status status;
  try {
    status = SaveCheckpoint(folder, mark);
  } catch (const std::bad_alloc&) {
    status = Error(absl::StatusCode::kResourceExhausted, "OUT_OF_MEMORY",
                   "not enough memory to write a checkpoint");
  }
  if (!status.ok()) RemoveCheckpoint(folder, mark);
  return status;
}

absl::Status Catalog::SaveCheckpoint(const std::string& folder, uint64_t mark) {
  CheckpointManifest manifest{.database = store_.id(), .mark = mark};
  LiveIndexRows rows;
  uint64_t changed = 0;
  {
    // Between two publications: index and numbers are those of one revision. What is read later,
    // digests and facts, has at least that revision; what it has beyond is read again at load.
    const std::lock_guard between_publications(publication_);
    VIGIE_RETURN_IF_ERROR(health());
    manifest.revision = revision_.load();
    manifest.last_entry = last_entry_;
    manifest.last_row = last_row_;
    rows = index_.Rows();
    changed = rows_changed_.load();
  }
  VIGIE_RETURN_IF_ERROR(LeaveOutErased(&rows));
  VIGIE_RETURN_IF_ERROR(MakeCheckpointFolder(folder));
  const auto path = [&](std::string_view part) { return CheckpointFile(folder, mark, part); };
  for (size_t i = 0; i < rows.segments.size(); ++i) {
    FileSeal seal;
    VIGIE_ASSIGN_OR_RETURN(seal, SaveSegment(*rows.segments[i], path(SegmentPart(i))));
    manifest.segments.push_back(seal);
    rows.segments[i].reset();  // a merge may have replaced it: its memory is needed
  }
  if (!rows.head_rows.empty()) {
    std::shared_ptr<const SealedIndex> heads;
    VIGIE_ASSIGN_OR_RETURN(heads, SealedIndex::Build(IndexKind::kFlat, std::move(rows.head_codes),
                                                     std::move(rows.head_rows)));
    VIGIE_ASSIGN_OR_RETURN(manifest.heads, SaveSegment(*heads, path("heads")));
  }
  // Digests before facts: facts change first, so a digest that is gone is one of an entry whose
  // facts, read later, say so.
  VIGIE_ASSIGN_OR_RETURN(manifest.digests,
                         SaveDigests(digests_, manifest.last_row, path("digests")));
  VIGIE_ASSIGN_OR_RETURN(manifest.facts,
                         SaveFacts(table_, manifest.last_entry, manifest.last_row, path("facts")));
  VIGIE_RETURN_IF_ERROR(SyncFolder(folder));
  // After the files: a database that holds the mark holds whatever is in them.
  VIGIE_RETURN_IF_ERROR(store_.SetCheckpointMark(mark));
  VIGIE_RETURN_IF_ERROR(WriteManifest(folder, manifest));
  RemoveOtherCheckpoints(folder, mark);
  rows_changed_ -= changed;
  return absl::OkStatus();
}

absl::Status Catalog::LeaveOutErased(LiveIndexRows* rows) const {
  if (!any_erased_.load()) return absl::OkStatus();
  const auto is_erased = [this](RowId row) {
    return table_.Entry(table_.Row(row).entry).state == EntryState::kErased;
  };
  // Copies `codes` and `ids` without what is erased.
  const auto keep = [&](const auto& codes, const std::vector<RowId>& ids) {
    std::pair<HugeVector<Pdq256>, std::vector<RowId>> kept;
    for (size_t i = 0; i < ids.size(); ++i) {
      if (is_erased(ids[i])) continue;
      kept.first.push_back(codes[i]);
      kept.second.push_back(ids[i]);
    }
    return kept;
  };
  for (auto& segment : rows->segments) {
    const auto ids = segment->rows();
    if (std::none_of(ids.begin(), ids.end(), is_erased)) continue;
    auto kept = keep(segment->codes(), {ids.begin(), ids.end()});
    VIGIE_ASSIGN_OR_RETURN(segment, SealedIndex::Build(options_.index.kind, std::move(kept.first),
                                                       std::move(kept.second)));
  }
  auto heads = keep(rows->head_codes, rows->head_rows);
  rows->head_codes = std::move(heads.first);
  rows->head_rows = std::move(heads.second);
  return absl::OkStatus();
}

// --- Loading

absl::Status Catalog::LoadCheckpoint(const Counters& counters, const LoadProgress& progress) {
  const std::string& folder = options_.checkpoint_folder;
  CheckpointManifest manifest;
  VIGIE_ASSIGN_OR_RETURN(manifest, ReadManifest(folder));
  if (manifest.database != store_.id()) return Unusable("it is of another database");
  uint64_t mark = 0;
  VIGIE_ASSIGN_OR_RETURN(mark, store_.ReadCheckpointMark());
  if (mark != manifest.mark) {
    return Unusable("it is not the last one of this database, which may be a restored backup");
  }
  if (manifest.revision > counters.revision || manifest.last_entry > counters.entries ||
      manifest.last_row > counters.rows) {
    return Unusable("it is newer than the database");
  }
  const auto path = [&](std::string_view part) {
    return CheckpointFile(folder, manifest.mark, part);
  };
  VIGIE_RETURN_IF_ERROR(LoadLists(counters));
  VIGIE_RETURN_IF_ERROR(LoadFacts(manifest, path("facts"), &table_));
  last_entry_ = manifest.last_entry;
  last_row_ = manifest.last_row;

  std::vector<std::shared_ptr<const SealedIndex>> parts;
  const auto load = [&](std::string_view part, IndexKind kind, const FileSeal& expected) {
    FileSeal seal;
    auto segment = LoadSegment(path(part), kind, &seal);
    if (!segment.ok()) return segment.status();
    if (seal != expected) return Unusable("a segment is not the one that the manifest names");
    parts.push_back(*std::move(segment));
    return absl::OkStatus();
  };
  for (size_t i = 0; i < manifest.segments.size(); ++i) {
    VIGIE_RETURN_IF_ERROR(load(SegmentPart(i), options_.index.kind, manifest.segments[i]));
  }
  VIGIE_RETURN_IF_ERROR(index_.Restore(parts));
  if (manifest.heads.has_value()) {
    VIGIE_RETURN_IF_ERROR(load("heads", IndexKind::kFlat, *manifest.heads));
    VIGIE_RETURN_IF_ERROR(index_.Add(parts.back()->codes(), parts.back()->rows()));
  }
  VIGIE_RETURN_IF_ERROR(CheckFactsAndHideRows(parts));
  parts.clear();
  VIGIE_RETURN_IF_ERROR(RestoreDigests(manifest, path("digests")));
  if (progress) progress(last_row_, counters.rows);
  VIGIE_RETURN_IF_ERROR(ApplyChangesSince(manifest, counters));
  if (progress) progress(counters.rows, counters.rows);
  return index_.Maintain();
}

absl::Status Catalog::CheckFactsAndHideRows(
    std::span<const std::shared_ptr<const SealedIndex>> parts) {
  const auto lists = lists_.Acquire();
  for (uint64_t number = 1; number <= last_entry_; ++number) {
    const EntryFacts entry = table_.Entry(static_cast<EntryNumber>(number));
    if (entry.list == 0) continue;  // no such entry
    if (Name(entry.state) == "invalid" || lists->Find(entry.list) == nullptr) {
      return Unusable("it holds an entry that cannot be");
    }
  }
  uint64_t searched = 0;  // rows of PDQ values that a search must find
  for (uint64_t number = 1; number <= last_row_; ++number) {
    const RowFacts row = table_.Row(static_cast<RowId>(number));
    if (row.entry == 0) continue;
    if (row.entry > last_entry_ || table_.Entry(row.entry).list == 0 ||
        ValueSize(row.algorithm) == 0 || row.position >= static_cast<int>(kMaxFingerprints) ||
        row.quality > 100) {
      return Unusable("it holds a row that cannot be");
    }
    if (row.algorithm == Algorithm::kPdq && IsSearched(table_.Entry(row.entry), *lists)) {
      ++searched;
    }
  }
  std::vector<RowId> hidden;
  uint64_t visible = 0;
  for (const auto& part : parts) {
    for (const RowId row : part->rows()) {
      const RowFacts facts = row <= last_row_ ? table_.Row(row) : RowFacts();
      if (row > last_row_ || facts.algorithm != Algorithm::kPdq) {
        return Unusable("it indexes a row that cannot be");
      }
      // Of no entry: a row that its entry left when it was renewed.
      if (facts.entry != 0 && IsSearched(table_.Entry(facts.entry), *lists)) {
        ++visible;
      } else {
        hidden.push_back(row);
      }
    }
  }
  index_.Remove(hidden);
  return visible == searched ? absl::OkStatus() : Unusable("its index lacks rows");
}

absl::Status Catalog::RestoreDigests(const CheckpointManifest& manifest, const std::string& path) {
  const auto lists = lists_.Acquire();
  uint64_t loaded = 0;
  VIGIE_RETURN_IF_ERROR(
      LoadDigests(manifest, path, [&](Algorithm algorithm, std::string_view value, RowId row) {
        const RowFacts facts = table_.Row(row);
        if (facts.entry == 0) return absl::OkStatus();  // renewed meanwhile
        if (facts.algorithm != algorithm) {
          return Unusable("it holds the digest of a row that cannot be");
        }
        if (!IsSearched(table_.Entry(facts.entry), *lists)) return absl::OkStatus();
        digests_.Add(algorithm, value, row);
        ++loaded;
        return absl::OkStatus();
      }));
  uint64_t expected = 0;
  for (uint64_t number = 1; number <= last_row_; ++number) {
    const RowFacts row = table_.Row(static_cast<RowId>(number));
    if (row.entry != 0 && row.algorithm != Algorithm::kPdq &&
        IsSearched(table_.Entry(row.entry), *lists)) {
      ++expected;
    }
  }
  return loaded == expected ? absl::OkStatus() : Unusable("its digests are not complete");
}

absl::Status Catalog::ApplyChangesSince(const CheckpointManifest& manifest,
                                        const Counters& counters) {
  const auto lists = lists_.Acquire();
  std::vector<Pdq256> codes;
  std::vector<RowId> rows;
  std::map<EntryNumber, EntryRecord> moved;  // to other rows since
  VIGIE_RETURN_IF_ERROR(
      store_.ScanEntriesSince(manifest.revision, [&](const EntryRecord& entry) -> absl::Status {
        if (options_.beside_writer &&
            (entry.number > counters.entries || entry.revision > counters.revision)) {
          return absl::OkStatus();
        }
        VIGIE_RETURN_IF_ERROR(CheckRecord(entry, counters, *lists));
        const bool was_there = entry.number <= manifest.last_entry;
        if (was_there && entry.state == EntryState::kErased) {
          RemoveOtherCheckpoints(options_.checkpoint_folder, 0);
          return Unusable("an entry was erased since, so it was removed");
        }
        const bool new_rows = entry.first_row > manifest.last_row;
        if (!was_there && !new_rows) return Unusable("the database numbers a row otherwise");
        if (was_there && new_rows) moved.emplace(entry.number, entry);
        SetFacts(entry);
        const bool searched = IsSearched(table_.Entry(entry.number), *lists);
        if (!new_rows) {
          if (!searched) UnindexEntry(entry);
          return !searched || IsIndexed(entry)
                     ? absl::OkStatus()
                     : Unusable("an entry acts again that it does not hold");
        }
        if (searched) IndexEntry(entry, &codes, &rows);
        return absl::OkStatus();
      }));
  for (RowId row = 1; !moved.empty() && row <= manifest.last_row; ++row) {
    const RowFacts facts = table_.Row(row);
    const auto it = moved.find(facts.entry);
    if (it != moved.end() && facts.position == 0) RetireRows(it->second, row);
  }
  return AddByRow(codes, rows);
}

// The rows of entries that were renewed come late in the order of entries, and the index takes rows
// in theirs.
absl::Status Catalog::AddByRow(std::span<const Pdq256> codes, std::span<const RowId> rows) {
  constexpr size_t kBatch = 65536;
  std::vector<size_t> order(rows.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return rows[a] < rows[b]; });
  for (size_t first = 0; first < order.size(); first += kBatch) {
    std::vector<Pdq256> some_codes;
    std::vector<RowId> some_rows;
    for (size_t i = first; i < std::min(order.size(), first + kBatch); ++i) {
      some_codes.push_back(codes[order[i]]);
      some_rows.push_back(rows[order[i]]);
    }
    VIGIE_RETURN_IF_ERROR(index_.Add(some_codes, some_rows));
  }
  return absl::OkStatus();
}

bool Catalog::IsIndexed(const EntryRecord& entry) const {
  for (size_t i = 0; i < entry.fingerprints.size(); ++i) {
    const Fingerprint& fingerprint = entry.fingerprints[i];
    const RowId row = entry.first_row + static_cast<RowId>(i);
    if (fingerprint.algorithm == Algorithm::kPdq) {
      if (!index_.Contains(row)) return false;
    } else {
      const std::vector<RowId> found = digests_.Find(fingerprint.algorithm, fingerprint.value);
      if (std::find(found.begin(), found.end(), row) == found.end()) return false;
    }
  }
  return true;
}

}  // namespace vigie
