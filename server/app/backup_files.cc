#include "server/app/backup_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/digest.h"

namespace vigie {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kFormat[] = "vigie-backup-1";

absl::Status BackupDamaged(std::string_view what) {
  return Error(absl::StatusCode::kDataLoss, "BACKUP_DAMAGED",
               absl::StrCat("the backup is damaged (", ToAbsl(what), "): use another one"));
}

class File {
 public:
  File(const std::string& path, int flags) : file_(open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~File() {
    if (file_ >= 0) close(file_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return file_; }

 private:
  const int file_;
};

// Calls `take` with the content, piece by piece.
absl::StatusOr<uint64_t> ReadPieces(const std::string& path,
                                    const std::function<absl::Status(Bytes)>& take) {
  const File file(path, O_RDONLY);
  if (file.get() < 0) return FileFailed("read", path);
  std::string buffer(1 << 20, '\0');
  uint64_t total = 0;
  while (true) {
    const ssize_t got = read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FileFailed("read", path);
    if (got == 0) return total;
    total += static_cast<uint64_t>(got);
    VIGIE_RETURN_IF_ERROR(take(AsBytes({buffer.data(), static_cast<size_t>(got)})));
  }
}

absl::Status WriteAll(int file, Bytes bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileFailed("write", path);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

Json ToJsonObject(const BackupManifest& m) {
  Json files = Json::array();
  for (const BackupFile& file : m.files) {
    files.push_back({{"name", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}});
  }
  return {{"format", kFormat},
          {"program", m.program},
          {"schema", m.schema},
          {"database", m.database},
          {"created_us", m.created_us},
          {"revision", m.revision},
          {"lists", m.lists},
          {"entries", m.entries},
          {"rows", m.rows},
          {"events", m.events},
          {"head", m.head},
          {"files", files}};
}

}  // namespace

absl::Status FileFailed(std::string_view what, const std::string& path) {
  const int error = errno;
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return Error(full ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kUnavailable,
               full ? "DISK_FULL" : "FILE_FAILED",
               absl::StrCat("cannot ", ToAbsl(what), " ", path, ": ", strerror(error)));
}

bool Exists(const std::string& path) {
  struct stat facts {};
  return lstat(path.c_str(), &facts) == 0;
}

absl::Status MakeFolder(const std::string& path) {
  return mkdir(path.c_str(), 0700) == 0 ? absl::OkStatus() : FileFailed("make", path);
}

absl::Status SyncPath(const std::string& path) {
  const File file(path, O_RDONLY);
  if (file.get() < 0 || fsync(file.get()) != 0) return FileFailed("sync", path);
  return absl::OkStatus();
}

std::string ParentOf(const std::string& path) {
  return std::filesystem::absolute(path).parent_path().string();
}

absl::StatusOr<BackupFile> Describe(const std::string& folder, const std::string& name) {
  BackupFile file{.name = name};
  Sha256Stream digest;
  VIGIE_ASSIGN_OR_RETURN(file.bytes, ReadPieces(folder + "/" + name, [&digest](Bytes piece) {
                           digest.Add(piece);
                           return absl::OkStatus();
                         }));
  file.sha256 = ToHex(digest.Finish());
  return file;
}

absl::StatusOr<BackupFile> CopyFile(const std::string& from_folder, const std::string& to_folder,
                                    const std::string& name) {
  BackupFile copied{.name = name};
  const std::string path = to_folder + "/" + name;
  const File to(path, O_WRONLY | O_CREAT | O_EXCL);
  if (to.get() < 0) return FileFailed("make", path);
  Sha256Stream digest;
  VIGIE_ASSIGN_OR_RETURN(copied.bytes, ReadPieces(from_folder + "/" + name, [&](Bytes piece) {
                           digest.Add(piece);
                           return WriteAll(to.get(), piece, path);
                         }));
  if (fsync(to.get()) != 0) return FileFailed("sync", path);
  copied.sha256 = ToHex(digest.Finish());
  return copied;
}

std::string ToJson(const BackupManifest& manifest) {
  return ToJsonObject(manifest).dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::Status WriteBackupManifest(const std::string& folder, const BackupManifest& manifest) {
  const std::string path = absl::StrCat(folder, "/", kBackupManifest);
  const File file(path, O_WRONLY | O_CREAT | O_EXCL);
  if (file.get() < 0) return FileFailed("make", path);
  const std::string text =
      ToJsonObject(manifest).dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  VIGIE_RETURN_IF_ERROR(WriteAll(file.get(), AsBytes(text), path));
  return fsync(file.get()) == 0 ? absl::OkStatus() : FileFailed("sync", path);
}

absl::StatusOr<BackupManifest> ReadBackupManifest(const std::string& folder) {
  const std::string path = absl::StrCat(folder, "/", kBackupManifest);
  std::string text;
  VIGIE_RETURN_IF_ERROR(ReadPieces(path, [&text](Bytes piece) {
                          text.append(reinterpret_cast<const char*>(piece.data()), piece.size());
                          return text.size() < (1 << 20)
                                     ? absl::OkStatus()
                                     : BackupDamaged("its manifest is too long");
                        }).status());
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || json.value("format", Json()) != kFormat) {
    return BackupDamaged("its manifest is not one of ours");
  }
  try {
    BackupManifest m{.program = json.at("program"),
                     .schema = json.at("schema"),
                     .database = json.at("database"),
                     .created_us = json.at("created_us"),
                     .revision = json.at("revision"),
                     .lists = json.at("lists"),
                     .entries = json.at("entries"),
                     .rows = json.at("rows"),
                     .events = json.at("events"),
                     .head = json.at("head"),
                     .files = {}};
    for (const Json& file : json.at("files")) {
      m.files.push_back(
          {.name = file.at("name"), .bytes = file.at("bytes"), .sha256 = file.at("sha256")});
      // It names files, never paths.
      const std::string& name = m.files.back().name;
      if (name != kBackupDatabase && name != kBackupKey) {
        return BackupDamaged("its manifest names a file that is not ours");
      }
    }
    const auto is_database = [](const BackupFile& file) { return file.name == kBackupDatabase; };
    if (std::none_of(m.files.begin(), m.files.end(), is_database)) {
      return BackupDamaged("its manifest names no database");
    }
    return m;
  } catch (const Json::exception&) {
    return BackupDamaged("its manifest lacks something");
  }
}

absl::Status CheckIsNamed(const BackupManifest& manifest, const BackupFile& file) {
  for (const BackupFile& named : manifest.files) {
    if (named.name != file.name) continue;
    if (named.bytes == file.bytes && named.sha256 == file.sha256) return absl::OkStatus();
    return BackupDamaged(file.name + " is not the file that its manifest names");
  }
  return BackupDamaged("its manifest does not name " + file.name);
}

}  // namespace vigie
