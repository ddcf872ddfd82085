// Sealed segments on disk: what Build() has computed, for a start that does not compute it again.
// Derived data: a file that is missing, old or damaged is an error here and a rebuild for the
// caller (docs/decisions/0007-checkpoint.md).
//
// Layout, little-endian, every part at a multiple of 64 bytes:
//   header   "VIGIESEG", version, kind, rows, number of tables, 32 times (first bit, bits)
//   row ids  4 bytes a row, ascending
//   codes    32 bytes a row
//   tables   of the multi-index hash: starts (2^bits + 1 numbers of 4 bytes), ids (4 bytes a row)
//   checksum of everything before it
#pragma once

#include <memory>
#include <string>

#include "engine/base/checked_file.h"
#include "engine/base/status.h"
#include "engine/index/sealed_index.h"

namespace vigie {

inline constexpr uint32_t kSegmentFileVersion = 3;

// Writes `segment` to `path` (mode 0600). Errors: those of CheckedFileWriter.
absl::StatusOr<FileSeal> SaveSegment(const SealedIndex& segment, const std::string& path);

// Reads a segment of `kind` back, into memory and onto huge pages, checking every number that a
// search relies on. `seal` receives what SaveSegment() returned. Errors: those of
// CheckedFileReader, also for another kind or version; OUT_OF_MEMORY.
absl::StatusOr<std::shared_ptr<const SealedIndex>> LoadSegment(const std::string& path,
                                                               IndexKind kind, FileSeal* seal);

}  // namespace vigie
