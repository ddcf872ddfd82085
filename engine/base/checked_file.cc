#include "engine/base/checked_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"

namespace vigie {
namespace {

static_assert(std::endian::native == std::endian::little, "files hold little-endian numbers");

// Small enough that what was read is still in cache when it is summed.
constexpr size_t kBlock = size_t{1} << 20;

std::string TemporaryName(const std::string& path) { return path + ".tmp"; }

absl::Status FileFailed(const std::string& path, const char* what, int error) {
  const bool full = error == ENOSPC || error == EDQUOT;
  return Error(full ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kUnavailable,
               full ? "DISK_FULL" : "FILE_FAILED",
               absl::StrCat("cannot ", what, " ", path, ": ", strerror(error)));
}

}  // namespace

Checksum::Checksum() : state_(XXH3_createState()) {
  if (state_ == nullptr) throw std::bad_alloc();
  XXH3_64bits_reset(static_cast<XXH3_state_t*>(state_));
}

Checksum::~Checksum() { XXH3_freeState(static_cast<XXH3_state_t*>(state_)); }

void Checksum::Add(const void* data, size_t bytes) {
  if (bytes > 0) XXH3_64bits_update(static_cast<XXH3_state_t*>(state_), data, bytes);
}

uint64_t Checksum::Value() const {
  return XXH3_64bits_digest(static_cast<const XXH3_state_t*>(state_));
}

uint64_t ChecksumOf(const void* data, size_t bytes) { return XXH3_64bits(data, bytes); }

CheckedFileWriter::CheckedFileWriter(std::string path) : path_(std::move(path)) {
  const std::string temporary = TemporaryName(path_);
  file_ = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  // One that was there before may have another mode.
  if (file_ < 0 || fchmod(file_, 0600) != 0) status_ = Failed("create");
}

CheckedFileWriter::~CheckedFileWriter() {
  if (file_ < 0) return;
  close(file_);
  unlink(TemporaryName(path_).c_str());
}

absl::Status CheckedFileWriter::Failed(const char* what) {
  return FileFailed(TemporaryName(path_), what, errno);
}

absl::Status CheckedFileWriter::WriteRaw(const void* data, size_t bytes) {
  const char* at = static_cast<const char*>(data);
  while (status_.ok() && bytes > 0) {
    const ssize_t written = write(file_, at, std::min(bytes, kBlock));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      status_ = Failed("write");
      break;
    }
    checksum_.Add(at, static_cast<size_t>(written));
    at += written;
    bytes -= static_cast<size_t>(written);
    size_ += static_cast<size_t>(written);
  }
  return status_;
}

absl::Status CheckedFileWriter::Write(const void* data, size_t bytes) {
  return WriteRaw(data, bytes);
}

absl::Status CheckedFileWriter::Align() {
  constexpr std::array<char, kFileAlignment> kZeros{};
  return WriteRaw(kZeros.data(), (kFileAlignment - size_ % kFileAlignment) % kFileAlignment);
}

absl::StatusOr<FileSeal> CheckedFileWriter::Finish() {
  const uint64_t checksum = checksum_.Value();
  VIGIE_RETURN_IF_ERROR(WriteRaw(&checksum, sizeof(checksum)));
  if (fsync(file_) != 0) return status_ = Failed("make durable");
  if (rename(TemporaryName(path_).c_str(), path_.c_str()) != 0) return status_ = Failed("rename");
  close(std::exchange(file_, -1));
  return FileSeal{.size = size_, .checksum = checksum};
}

CheckedFileReader::~CheckedFileReader() {
  if (file_ >= 0) close(file_);
}

absl::Status FileUnusable(const std::string& path, std::string_view what) {
  return Error(absl::StatusCode::kDataLoss, "FILE_UNUSABLE",
               absl::StrCat(path, ": ", ToAbsl(what)));
}

absl::Status CheckedFileReader::Unusable(const char* what) const {
  return FileUnusable(path_, what);
}

absl::Status CheckedFileReader::Open(const std::string& path) {
  path_ = path;
  file_ = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file_ < 0 && errno == ENOENT) {
    return Error(absl::StatusCode::kNotFound, "FILE_UNUSABLE", absl::StrCat(path, " is missing"));
  }
  struct stat facts {};
  if (file_ < 0 || fstat(file_, &facts) != 0 || !S_ISREG(facts.st_mode)) {
    return Unusable("cannot be opened");
  }
  size_ = static_cast<uint64_t>(facts.st_size);
  if (size_ < sizeof(uint64_t)) return Unusable("is cut off");
  remaining_ = size_ - sizeof(uint64_t);
  posix_fadvise(file_, 0, 0, POSIX_FADV_SEQUENTIAL);  // a wish
  return absl::OkStatus();
}

absl::Status CheckedFileReader::ReadRaw(void* data, size_t bytes) {
  char* at = static_cast<char*>(data);
  while (bytes > 0) {
    const ssize_t got = read(file_, at, std::min(bytes, kBlock));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return Unusable(got == 0 ? "is cut off" : "cannot be read");
    checksum_.Add(at, static_cast<size_t>(got));
    at += got;
    bytes -= static_cast<size_t>(got);
  }
  return absl::OkStatus();
}

absl::Status CheckedFileReader::Read(void* data, size_t bytes) {
  if (bytes > remaining_) return Unusable("is cut off");
  remaining_ -= bytes;
  return ReadRaw(data, bytes);
}

absl::Status CheckedFileReader::Align() {
  std::array<char, kFileAlignment> padding{};
  const uint64_t at = size_ - sizeof(uint64_t) - remaining_;
  return Read(padding.data(), (kFileAlignment - at % kFileAlignment) % kFileAlignment);
}

absl::StatusOr<FileSeal> CheckedFileReader::Finish() {
  if (remaining_ != 0) return Unusable("is longer than what it holds");
  const uint64_t expected = checksum_.Value();
  uint64_t stored = 0;
  VIGIE_RETURN_IF_ERROR(ReadRaw(&stored, sizeof(stored)));
  if (stored != expected) return Unusable("is damaged: its checksum differs");
  return FileSeal{.size = size_, .checksum = stored};
}

absl::Status SyncFolder(const std::string& folder) {
  const int file = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool ok = file >= 0 && fsync(file) == 0;
  const int error = errno;
  if (file >= 0) close(file);
  return ok ? absl::OkStatus() : FileFailed(folder, "make durable", error);
}

}  // namespace vigie
