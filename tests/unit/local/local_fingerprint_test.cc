#include "engine/local/local_fingerprint.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/local/extract.h"
#include "tests/unit/local/scenes.h"

namespace vigie {
namespace {

TEST(LocalFormat, WhatIsWrittenIsRead) {
  for (const size_t count : {size_t{0}, size_t{1}, size_t{180}, kMaxLocalKeypoints}) {
    const LocalFingerprint local = ExtractLocal(testing::Scene(900, 500, 7).view(), count);
    const std::string bytes = EncodeLocal(local);
    EXPECT_EQ(bytes.size(), 10 + 37 * local.keypoints.size());
    const auto read = DecodeLocal(bytes);
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(*read, local);
  }
}

TEST(LocalFormat, EveryTruncationAndExcessIsRefused) {
  const std::string bytes = EncodeLocal(ExtractLocal(testing::Scene(300, 300, 8).view(), 20));
  for (size_t size = 0; size < bytes.size(); ++size) {
    // A copy of its own, so that a sanitizer sees a read beyond it.
    const std::string cut(bytes.data(), size);
    EXPECT_EQ(ReasonOf(DecodeLocal(cut).status()), "HASH_MALFORMED") << size;
  }
  EXPECT_EQ(ReasonOf(DecodeLocal(bytes + '\0').status()), "HASH_MALFORMED");
}

TEST(LocalFormat, WhatCannotBeIsRefused) {
  const LocalFingerprint sound = ExtractLocal(testing::Scene(300, 300, 9).view(), 20);
  ASSERT_TRUE(ValidateLocal(sound).ok());
  const auto refused = [&sound](auto change) {
    LocalFingerprint local = sound;
    change(local);
    return ReasonOf(ValidateLocal(local)) == "HASH_MALFORMED";
  };
  EXPECT_TRUE(refused([](auto& l) { l.width = kLocalSide + 1; }));
  EXPECT_TRUE(refused([](auto& l) { l.width = -1; }));
  EXPECT_TRUE(refused([](auto& l) { l.height = 0; }));
  EXPECT_TRUE(refused([](auto& l) { l.keypoints[3].level = kLocalLevels; }));
  EXPECT_TRUE(refused([](auto& l) { l.keypoints[3].x = static_cast<uint16_t>(8 * l.width); }));
  EXPECT_TRUE(refused([](auto& l) { l.keypoints[3].y = static_cast<uint16_t>(8 * l.height); }));
  EXPECT_TRUE(refused([](auto& l) { l.descriptors.pop_back(); }));
  EXPECT_TRUE(refused([](auto& l) {
    l.keypoints.resize(kMaxLocalKeypoints + 1);
    l.descriptors.resize(kMaxLocalKeypoints + 1);
  }));
  std::string other_version = EncodeLocal(sound);
  other_version[2] = static_cast<char>(kLocalVersion + 1);
  EXPECT_EQ(ReasonOf(DecodeLocal(other_version).status()), "HASH_MALFORMED");
}

}  // namespace
}  // namespace vigie
