// Parts of an upload: looked up when asked for, named in the verdict, held and never blocked.
#include "tests/support/animations.h"
#include "tests/support/composites.h"
#include "tests/unit/match/pipeline_fixture.h"

namespace vigie {
namespace {

using testing::Encode;
using testing::Encoded;
using testing::Framed;
using testing::PasteAt;
using testing::Picture;
using testing::PipelineTest;
using testing::Scene;
using testing::Take;

class VariantsTest : public PipelineTest {
 protected:
  VariantsTest() : PipelineTest(CatalogOptions{}) {}

  static CheckOptions Thorough() {
    CheckOptions options = From("forum");
    options.effort = Effort::kThorough;
    return options;
  }
  const Encoded framed_ = Encode(Framed(picture_, 60, 255), ".jpg");
};

TEST_F(VariantsTest, AFramedCopyIsFoundByAThoroughCheckAndHeld) {
  const EntryRecord entry = Know(original_);
  EXPECT_EQ(Check(framed_).outcome, Outcome::kNoMatch);
  EXPECT_EQ(Check(framed_).effort, Effort::kFast);
  EXPECT_EQ(Check(framed_).variants_looked_up, 0);

  const Verdict verdict = Check(framed_, Thorough());
  ASSERT_EQ(verdict.outcome, Outcome::kMatch);
  EXPECT_EQ(verdict.action, Action::kHoldForReview);
  EXPECT_EQ(verdict.basis, Basis::kPartial);
  EXPECT_EQ(verdict.effort, Effort::kThorough);
  EXPECT_GE(verdict.variants_looked_up, 1);
  EXPECT_LE(verdict.variants_looked_up, static_cast<int>(kMaxVariants));
  EXPECT_FALSE(verdict.budget_ended);
  ASSERT_EQ(verdict.matches.size(), 1U);
  const Match& match = verdict.matches[0];
  EXPECT_EQ(match.entry, entry.number);
  ASSERT_TRUE(match.variant.has_value());
  EXPECT_EQ(match.variant->kind, VariantKind::kTrimmed);
  EXPECT_NEAR(match.variant->rectangle.x, 60, 3);
  EXPECT_NEAR(match.variant->rectangle.width, 320, 6);
  EXPECT_LE(match.distance, kDefaultMaxDistance);
}

TEST_F(VariantsTest, ACopyThatShowsALittleMoreIsFoundByItsMiddle) {
  const Picture upload = Scene(400, 320, 3);
  Picture known{.width = 380, .height = 304, .order = upload.order, .data = {}};
  const auto channels = static_cast<std::ptrdiff_t>(upload.view().channels());
  for (int y = 8; y < 312; ++y) {
    const auto row = upload.data.begin() + y * 400 * channels;
    known.data.insert(known.data.end(), row + 10 * channels, row + 390 * channels);
  }
  Know(Encode(known, ".png"));
  const Encoded file = Encode(upload, ".png");
  EXPECT_EQ(Check(file).outcome, Outcome::kNoMatch);
  const Verdict verdict = Check(file, Thorough());
  ASSERT_EQ(verdict.outcome, Outcome::kMatch);
  EXPECT_EQ(verdict.action, Action::kHoldForReview);
  EXPECT_EQ(verdict.matches[0].distance, 0);
  EXPECT_EQ(verdict.matches[0].variant,
            (Variant{VariantKind::kMiddle, {.x = 10, .y = 8, .width = 380, .height = 304}}));
}

TEST_F(VariantsTest, WhatIsFoundInTheWholeIsNotWeakenedByItsParts) {
  Know(original_);
  const Verdict verdict = Check(original_, Thorough());
  ASSERT_EQ(verdict.outcome, Outcome::kMatch);
  EXPECT_EQ(verdict.action, Action::kProvisionalBlock);
  EXPECT_FALSE(verdict.matches[0].variant.has_value());
  EXPECT_EQ(verdict.upload, Check(original_).upload);
}

TEST_F(VariantsTest, AMirroredFramedCopyIsFoundUnlessOnlyTheOriginalIsAskedFor) {
  Know(original_);
  const Encoded upload = Encode(Framed(testing::Mirrored(picture_), 60, 255), ".jpg");
  const Verdict verdict = Check(upload, Thorough());
  ASSERT_EQ(verdict.outcome, Outcome::kMatch);
  EXPECT_EQ(verdict.matches[0].orientation, Orientation::kFlipY);
  CheckOptions upright = Thorough();
  upright.all_orientations = false;
  EXPECT_EQ(Check(upload, upright).outcome, Outcome::kNoMatch);
}

TEST_F(VariantsTest, AHarmlessPictureInACollageDoesNotAllowTheRest) {
  const Principal operator_ = testing::WithRole(Role::kOperator, "operations");
  world_.MakeList(operator_, "harmless", ListKind::kAllow);
  world_.Submit(operator_, "harmless", testing::EntryOf({PdqOfImage(innocent_)}));
  Picture collage = testing::Canvas(2 * 320, 240, 255, picture_);
  PasteAt(picture_, 0, 0, &collage);
  PasteAt(OtherScene(), 320, 0, &collage);
  const Encoded upload = Encode(collage, ".jpg");
  const Verdict unknown = Check(upload, Thorough());
  EXPECT_EQ(unknown.outcome, Outcome::kNoMatch);
  EXPECT_EQ(unknown.basis, Basis::kNothingKnown);
  Know(original_);
  const Verdict verdict = Check(upload, Thorough());
  ASSERT_EQ(verdict.outcome, Outcome::kMatch);
  EXPECT_EQ(verdict.action, Action::kHoldForReview);
}

TEST_F(VariantsTest, TheServersEffortCountsWhenTheCheckDoesNotSay) {
  Know(original_);
  const Pipeline thorough = pipeline({.effort = Effort::kThorough});
  EXPECT_EQ(Take(thorough.CheckImage(framed_, From("forum"))).outcome, Outcome::kMatch);
  CheckOptions fast = From("forum");
  fast.effort = Effort::kFast;
  EXPECT_EQ(Take(thorough.CheckImage(framed_, fast)).outcome, Outcome::kNoMatch);
}

TEST_F(VariantsTest, AVerdictSaysThatTheBudgetEndedTheSearch) {
  Know(original_);
  const Pipeline hurried = pipeline({.thorough_us = 0});
  const Verdict verdict = Take(hurried.CheckImage(framed_, Thorough()));
  EXPECT_EQ(verdict.outcome, Outcome::kNoMatch);
  EXPECT_TRUE(verdict.budget_ended);
  EXPECT_EQ(verdict.variants_looked_up, 0);
  EXPECT_EQ(Take(hurried.CheckImage(original_, Thorough())).outcome, Outcome::kMatch);
  EXPECT_FALSE(Take(hurried.CheckImage(framed_, From("forum"))).budget_ended);
}

TEST_F(VariantsTest, APictureWhoseWholeIsFeaturelessIsFoundAllTheSame) {
  Know(original_);
  Picture page = testing::Canvas(1200, 1200, 255, picture_);
  PasteAt(testing::Halved(picture_), 500, 500, &page);
  const Encoded upload = Encode(page, ".png");
  EXPECT_EQ(Check(upload).not_scanned, NotScanned::kFeatureless);
  const Verdict verdict = Check(upload, Thorough());
  EXPECT_EQ(verdict.outcome, Outcome::kMatch);
  EXPECT_FALSE(verdict.upload.empty());
  // And without a match it is still not called clean.
  EXPECT_EQ(Check(Encode(testing::Flat(900, 900, 255), ".png"), Thorough()).outcome,
            Outcome::kNotScanned);
}

TEST_F(VariantsTest, AFrameOfAnAnimationIsLookedIntoAsWell) {
  Know(original_);
  const Picture other = Framed(OtherScene(), 60, 255);
  const Encoded upload = testing::EncodeAnimatedWebp({Framed(picture_, 60, 255), other});
  const Verdict verdict = Check(upload, Thorough());
  ASSERT_EQ(verdict.outcome, Outcome::kMatch);
  EXPECT_EQ(verdict.matches[0].frame, 0);
  EXPECT_TRUE(verdict.matches[0].variant.has_value());
}

TEST(HashEncoded, PartsAreBoundedHaveFeaturesAndLieInThePicture) {
  PdqScratch scratch;
  const Encoded upload = Encode(Framed(Scene(1400, 1000, 4), 200, 0), ".jpg");
  HashOptions options{
      .mode = DecodeMode::kFast, .max_variants = 3, .variants_budget_ns = 3'600'000'000'000};
  const HashedImage image = Take(HashEncoded(upload, options, scratch));
  ASSERT_FALSE(image.variants.empty());
  EXPECT_LE(image.variants.size(), 3U);
  EXPECT_FALSE(image.variants_cut_short);
  EXPECT_NEAR(image.variants[0].variant.rectangle.width, 1400, 12);
  for (const HashedVariant& part : image.variants) {
    const Rectangle& r = part.variant.rectangle;
    EXPECT_GE(part.pdq.quality, options.min_quality);
    EXPECT_GE(std::min(r.x, r.y), 0);
    EXPECT_LE(r.x + r.width, 1800);
    EXPECT_LE(r.y + r.height, 1400);
  }
  options.variants_budget_ns = 0;
  EXPECT_TRUE(Take(HashEncoded(upload, options, scratch)).variants_cut_short);
  options.max_variants = 0;
  const HashedImage whole = Take(HashEncoded(upload, options, scratch));
  EXPECT_TRUE(whole.variants.empty());
  EXPECT_FALSE(whole.variants_cut_short);
  EXPECT_EQ(whole.variants_ns, 0);
}

}  // namespace
}  // namespace vigie
