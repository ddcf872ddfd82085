// Every photograph of the shared material through the decoder, against the C++ reference.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "engine/base/simd.h"
#include "engine/hash/pdq.h"
#include "engine/image/decoder.h"
#include "engine/match/image_hasher.h"
#include "tests/support/hash_case.h"
#include "tests/support/shared.h"

namespace vigie {
namespace {

class Photographs : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto cases = testing::SharedPath("data/pdq_photos.txt");
    const auto folder = testing::SharedPath("data/photos");
    if (!cases.has_value() || !folder.has_value()) {
      GTEST_SKIP() << "the shared photographs are not here";
    }
    cases_ = testing::ReadHashCases(*cases);
    folder_ = *folder;
  }

  PdqOrientations Hash(const testing::HashCase& c, DecodeMode mode) {
    const auto bytes = testing::ReadFile(folder_ / c.kind);
    const auto image = DecodeImage(bytes, {}, mode);
    EXPECT_TRUE(image.ok()) << c.kind << ": " << image.status();
    if (!image.ok()) return {};
    EXPECT_TRUE(image->complete) << c.kind;
    EXPECT_EQ(image->pixels.width, c.width) << c.kind;
    EXPECT_EQ(image->pixels.height, c.height) << c.kind;
    const auto hashed = ComputePdqOrientations(image->pixels, Profile::kReference, scratch_);
    for (const std::string& target : SimdTargets()) {
      EXPECT_TRUE(ForceSimdTarget(target).ok());
      const auto again = ComputePdqOrientations(image->pixels, Profile::kReference, scratch_);
      EXPECT_EQ(again.hashes, hashed.hashes) << c.kind << ' ' << target;
      EXPECT_EQ(again.quality, hashed.quality) << c.kind << ' ' << target;
      EXPECT_TRUE(ForceSimdTarget("").ok());
    }
    return hashed;
  }

  std::vector<testing::HashCase> cases_;
  std::filesystem::path folder_;
  PdqScratch scratch_;
};

TEST_F(Photographs, AreExactAfterAnExactDecode) {
  size_t exact = 0;
  for (const auto& c : cases_) {
    const PdqOrientations got = Hash(c, DecodeMode::kExact);
    if (got.hashes == c.hashes && got.quality == c.quality) {
      ++exact;
    } else {
      ADD_FAILURE() << c.kind << " channels " << c.channels << " distance "
                    << HammingDistance(got.hashes[0], c.hashes[0]);
    }
  }
  std::cout << "photographs: " << exact << " of " << cases_.size() << " exact on each of "
            << SimdTargets().size() << " instruction sets\n";
}

// As uploads are checked: featureless pictures, whose bits are rounding noise, are decoded exactly.
TEST_F(Photographs, StayCloseAfterAFastDecode) {
  std::vector<int> drift;
  int worst_turned = 0;
  for (const auto& c : cases_) {
    const auto bytes = testing::ReadFile(folder_ / c.kind);
    const auto image = HashEncoded(bytes, {.mode = DecodeMode::kFast}, scratch_);
    ASSERT_TRUE(image.ok()) << c.kind << ": " << image.status();
    const PdqOrientations& got = image->frames.at(0).pdq;
    drift.push_back(HammingDistance(got.hashes[0], c.hashes[0]));
    EXPECT_EQ(got.quality, c.quality) << c.kind;
    for (size_t o = 1; o < got.hashes.size(); ++o) {
      worst_turned = std::max(worst_turned, HammingDistance(got.hashes[o], c.hashes[o]));
    }
  }
  std::sort(drift.begin(), drift.end());
  const auto identical = std::upper_bound(drift.begin(), drift.end(), 0) - drift.begin();
  const int p99 = drift[drift.size() * 99 / 100];
  std::cout << "fast decode: " << identical << " of " << drift.size() << " identical, p99 " << p99
            << " bits, max " << drift.back() << " bits, in other orientations " << worst_turned
            << " bits\n";
  EXPECT_LE(p99, 4);
  EXPECT_LE(drift.back(), 8);
  EXPECT_LE(worst_turned, 8);
}

}  // namespace
}  // namespace vigie
