#include "tests/support/hash_case.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace vigie::testing {

Picture PictureOf(const HashCase& c, ChannelOrder color_order) {
  return Pattern(c.width, c.height, c.seed, c.channels == 1 ? ChannelOrder::kGray : color_order);
}

Profile ProfileOf(const HashCase& c) {
  return c.kind == "resize512" ? Profile::kReference : Profile::kFull;
}

std::optional<HashCase> ParseHashCase(std::string_view line) {
  std::istringstream in{std::string(line)};
  HashCase parsed;
  in >> parsed.kind >> parsed.width >> parsed.height >> parsed.channels >> parsed.seed >>
      parsed.quality;
  for (Pdq256& hash : parsed.hashes) {
    std::string hex;
    in >> hex;
    const auto value = ValueFromHex(Algorithm::kPdq, hex);
    if (!in || !value.ok()) return std::nullopt;
    std::copy(value->begin(), value->end(), hash.bytes.begin());
  }
  return parsed;
}

std::vector<HashCase> ReadHashCases(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::vector<HashCase> cases;
  for (std::string line; std::getline(in, line);) {
    auto parsed = ParseHashCase(line);
    if (!parsed.has_value()) throw std::runtime_error("not a hash case: " + line.substr(0, 40));
    cases.push_back(*std::move(parsed));
  }
  return cases;
}

}  // namespace vigie::testing
