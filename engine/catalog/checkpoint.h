// A checkpoint on disk: the catalogue's memory as of one revision, for a start that reads from the
// database only what has changed since. Derived data (docs/decisions/0007-checkpoint.md).
//
// A folder with files of its own, each named after the checkpoint's mark: <mark>.facts, .digests,
// .heads, .0.segment, .1.segment... and the manifest, which is written last and names the mark.
// Here: the files and what can be told from them alone. What they mean: catalog_checkpoint.cc.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/checked_file.h"
#include "engine/base/status.h"
#include "engine/base/types.h"
#include "engine/catalog/entry_table.h"
#include "engine/index/digest_index.h"

namespace vigie {

inline constexpr uint32_t kCheckpointVersion = 1;

struct CheckpointManifest {
  std::array<uint8_t, 32> database{};  // whose: SHA-256 of the database's key
  uint64_t mark = 0;                   // which: a random number that the database holds too
  // Everything up to this revision is in the files; some of what came later may be.
  Revision revision = 0;
  EntryNumber last_entry = 0;
  RowId last_row = 0;
  FileSeal facts = {};
  FileSeal digests = {};
  std::optional<FileSeal> heads = {};  // rows that were in no segment yet
  std::vector<FileSeal> segments = {};
};

// Errors: those of CheckedFileWriter, and UNAVAILABLE, reason FILE_FAILED.
absl::Status MakeCheckpointFolder(const std::string& folder);
absl::Status WriteManifest(const std::string& folder, const CheckpointManifest& manifest);
// Errors: those of CheckedFileReader, also for another version.
absl::StatusOr<CheckpointManifest> ReadManifest(const std::string& folder);

// Where a part of the checkpoint `mark` lies: "facts", "digests", "heads", "0.segment"...
std::string CheckpointFile(const std::string& folder, uint64_t mark, std::string_view part);
std::string SegmentPart(size_t number);

// The words of entries 1 to last_entry and of rows 1 to last_row.
absl::StatusOr<FileSeal> SaveFacts(const EntryTable& table, EntryNumber last_entry, RowId last_row,
                                   const std::string& path);
absl::Status LoadFacts(const CheckpointManifest& manifest, const std::string& path,
                       EntryTable* table);

// Digests of rows up to last_row: algorithm, value, row.
absl::StatusOr<FileSeal> SaveDigests(const DigestIndex& digests, RowId last_row,
                                     const std::string& path);
// Calls `visit` with each, after the whole file was found sound.
absl::Status LoadDigests(
    const CheckpointManifest& manifest, const std::string& path,
    const std::function<absl::Status(Algorithm, std::string_view value, RowId)>& visit);

// Removes the files of every checkpoint but `mark`, and what was left half-written; with mark 0
// of all. Other files in the folder are not ours. Failing costs space only.
void RemoveOtherCheckpoints(const std::string& folder, uint64_t mark);
// Removes the files of a checkpoint that was not finished.
void RemoveCheckpoint(const std::string& folder, uint64_t mark);

}  // namespace vigie
