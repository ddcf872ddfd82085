// Runs a fuzz target without a fuzzer: over the files and folders named on the command line, over
// generated pictures in every format, and over mutations of these (fixed seed, so repeatable).
//   PROGRAM [--mutations COUNT] [--write-seeds FOLDER] [FILE|FOLDER]...
// A target that returns -1 for an input has no use for it: neither has the mutation of it. The
// seeds that are left can be written to files, for a fuzzer to begin with.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/sealer.h"
#include "tests/support/animations.h"
#include "tests/support/bmff_pictures.h"
#include "tests/support/jpeg_encoder.h"
#include "tests/support/pictures.h"
#include "tests/support/raster_encoders.h"
#include "tests/support/shared.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace vigie::testing {
namespace {

using Buffer = std::vector<uint8_t>;

constexpr uint32_t kSeed = 20261121;

// What OpenCV does not write.
void AddMorePictures(std::vector<Buffer>* seeds) {
  const Picture picture = Pattern(33, 21, 5);
  const Picture other = Pattern(33, 21, 6);
  seeds->push_back(EncodePngWithAlpha(picture, 128));
  seeds->push_back(EncodePngWithAlpha16(picture, 128));
  seeds->push_back(EncodeWebpWithAlpha(picture, 128));
  for (const JpegColors colors : {JpegColors::kRgb, JpegColors::kCmyk, JpegColors::kYcck}) {
    seeds->push_back(EncodeJpeg(picture, {.colors = colors, .horizontal = 2, .vertical = 2}));
  }
  seeds->push_back(EncodeJpeg(picture, {.arithmetic = true}));
  seeds->push_back(EncodeJpeg(picture, {.separate_scans = true}));
  seeds->push_back(EncodeJpeg(Pattern(600, 21, 5), {.horizontal = 2, .progressive = true}));
  seeds->push_back(EncodeAnimatedWebp({picture, other}));
  GifWriter gif(33, 21, GrayPalette());
  for (int disposal = 0; disposal < 4; ++disposal) {
    GifFrame frame = FrameOf(Pattern(19, 13, static_cast<uint32_t>(disposal), ChannelOrder::kGray));
    frame.left = 5 * disposal;
    frame.top = 3 * disposal;
    frame.disposal = disposal;
    frame.transparent = 7;
    frame.interlaced = disposal % 2 == 1;
    gif.Add(frame);
  }
  seeds->push_back(gif.Finish());
  seeds->push_back(EncodeAvif({picture}));
  seeds->push_back(EncodeAvif({picture}, {.alpha = 90, .shown_width = 21, .shown_height = 11}));
  seeds->push_back(EncodeAvif({picture, other}));
  const Buffer heic = EncodeHeic(Pattern(64, 64, 5), /*turn=*/true);
  if (!heic.empty()) seeds->push_back(heic);
}

// Every kind, with a side above the sample's 512 in between: that is another way through.
void AddRasterPictures(std::vector<Buffer>* seeds) {
  const auto add = [seeds](auto kinds, auto encode) {
    for (size_t i = 0; i < kinds.size(); ++i) {
      kinds[i].width = i % 8 == 7 ? 520 : 21;
      kinds[i].height = 17;
      seeds->push_back(encode(kinds[i]));
    }
  };
  add(PngKinds(), EncodePngKind);
  add(TiffKinds(), EncodeTiffKind);
  add(BmpKinds(), EncodeBmpKind);
}

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
  AddMorePictures(&seeds);
  AddRasterPictures(&seeds);
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

// False when the target has no use for `bytes`.
bool Run(const Buffer& bytes) {
  // A block of its own size, so that a sanitizer sees the first byte read outside.
  const Buffer exact(bytes.begin(), bytes.end());
  return LLVMFuzzerTestOneInput(exact.data(), exact.size()) == 0;
}

void WriteSeeds(const std::vector<Buffer>& seeds, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  for (size_t i = 0; i < seeds.size(); ++i) {
    std::ofstream file(folder / ("seed-" + std::to_string(i)), std::ios::binary);
    file.write(reinterpret_cast<const char*>(seeds[i].data()),
               static_cast<std::streamsize>(seeds[i].size()));
    if (!file.flush()) throw std::runtime_error("cannot write to " + folder.string());
  }
}

int Replay(const std::vector<std::string>& arguments) {
  size_t mutations = 0;
  std::filesystem::path seed_folder;
  std::vector<std::filesystem::path> files;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--mutations" && i + 1 < arguments.size()) {
      mutations = std::stoul(arguments[++i]);
    } else if (arguments[i] == "--write-seeds" && i + 1 < arguments.size()) {
      seed_folder = arguments[++i];
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
  std::vector<Buffer> seeds;
  for (Buffer& seed : Seeds()) {
    if (Run(seed)) seeds.push_back(std::move(seed));
  }
  if (seeds.empty()) throw std::runtime_error("the target takes none of the seeds");
  if (!seed_folder.empty()) WriteSeeds(seeds, seed_folder);
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
