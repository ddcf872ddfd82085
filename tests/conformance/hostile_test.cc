// Every malformed file of the shared material: a status or a result, never a crash, and never
// anything that was in memory before.
#include <gtest/gtest.h>
#include <malloc.h>

#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/digest.h"
#include "engine/hash/pdq.h"
#include "engine/image/decoder.h"
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

std::string Outcome(const absl::StatusOr<DecodedImage>& image) {
  if (!image.ok()) return ReasonOf(image.status());
  return image->complete ? "decoded" : "decoded in part";
}

TEST_F(HostileFiles, GetAStatusOrAResult) {
  std::map<std::string, int> outcomes;
  PdqScratch scratch;
  for (const auto& file : files_) {
    const auto bytes = testing::ReadFile(file);
    for (const DecodeMode mode : {DecodeMode::kExact, DecodeMode::kFast}) {
      const auto image = DecodeImage(bytes, {}, mode);
      if (image.ok()) ComputePdqOrientations(image->pixels, Profile::kReference, scratch);
      EXPECT_FALSE(Outcome(image).empty()) << file << ": " << image.status();
      if (mode == DecodeMode::kExact) ++outcomes[Outcome(image)];
    }
  }
  std::cout << "malformed files: " << files_.size();
  for (const auto& [outcome, count] : outcomes) std::cout << ", " << outcome << ' ' << count;
  std::cout << '\n';
}

// What DecodeImage() makes of `bytes` while every fresh block of memory is filled with `noise`.
std::string DecodeOverNoise(Bytes bytes, DecodeMode mode, int noise) {
  mallopt(M_PERTURB, noise);
  // 4 megapixels keep the bombs among the files, which are slow, out of this test.
  const auto image = DecodeImage(bytes, {.max_pixels = 4'000'000}, mode);
  mallopt(M_PERTURB, 0);
  if (!image.ok()) return ReasonOf(image.status());
  std::string pixels = absl::StrCat(image->pixels.width, "x", image->pixels.height, " ");
  for (int y = 0; y < image->pixels.height; ++y) {
    const size_t size = static_cast<size_t>(image->pixels.width * image->pixels.channels());
    pixels.append(reinterpret_cast<const char*>(image->pixels.row(y)), size);
  }
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
