#include "tests/support/shared.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace vigie::testing {

namespace fs = std::filesystem;

std::optional<fs::path> SharedPath(const fs::path& name) {
  const char* folder = std::getenv("VIGIE_SHARED");
  const fs::path root =
      folder != nullptr ? fs::path(folder) : fs::path(VIGIE_SOURCE_DIR) / "../shared";
  std::error_code error;
  if (!fs::exists(root / name, error)) return std::nullopt;
  return root / name;
}

std::vector<uint8_t> ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::vector<fs::path> FilesBelow(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace vigie::testing
