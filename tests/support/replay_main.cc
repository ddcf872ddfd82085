// Runs a fuzz target without a fuzzer: over the files and folders named on the command line, over
// generated pictures in every format, and over mutations of these (fixed seed, so repeatable).
//   PROGRAM [--mutations COUNT] [FILE|FOLDER]...
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/sealer.h"
#include "tests/support/pictures.h"
#include "tests/support/shared.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace vigie::testing {
namespace {

using Buffer = std::vector<uint8_t>;

constexpr uint32_t kSeed = 20261121;

// Pictures of all formats and kinds that we can write, and texts as callers send them.
std::vector<Buffer> Seeds() {
  std::vector<Buffer> seeds;
  for (const auto order : {ChannelOrder::kGray, ChannelOrder::kBgr}) {
    const Picture picture = Pattern(33, 21, 5, order);
    for (const char* extension : {".jpg", ".png", ".webp", ".bmp", ".tiff"}) {
      seeds.push_back(Encode(picture, extension));
    }
    seeds.push_back(Encode(picture, ".jpg", {.progressive = true}));
    seeds.push_back(Encode(picture, ".jpg", {.restart_interval = 1}));
    seeds.push_back(Encode(picture, ".webp", {.quality = 101}));
    seeds.push_back(EncodePng16(picture));
  }
  seeds.push_back(EncodePngWithAlpha(Pattern(33, 21, 5), 128));
  for (const std::string& text : {std::string(64, 'a'), std::string(32, '0'), std::string(40, 'F'),
                                  Sealer({1, 2, 3}).Seal(7, "fuzz")}) {
    seeds.emplace_back(text.begin(), text.end());
  }
  return seeds;
}

// One to eight changes: another byte, a flipped bit, a cut, a removed or a doubled stretch.
Buffer Mutate(Buffer bytes, std::mt19937& random) {
  const auto below = [&random](size_t bound) {
    return static_cast<ptrdiff_t>(bound == 0 ? 0 : random() % bound);
  };
  for (ptrdiff_t left = 1 + below(8); left > 0 && !bytes.empty(); --left) {
    // Headers are where the decisions are: half of the changes go to the first 64 bytes.
    const size_t reach = random() % 2 == 0 ? std::min<size_t>(64, bytes.size()) : bytes.size();
    const auto at = bytes.begin() + below(reach);
    const ptrdiff_t count = std::min<ptrdiff_t>(bytes.end() - at, 1 + below(32));
    switch (random() % 6) {
      case 0:
        *at = static_cast<uint8_t>(random());
        break;
      case 1:
        *at = random() % 2 == 0 ? 0x00 : 0xFF;
        break;
      case 2:
        *at = static_cast<uint8_t>(*at ^ (1U << (random() % 8)));
        break;
      case 3:
        bytes.erase(at, at + count);
        break;
      case 4: {
        const Buffer stretch(at, at + count);
        bytes.insert(at, stretch.begin(), stretch.end());
        break;
      }
      default:
        if (random() % 4 == 0) bytes.erase(at, bytes.end());
        break;
    }
  }
  return bytes;
}

void Run(const Buffer& bytes) {
  // A block of its own size, so that a sanitizer sees the first byte read outside.
  const Buffer exact(bytes.begin(), bytes.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

int Replay(const std::vector<std::string>& arguments) {
  size_t mutations = 0;
  std::vector<std::filesystem::path> files;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--mutations" && i + 1 < arguments.size()) {
      mutations = std::stoul(arguments[++i]);
    } else if (std::filesystem::is_directory(arguments[i])) {
      for (auto& file : FilesBelow(arguments[i])) files.push_back(std::move(file));
    } else {
      files.emplace_back(arguments[i]);
    }
  }
  for (const auto& file : files) {
    std::printf("%s\n", file.c_str());
    Run(ReadFile(file));
  }
  const std::vector<Buffer> seeds = Seeds();
  for (const Buffer& seed : seeds) Run(seed);
  std::mt19937 random(kSeed);
  for (size_t i = 0; i < mutations; ++i) Run(Mutate(seeds[random() % seeds.size()], random));
  std::printf("%zu files, %zu generated inputs, %zu mutations (seed %u): no failure\n",
              files.size(), seeds.size(), mutations, kSeed);
  return 0;
}

}  // namespace
}  // namespace vigie::testing

int main(int argc, char** argv) {
  try {
    return vigie::testing::Replay({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "replay: %s\n", error.what());
    return 1;
  }
}
