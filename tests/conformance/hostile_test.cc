// Every malformed file of the shared material: a status or a result, never a crash, and never
// anything that was in memory before.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/digest.h"
#include "engine/image/decoder.h"
#include "engine/match/image_hasher.h"
#include "tests/support/peak_memory.h"
#include "tests/support/shared.h"

namespace vigie {
namespace {

class HostileFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto folder = testing::SharedPath("data/hostile");
    if (!folder.has_value()) GTEST_SKIP() << "the shared malformed files are not here";
    files_ = testing::FilesBelow(*folder);
  }

  std::vector<std::filesystem::path> files_;
};

std::string Outcome(const absl::StatusOr<HashedImage>& image) {
  if (!image.ok()) return ReasonOf(image.status());
  return image->summary.rest.ok() ? "decoded" : "decoded in part";
}

TEST_F(HostileFiles, GetAStatusOrAResult) {
  std::map<std::string, int> outcomes;
  PdqScratch scratch;
  for (const auto& file : files_) {
    const auto bytes = testing::ReadFile(file);
    for (const DecodeMode mode : {DecodeMode::kExact, DecodeMode::kFast}) {
      const auto image = HashEncoded(bytes, {.mode = mode}, scratch);
      EXPECT_FALSE(Outcome(image).empty()) << file << ": " << image.status();
      if (mode == DecodeMode::kExact) ++outcomes[Outcome(image)];
    }
  }
  std::cout << "malformed files: " << files_.size();
  for (const auto& [outcome, count] : outcomes) std::cout << ", " << outcome << ' ' << count;
  std::cout << '\n';
}

// Everything that a check does to a file, by itself. The time is shown, not judged.
TEST_F(HostileFiles, TakeBoundedMemory) {
  constexpr int64_t kMemoryBound = 300'000'000;
  std::pair<double, std::string> slowest;
  std::pair<int64_t, std::string> largest;
  for (const auto& file : files_) {
    const auto bytes = testing::ReadFile(file);
    const auto hash = [&bytes] {
      PdqScratch scratch;
      static_cast<void>(HashEncoded(bytes, {.mode = DecodeMode::kFast}, scratch));
    };
    const auto start = std::chrono::steady_clock::now();
    hash();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    slowest = std::max(slowest, {took.count(), file.filename().string()});
    if (!testing::CanMeasurePeakMemory()) continue;
    const int64_t peak = testing::PeakExtraMemory(hash);
    largest = std::max(largest, {peak, file.filename().string()});
    EXPECT_LT(peak, kMemoryBound) << file;
  }
  std::cout << "slowest malformed file: " << slowest.second << ", " << slowest.first << " s\n";
  std::cout << "largest malformed file: " << largest.second << ", " << largest.first / 1'000'000
            << " MB\n";
}

// What DecodeFrames() makes of `bytes` while every fresh block of memory is filled with `noise`.
std::string DecodeOverNoise(Bytes bytes, DecodeMode mode, int noise) {
  mallopt(M_PERTURB, noise);
  // 4 megapixels keep the bombs among the files, which are slow, out of this test.
  std::string pixels;
  const auto append = [&pixels](const Frame& frame) {
    pixels += absl::StrCat(frame.pixels.width, "x", frame.pixels.height, " ");
    for (int y = 0; y < frame.pixels.height; ++y) {
      const size_t size = static_cast<size_t>(frame.pixels.width * frame.pixels.channels());
      pixels.append(reinterpret_cast<const char*>(frame.pixels.row(y)), size);
    }
    return true;
  };
  const auto summary =
      DecodeFrames(bytes, {.max_pixels = 4'000'000, .max_animation_pixels = 16'000'000}, mode,
                   Sampling::kAllPixels, append);
  mallopt(M_PERTURB, 0);
  if (!summary.ok()) return ReasonOf(summary.status());
  return ToHex(Sha256(AsBytes(pixels)));
}

TEST_F(HostileFiles, NeverShowWhatWasInMemoryBefore) {
  int differing = 0;
  for (const auto& file : files_) {
    const auto bytes = testing::ReadFile(file);
    for (const DecodeMode mode : {DecodeMode::kExact, DecodeMode::kFast}) {
      if (DecodeOverNoise(bytes, mode, 0x5A) == DecodeOverNoise(bytes, mode, 0xC3)) continue;
      ++differing;
      ADD_FAILURE() << file << " in mode " << Name(mode);
    }
  }
  std::cout << "malformed files that show memory: " << differing << '\n';
}

}  // namespace
}  // namespace vigie
