// Parts of known pictures, found by local fingerprints: evidence in the verdict, held and never
// blocked.
#include "tests/support/animations.h"
#include "tests/support/composites.h"
#include "tests/unit/match/pipeline_fixture.h"

namespace vigie {
namespace {

using testing::Encode;
using testing::Encoded;
using testing::Picture;
using testing::PipelineTest;
using testing::Random;
using testing::Rearranged;
using testing::Take;

// Overlapping rectangles of many shades: corners everywhere, others with every seed.
Picture Blocks(int width, int height, uint64_t seed) {
  Random random(seed);
  Picture picture = testing::Flat(width, height, 120, ChannelOrder::kBgr);
  for (int i = 0; i < 220; ++i) {
    const int w = 12 + static_cast<int>(random.Below(70));
    const int h = 12 + static_cast<int>(random.Below(70));
    const int left = static_cast<int>(random.Below(static_cast<uint64_t>(width - w)));
    const int top = static_cast<int>(random.Below(static_cast<uint64_t>(height - h)));
    const auto shade = static_cast<uint8_t>(random.Below(256));
    for (int y = top; y < top + h; ++y) {
      const auto row = static_cast<size_t>(y) * static_cast<size_t>(width);
      std::fill_n(
          picture.data.begin() + static_cast<std::ptrdiff_t>(3 * (row + static_cast<size_t>(left))),
          3 * w, shade);
    }
  }
  return picture;
}

Picture Cropped(const Picture& p, int left, int top, int width, int height) {
  return Rearranged(p, width, height, [&](int x, int y) { return std::pair(left + x, top + y); });
}

class LocalCheck : public PipelineTest {
 protected:
  LocalCheck() {
    const ListSettings settings = {.local = true};
    world_.MakeList(flagger_, "local", ListKind::kBlock, settings);
  }

  EntryRecord KnowLocally(const Picture& picture, std::string_view list = "local") {
    Submission submission =
        Take(pipeline().Hash(Encode(picture, ".png"), Profile::kReference, /*local=*/true));
    EXPECT_FALSE(submission.local.empty());
    NewEntry entry = testing::EntryOf({submission.fingerprints.at(0)});
    entry.local = std::move(submission.local);
    return world_.Submit(flagger_, list, entry);
  }
  static CheckOptions Thorough() {
    CheckOptions options = From("forum");
    options.effort = Effort::kThorough;
    return options;
  }

