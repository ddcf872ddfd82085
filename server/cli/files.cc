#include "server/cli/files.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace vigie {
namespace {

namespace fs = std::filesystem;

// False when a folder below cannot be listed.
bool AppendFilesBelow(const fs::path& folder, std::vector<std::string>* files) {
  std::error_code error;
  std::vector<std::string> found;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code unknown;
    if (!it->is_directory(unknown)) found.push_back(it->path().string());
  }
  if (error) return false;
  std::sort(found.begin(), found.end());
  files->insert(files->end(), found.begin(), found.end());
  return true;
}

}  // namespace

std::vector<std::string> WithFoldersExpanded(const std::vector<std::string>& names) {
  std::vector<std::string> files;
  for (const std::string& name : names) {
    std::error_code error;
    if (!fs::is_directory(name, error) || !AppendFilesBelow(name, &files)) files.push_back(name);
  }
  return files;
}

}  // namespace vigie
