// A folder of pictures as the entries of a list: hashed here, the pictures never leave the machine.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "engine/base/status.h"
#include "server/cli/list_import.h"

namespace vigie {

// Every file below a folder is an item, by name; its external reference is its path from the
// folder. What is no picture, or cannot be hashed whole, is refused.
class FolderSource final : public EntrySource {
 public:
  // NOT_FOUND, reason FILE_UNREADABLE, when the folder or one below it cannot be listed. `local`:
  // with local fingerprints. `threads`: as ThreadsFor().
  static absl::StatusOr<FolderSource> Open(const std::string& folder, bool local, int threads);

  const char* unit() const override { return "pictures"; }
  uint64_t total() const override { return files_.size(); }
  absl::Status ForEach(const std::function<bool(ImportItem)>& take) override;

 private:
  FolderSource(std::filesystem::path folder, std::vector<std::string> files, bool local,
               int threads);

  std::filesystem::path folder_;
  std::vector<std::string> files_;
  bool local_;
  int threads_;
};

}  // namespace vigie