  const Picture known_ = Blocks(480, 360, 3);
  const Picture part_ = Cropped(known_, 96, 72, 300, 240);
};

TEST_F(LocalCheck, ACropIsFoundByAThoroughCheckAndHeldWithEvidence) {
  const EntryRecord entry = KnowLocally(known_);
  const Encoded upload = Encode(part_, ".jpg");
  EXPECT_EQ(Check(upload).outcome, Outcome::kNoMatch);
  const Verdict verdict = Check(upload, Thorough());
  ASSERT_EQ(verdict.outcome, Outcome::kMatch);
  EXPECT_EQ(verdict.action, Action::kHoldForReview);
  EXPECT_EQ(verdict.basis, Basis::kPartial);
  EXPECT_GT(verdict.places_looked_up, kMinInliers);
  EXPECT_FALSE(verdict.budget_ended);
  EXPECT_FALSE(verdict.upload.empty());
  ASSERT_EQ(verdict.matches.size(), 1U);
  const Match& match = verdict.matches[0];
  EXPECT_EQ(match.entry, entry.number);
  EXPECT_EQ(match.algorithm, Algorithm::kLocal);
  ASSERT_TRUE(match.local.has_value());
  const LocalEvidence& evidence = *match.local;
  EXPECT_GE(evidence.inliers, kMinInliers);
  EXPECT_FALSE(evidence.mirrored);
  EXPECT_GT(evidence.upload_share, 0.3);
  EXPECT_GT(evidence.upload_share, evidence.known_share);
  EXPECT_NEAR(evidence.corners[0][0], -96, 4);
  EXPECT_NEAR(evidence.corners[0][1], -72, 4);
  EXPECT_NEAR(evidence.corners[2][0], 480 - 96, 6);
  EXPECT_NEAR(evidence.corners[2][1], 360 - 72, 6);
}

TEST_F(LocalCheck, AMirroredCropIsFoundAndTheEvidenceSaysSo) {
  KnowLocally(known_);
  const Verdict verdict = Check(Encode(testing::Mirrored(part_), ".jpg"), Thorough());
  ASSERT_EQ(verdict.outcome, Outcome::kMatch);
  const LocalEvidence& evidence = verdict.matches.at(0).local.value();
  EXPECT_TRUE(evidence.mirrored);
  EXPECT_NEAR(evidence.corners[0][0], 300 + 96, 5) << "upper left is to the right";
  EXPECT_NEAR(evidence.corners[1][0], 300 + 96 - 480, 6);
}

TEST_F(LocalCheck, TheWholePictureIsNotWeakenedByItsPlaces) {
  KnowLocally(known_);
  const Verdict verdict = Check(Encode(known_, ".jpg"), Thorough());
  ASSERT_EQ(verdict.outcome, Outcome::kMatch);
  EXPECT_EQ(verdict.action, Action::kProvisionalBlock);
  EXPECT_FALSE(verdict.matches.at(0).local.has_value());
  EXPECT_EQ(verdict.matches.at(0).algorithm, Algorithm::kPdq);
}

TEST_F(LocalCheck, OtherPicturesAndOtherListsDoNotMatch) {
  KnowLocally(known_);
  const Verdict other = Check(Encode(Blocks(480, 360, 4), ".jpg"), Thorough());
  EXPECT_EQ(other.outcome, Outcome::kNoMatch);
  EXPECT_GT(other.places_looked_up, 0);
  CheckOptions elsewhere = Thorough();
  elsewhere.lists = {"known"};
  EXPECT_EQ(Check(Encode(part_, ".jpg"), elsewhere).outcome, Outcome::kNoMatch);
  ListSettings for_others = {.audience = std::vector<std::string>{"network"}};
  ASSERT_TRUE(world_.catalog().UpdateList(flagger_, "local", for_others).ok());
  EXPECT_EQ(Check(Encode(part_, ".jpg"), Thorough()).outcome, Outcome::kNoMatch);
}

TEST_F(LocalCheck, WithoutLocalFingerprintsNoPlacesAreLookedFor) {
  EXPECT_EQ(Check(Encode(part_, ".jpg"), Thorough()).places_looked_up, 0);
  KnowLocally(known_);
  EXPECT_EQ(Check(Encode(part_, ".jpg")).places_looked_up, 0);
  EXPECT_GT(Check(Encode(part_, ".jpg"), Thorough()).places_looked_up, 0);
}

TEST_F(LocalCheck, ALargePictureHasItsEvidenceInItsOwnPixels) {
  KnowLocally(known_);
  const Picture large =
      Rearranged(part_, 1200, 960, [](int x, int y) { return std::pair(x / 4, y / 4); });
  const Verdict verdict = Check(Encode(large, ".png"), Thorough());
  ASSERT_EQ(verdict.outcome, Outcome::kMatch);
  EXPECT_NEAR(verdict.matches.at(0).local.value().corners[0][0], -4 * 96, 16);
  // The whole is found as it was without places, whatever they need all pixels for.
  KnowLocally(large);
  const Verdict again = Check(Encode(large, ".jpg"), Thorough());
  EXPECT_EQ(again.action, Action::kProvisionalBlock);
  EXPECT_EQ(again.matches.at(0).distance, Check(Encode(large, ".jpg")).matches.at(0).distance);
}

TEST_F(LocalCheck, AFeaturelessUploadIsFoundByItsPlacesAndHasAnIdOfItsOwn) {
  const EntryRecord entry = KnowLocally(known_);
  const auto faint = [&](uint8_t ground) {
    Picture picture = part_;
    for (uint8_t& sample : picture.data) sample = static_cast<uint8_t>(ground + sample / 9);
    return Encode(picture, ".png");
  };
  const Encoded upload = faint(100);
  const Pipeline demanding = pipeline({.min_quality = 100});
  const auto check = [&](const Encoded& bytes, const CheckOptions& options) {
    return Take(demanding.CheckImage(bytes, options));
  };
  EXPECT_EQ(check(upload, From("forum")).not_scanned, NotScanned::kFeatureless);
  const Verdict verdict = check(upload, Thorough());
  ASSERT_EQ(verdict.outcome, Outcome::kMatch);
  EXPECT_EQ(verdict.matches.at(0).entry, entry.number);
  EXPECT_FALSE(verdict.budget_ended);
  EXPECT_GT(verdict.places_looked_up, 0);
  EXPECT_EQ(check(upload, Thorough()).upload, verdict.upload);
  EXPECT_NE(check(faint(110), Thorough()).upload, verdict.upload);
}

TEST_F(LocalCheck, WhatIsTooLargeToBeInMemoryWholeIsHashedAllTheSame) {
  KnowLocally(known_);
  const Picture large =
      Rearranged(known_, 1440, 1080, [](int x, int y) { return std::pair(x / 3, y / 3); });
  PipelineOptions options;
  options.limits.max_memory_bytes = 2 << 20;  // the sample fits, the picture does not
  const Verdict verdict = Take(pipeline(options).CheckImage(Encode(large, ".jpg"), Thorough()));
  ASSERT_EQ(verdict.outcome, Outcome::kMatch);
  EXPECT_EQ(verdict.action, Action::kProvisionalBlock);
  EXPECT_EQ(verdict.places_looked_up, 0);
}

TEST_F(LocalCheck, AVerdictSaysThatTheBudgetEndedTheSearch) {
  KnowLocally(known_);
  const Pipeline hurried = pipeline({.thorough_us = 0});
  const Verdict verdict = Take(hurried.CheckImage(Encode(part_, ".jpg"), Thorough()));
  EXPECT_EQ(verdict.outcome, Outcome::kNoMatch);
  EXPECT_TRUE(verdict.budget_ended);
  EXPECT_EQ(verdict.places_looked_up, 0);
}

TEST_F(LocalCheck, AnAnimationHasThePlacesOfItsFirstFrameWithAny) {
  const EntryRecord entry = KnowLocally(known_);
  const Picture blank = testing::Flat(300, 240, 200, ChannelOrder::kBgr);
  const Encoded upload = testing::EncodeAnimatedWebp({blank, part_, Blocks(300, 240, 9)});
  const Verdict verdict = Check(upload, Thorough());
  ASSERT_EQ(verdict.outcome, Outcome::kMatch);
  EXPECT_EQ(verdict.matches.at(0).entry, entry.number);
  EXPECT_EQ(verdict.matches.at(0).frame, 1);
}

TEST_F(LocalCheck, ASubmissionWithoutPlacesHasNone) {
  const Submission blank = Take(pipeline().Hash(Encode(testing::Flat(300, 200, 90), ".png"),
                                                Profile::kReference, /*local=*/true));
  EXPECT_TRUE(blank.local.empty());
  EXPECT_EQ(blank.fingerprints.size(), 3U);
  const Submission none =
      Take(pipeline().Hash(Encode(known_, ".png"), Profile::kReference, /*local=*/false));
  EXPECT_TRUE(none.local.empty());
  EXPECT_EQ(none.fingerprints.size(), 3U);
}

}  // namespace
}  // namespace vigie
