// The material that the project's checkouts share: vectors, photographs, malformed files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace vigie::testing {

// `name` below the folder VIGIE_SHARED, by default ../shared beside the source tree; nullopt when
// it is not there, and the test that wanted it skips.
std::optional<std::filesystem::path> SharedPath(const std::filesystem::path& name);

// The whole file; throws std::runtime_error when it cannot be read.
std::vector<uint8_t> ReadFile(const std::filesystem::path& path);

// Every regular file below `folder`, sorted, so that runs are repeatable.
std::vector<std::filesystem::path> FilesBelow(const std::filesystem::path& folder);

}  // namespace vigie::testing
