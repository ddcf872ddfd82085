// Files of derived data that are used only when not a bit of them has changed: whatever is written,
// followed by its checksum (XXH3, 64 bits; against accidents, not against a forger).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/status.h"

namespace vigie {

// What tells a file from any other one. The size includes the checksum at the end.
struct FileSeal {
  uint64_t size = 0;
  uint64_t checksum = 0;
  friend bool operator==(const FileSeal&, const FileSeal&) = default;
};

// The running checksum of a file being written or read.
class Checksum {
 public:
  Checksum();
  ~Checksum();
  Checksum(const Checksum&) = delete;
  Checksum& operator=(const Checksum&) = delete;
  void Add(const void* data, size_t bytes);
  uint64_t Value() const;

 private:
  void* state_;
};

// The checksum of one piece of data.
uint64_t ChecksumOf(const void* data, size_t bytes);

// Writes `path` anew: as `path`.tmp with mode 0600 until Finish(), which makes it durable and gives
// it its name. Without Finish() nothing is left behind. One thread.
class CheckedFileWriter {
 public:
  explicit CheckedFileWriter(std::string path);
  ~CheckedFileWriter();
  CheckedFileWriter(const CheckedFileWriter&) = delete;
  CheckedFileWriter& operator=(const CheckedFileWriter&) = delete;

  // The first failure is kept, and returned by this and every later call.
  absl::Status Write(const void* data, size_t bytes);
  template <typename T>
  absl::Status Write(std::span<const T> values) {
    return Write(values.data(), values.size_bytes());
  }
  // Zeros up to the next multiple of kFileAlignment.
  absl::Status Align();

  // RESOURCE_EXHAUSTED, reason DISK_FULL, or UNAVAILABLE, reason FILE_FAILED. The name itself is
  // durable after SyncFolder().
  absl::StatusOr<FileSeal> Finish();

 private:
  absl::Status WriteRaw(const void* data, size_t bytes);
  absl::Status Failed(const char* what);

  const std::string path_;
  int file_ = -1;
  uint64_t size_ = 0;
  Checksum checksum_;
  absl::Status status_;
};

inline constexpr size_t kFileAlignment = 64;

// Reads such a file from its beginning to its end. What Read() gave may be trusted only after
// Finish() returned OK: until then sizes are to be held against remaining(). One thread.
// Errors: NOT_FOUND or DATA_LOSS, reason FILE_UNUSABLE.
class CheckedFileReader {
 public:
  CheckedFileReader() = default;
  ~CheckedFileReader();
  CheckedFileReader(const CheckedFileReader&) = delete;
  CheckedFileReader& operator=(const CheckedFileReader&) = delete;

  absl::Status Open(const std::string& path);
  // Bytes that Read() can still give; the checksum is not one of them.
  uint64_t remaining() const { return remaining_; }
  absl::Status Read(void* data, size_t bytes);
  template <typename T>
  absl::Status Read(std::span<T> values) {
    return Read(values.data(), values.size_bytes());
  }
  absl::Status Align();
  // Everything has been read, and is what was written.
  absl::StatusOr<FileSeal> Finish();

 private:
  absl::Status ReadRaw(void* data, size_t bytes);
  absl::Status Unusable(const char* what) const;

  std::string path_;
  int file_ = -1;
  uint64_t size_ = 0;
  uint64_t remaining_ = 0;
  Checksum checksum_;
};

// The error of a file whose content cannot be: DATA_LOSS, reason FILE_UNUSABLE.
absl::Status FileUnusable(const std::string& path, std::string_view what);

// Makes the names in `folder` durable: files that were created, renamed or removed.
// UNAVAILABLE, reason FILE_FAILED.
absl::Status SyncFolder(const std::string& folder);

}  // namespace vigie
