// The files of a backup: copied, digested, made durable, described by a manifest.
#pragma once

#include <string>

#include "engine/base/status.h"
#include "server/app/backup.h"

namespace vigie {

inline constexpr char kBackupDatabase[] = "vigie.db";
inline constexpr char kBackupKey[] = "audit.key";
inline constexpr char kBackupManifest[] = "manifest.json";

// UNAVAILABLE, reason FILE_FAILED, or RESOURCE_EXHAUSTED, reason DISK_FULL: "cannot <what> <path>:
// <why>", by errno.
absl::Status FileFailed(std::string_view what, const std::string& path);

bool Exists(const std::string& path);

// Makes the folder, which must not exist, with mode 0700.
absl::Status MakeFolder(const std::string& path);
absl::Status SyncPath(const std::string& path);
// The folder that holds `path`.
std::string ParentOf(const std::string& path);

// Size and digest of a file.
absl::StatusOr<BackupFile> Describe(const std::string& folder, const std::string& name);
// Copies a file to a new one (0600), on the disk when it returns; what the copy holds.
absl::StatusOr<BackupFile> CopyFile(const std::string& from_folder, const std::string& to_folder,
                                    const std::string& name);

absl::Status WriteBackupManifest(const std::string& folder, const BackupManifest& manifest);
// DATA_LOSS, reason BACKUP_DAMAGED, for anything that is no manifest of ours.
absl::StatusOr<BackupManifest> ReadBackupManifest(const std::string& folder);

// OK when the file is the one that the manifest names. BACKUP_DAMAGED.
absl::Status CheckIsNamed(const BackupManifest& manifest, const BackupFile& file);

}  // namespace vigie
