#include "server/app/canary_picture.h"

#include <gtest/gtest.h>

#include <limits>

#include "engine/base/digest.h"
#include "engine/match/image_hasher.h"

namespace vigie {
namespace {

// Databases hold its fingerprint under kCanaryReference.
TEST(CanaryPicture, ItNeverChanges) {
  EXPECT_EQ(ToHex(Sha256(AsBytes(CanaryPicture()))),
            "fd3d7d0256bdbe56a78d31e31dc995e87b3825fca805f4e68174893ccca67415");
}

TEST(CanaryPicture, ItIsDecodedTheSameBothWaysAndIsClear) {
  const std::string picture = CanaryPicture();
  const InProcessHasher hasher(SystemClock());
  const auto hash = [&](DecodeMode mode) {
    return hasher.Hash(AsBytes(picture), {.mode = mode}, std::numeric_limits<TimeUs>::max());
  };
  const auto exact = hash(DecodeMode::kExact);
  const auto fast = hash(DecodeMode::kFast);
  ASSERT_TRUE(exact.ok()) << exact.status();
  ASSERT_TRUE(fast.ok()) << fast.status();
  EXPECT_GE(exact->frames.at(0).pdq.quality, 90);
  EXPECT_LE(HammingDistance(exact->frames.at(0).pdq.hashes[0], fast->frames.at(0).pdq.hashes[0]),
            2);
}

}  // namespace
}  // namespace vigie
