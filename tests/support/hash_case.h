// One line of a file of hash vectors: a picture and what the C++ reference computes for it.
#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/fingerprint.h"
#include "engine/base/types.h"
#include "tests/support/pictures.h"

namespace vigie::testing {

// `kind width height channels seed quality hash rot90 rot180 rot270 flipX flipY flipPlus1
// flipMinus1`. The kind is a file name where the picture is a photograph.
struct HashCase {
  std::string kind;
  int width = 0;
  int height = 0;
  int channels = 0;
  uint32_t seed = 0;
  int quality = 0;
  std::array<Pdq256, kOrientations> hashes;  // the first one by the single-hash function
};

// The picture of a case that is not a photograph, and the profile it was hashed with.
Picture PictureOf(const HashCase& c, ChannelOrder color_order = ChannelOrder::kRgb);
Profile ProfileOf(const HashCase& c);

std::optional<HashCase> ParseHashCase(std::string_view line);

// All lines of `path`; throws std::runtime_error for a line that is not a case.
std::vector<HashCase> ReadHashCases(const std::filesystem::path& path);

}  // namespace vigie::testing
