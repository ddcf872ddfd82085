// A data folder with many entries, made before a server serves it.
#pragma once

#include <cstddef>
#include <string>

namespace vigie::bench {

inline constexpr char kSeedList[] = "bench";
inline constexpr char kSeedFlagger[] = "bench-flagger";

// Puts the entries UniformHash(0), UniformHash(1)... into the list kSeedList of kSeedFlagger, and
// writes a checkpoint. No server uses the folder yet. Throws std::runtime_error.
void SeedDataFolder(const std::string& data_dir, size_t entries);

}  // namespace vigie::bench
