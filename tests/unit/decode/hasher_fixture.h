// Decoders behind a wall, and how their answers are compared with those of no wall.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/decode/walled_hasher.h"
#include "tests/support/engine_fixtures.h"
#include "tests/support/pictures.h"

namespace vigie::testing {

inline constexpr char kHoldCommand[] = "hold-decoders";
inline constexpr TimeUs kForever = std::numeric_limits<TimeUs>::max();

inline std::unique_ptr<WalledHasher> StartHasher(WalledHasherOptions options = {}) {
  return Take(WalledHasher::Start(std::move(options), SystemClock()));
}

// Both failed for the same reason, with the same words, or both give the same bits.
inline void ExpectSame(const absl::StatusOr<HashedImage>& got,
                       const absl::StatusOr<HashedImage>& expected, const std::string& what) {
  ASSERT_EQ(got.status(), expected.status()) << what;
  if (!expected.ok()) return;
  EXPECT_EQ(got->summary.format, expected->summary.format) << what;
  EXPECT_EQ(got->summary.width, expected->summary.width) << what;
  EXPECT_EQ(got->summary.height, expected->summary.height) << what;
  EXPECT_EQ(got->summary.animated, expected->summary.animated) << what;
  EXPECT_EQ(got->summary.frames, expected->summary.frames) << what;
  EXPECT_EQ(got->summary.rest, expected->summary.rest) << what;
  ASSERT_EQ(got->frames.size(), expected->frames.size()) << what;
  for (size_t i = 0; i < got->frames.size(); ++i) {
    EXPECT_EQ(got->frames[i].number, expected->frames[i].number) << what;
    EXPECT_EQ(got->frames[i].pdq.hashes, expected->frames[i].pdq.hashes) << what;
    EXPECT_EQ(got->frames[i].pdq.quality, expected->frames[i].pdq.quality) << what;
  }
  EXPECT_EQ(got->local, expected->local) << what;
  EXPECT_EQ(got->local_frame, expected->local_frame) << what;
  EXPECT_EQ(got->variants_cut_short, expected->variants_cut_short) << what;
  ASSERT_EQ(got->variants.size(), expected->variants.size()) << what;
  for (size_t i = 0; i < got->variants.size(); ++i) {
    EXPECT_EQ(got->variants[i].frame, expected->variants[i].frame) << what;
    EXPECT_EQ(got->variants[i].variant, expected->variants[i].variant) << what;
    EXPECT_EQ(got->variants[i].pdq.hashes, expected->variants[i].pdq.hashes) << what;
    EXPECT_EQ(got->variants[i].pdq.quality, expected->variants[i].pdq.quality) << what;
  }
}

// What a picture's hashes are without a wall.
inline absl::StatusOr<HashedImage> InProcess(const std::vector<uint8_t>& bytes,
                                             const HashOptions& options = {},
                                             TimeUs deadline_us = kForever) {
  return InProcessHasher(SystemClock()).Hash(bytes, options, deadline_us);
}

// The words of a file, none when it is not there.
inline std::vector<std::string> WordsOf(const std::string& path) {
  std::ifstream file(path);
  return {std::istream_iterator<std::string>(file), {}};
}

inline uint64_t Replaced(const DecoderStats& stats, DecoderEnd end) {
  return stats.replaced[static_cast<size_t>(end)];
}

// Of all causes.
inline uint64_t Replaced(const DecoderStats& stats) {
  uint64_t sum = 0;
  for (const uint64_t count : stats.replaced) sum += count;
  return sum;
}

}  // namespace vigie::testing
