#include <gmock/gmock.h>

#include <string>
#include <tuple>
#include <vector>

#include "engine/match/pipeline.h"
#include "tests/unit/match/pipeline_fixture.h"

namespace vigie {
namespace {

using testing::Encode;
using testing::Encoded;
using testing::EntryOf;
using ::testing::Not;
using testing::Sha256Print;
using ::testing::SizeIs;
using testing::WithRole;

class CheckImage : public testing::PipelineTest {};

TEST_F(CheckImage, FindsTheOriginalAndSaysEverythingAboutTheMatch) {
  const EntryRecord entry = Know(original_);
  const Verdict verdict = Check(original_);
  EXPECT_EQ(verdict.outcome, Outcome::kMatch);
  EXPECT_EQ(verdict.action, Action::kProvisionalBlock);
  EXPECT_EQ(verdict.basis, Basis::kProvisional);
  EXPECT_EQ(verdict.total_matches, 1U);
  EXPECT_EQ(verdict.revision, world_.catalog().revision());
  EXPECT_GE(verdict.upload_quality, 50);
  ASSERT_THAT(verdict.matches, SizeIs(1));
  const Match& match = verdict.matches[0];
  EXPECT_EQ(match.entry, entry.number);
  EXPECT_EQ(match.list_id, "known");
  EXPECT_EQ(match.kind, ListKind::kBlock);
  EXPECT_EQ(match.category, Category::kNcii);
  EXPECT_EQ(match.state, EntryState::kProvisional);
  EXPECT_EQ(match.expires_us, entry.expires_us);
  EXPECT_EQ(match.algorithm, Algorithm::kPdq);
  EXPECT_EQ(match.fingerprint, 0);
  EXPECT_LE(match.distance, 10);
  EXPECT_EQ(match.threshold, kDefaultMaxDistance);
  EXPECT_EQ(match.orientation, Orientation::kOriginal);
  EXPECT_EQ(match.upload_quality, verdict.upload_quality);
  EXPECT_EQ(match.entry_quality, entry.fingerprints[0].quality);
  EXPECT_EQ(match.action, Action::kProvisionalBlock);
  EXPECT_EQ(match.basis, Basis::kProvisional);
}

TEST_F(CheckImage, FindsRecompressedAndResizedCopies) {
  Know(original_);
  for (const auto& [name, bytes] :
       {std::pair<std::string, Encoded>("JPEG at 40", Encode(picture_, ".jpg", {.quality = 40})),
        {"PNG", Encode(picture_, ".png")},
        {"WebP", Encode(picture_, ".webp", {.quality = 60})},
        {"half the size", Encode(Halved(picture_), ".jpg")}}) {
    const Verdict verdict = Check(bytes);
    EXPECT_EQ(verdict.outcome, Outcome::kMatch) << name;
    if (verdict.matches.empty()) continue;
    EXPECT_EQ(verdict.matches[0].orientation, Orientation::kOriginal) << name;
  }
}

TEST_F(CheckImage, FindsMirroredAndTurnedCopiesUnlessAskedNotTo) {
  Know(original_);
  const std::tuple<testing::Picture, std::vector<Orientation>> copies[] = {
      {Mirrored(picture_), {Orientation::kFlipX, Orientation::kFlipY}},
      {UpsideDown(picture_), {Orientation::kRotate180}},
      {QuarterTurnClockwise(picture_), {Orientation::kRotate90, Orientation::kRotate270}},
      {QuarterTurnAnticlockwise(picture_), {Orientation::kRotate90, Orientation::kRotate270}},
  };
  std::vector<Orientation> seen;
  for (const auto& [copy, expected] : copies) {
    const Encoded bytes = Encode(copy, ".jpg");
    const Verdict verdict = Check(bytes);
    ASSERT_EQ(verdict.outcome, Outcome::kMatch) << Name(expected[0]);
    const Orientation found = verdict.matches[0].orientation;
    EXPECT_THAT(expected, ::testing::Contains(found)) << Name(found);
    EXPECT_THAT(seen, Not(::testing::Contains(found))) << "each turn has its own name";
    seen.push_back(found);
    CheckOptions as_it_is = From("forum");
    as_it_is.all_orientations = false;
    EXPECT_EQ(Check(bytes, as_it_is).outcome, Outcome::kNoMatch) << Name(found);
  }
}

TEST_F(CheckImage, AnotherPictureIsNoMatch) {
  Know(original_);
  const Verdict verdict = Check(innocent_);
  EXPECT_EQ(verdict.outcome, Outcome::kNoMatch);
  EXPECT_EQ(verdict.basis, Basis::kNothingKnown);
  EXPECT_GE(verdict.upload_quality, 50);
  EXPECT_EQ(verdict.revision, world_.catalog().revision());
}

TEST_F(CheckImage, WithNothingKnownThereIsNoMatch) {
  EXPECT_EQ(Check(original_).outcome, Outcome::kNoMatch);
}

TEST_F(CheckImage, AFeaturelessPictureIsNotScanned) {
  Know(original_);
  const Verdict verdict = Check(Encode(testing::Flat(300, 300, 128), ".png"));
  EXPECT_EQ(verdict.outcome, Outcome::kNotScanned);
  EXPECT_EQ(verdict.not_scanned, NotScanned::kFeatureless);
  EXPECT_FALSE(verdict.detail.empty());
}

TEST_F(CheckImage, TheQualityFloorIsInclusive) {
  Know(original_);
  const int quality = Check(original_).upload_quality;
  const auto with_floor = [&](int floor) {
    return testing::Take(pipeline({.min_quality = floor}).CheckImage(original_, From("forum")));
  };
  EXPECT_EQ(with_floor(quality).outcome, Outcome::kMatch);
  if (quality < 100) {
    EXPECT_EQ(with_floor(quality + 1).not_scanned, NotScanned::kFeatureless);
    EXPECT_EQ(with_floor(quality + 1).outcome, Outcome::kNotScanned);
  }
}

TEST_F(CheckImage, WhatCannotBeLookedAtIsNeverClean) {
  Know(original_);
  const auto refusal = [&](const Encoded& bytes, const PipelineOptions& options = {}) {
    const Verdict verdict = testing::Take(pipeline(options).CheckImage(bytes, From("forum")));
    EXPECT_EQ(verdict.outcome, Outcome::kNotScanned);
    EXPECT_FALSE(verdict.detail.empty());
    return verdict.not_scanned;
  };
  const std::string text = "%PDF-1.7 and nothing of ours";
  EXPECT_EQ(refusal({}), NotScanned::kCorrupt);
  EXPECT_EQ(refusal(Encoded(text.begin(), text.end())), NotScanned::kUnsupportedFormat);
  EXPECT_EQ(refusal(Encoded(1000, 'x')), NotScanned::kUnsupportedFormat);
  EXPECT_EQ(refusal(Encoded(original_.begin(), original_.begin() + 20)), NotScanned::kCorrupt);
  EXPECT_EQ(refusal(original_, {.limits = {.max_image_bytes = original_.size() - 1}}),
            NotScanned::kTooLarge);
  EXPECT_EQ(refusal(original_, {.limits = {.max_pixels = 320 * 240 - 1}}), NotScanned::kTooLarge);
}

TEST_F(CheckImage, ATruncatedPictureIsCorruptUnlessItMatches) {
  Encoded most = original_;
  most.resize(most.size() * 95 / 100);
  Encoded little = original_;
  little.resize(little.size() / 8);
  for (const Encoded& cut : {most, little}) {
    const Verdict verdict = Check(cut);
    EXPECT_EQ(verdict.outcome, Outcome::kNotScanned);
    EXPECT_EQ(verdict.not_scanned, NotScanned::kCorrupt)
        << Name(verdict.not_scanned) << ": cut off is the cause, also of a low quality";
  }
  Know(original_);
  EXPECT_EQ(Check(most).outcome, Outcome::kMatch) << "a match on what is left counts";
  world_.Submit(flagger_, "known", EntryOf({Sha256Print(testing::AsText(little))}));
  const Verdict copy = Check(little);
  EXPECT_EQ(copy.outcome, Outcome::kMatch);
  EXPECT_EQ(copy.matches[0].algorithm, Algorithm::kSha256);
}

TEST_F(CheckImage, AnExactCopyIsFoundEvenWhenItCannotBeDecoded) {
  const std::string video = "\x1a\x45\xdf\xa3 not a picture at all";
  const Encoded bytes(video.begin(), video.end());
  EXPECT_EQ(Check(bytes).outcome, Outcome::kNotScanned);
  for (const Fingerprint& print : {Sha256Print(video), testing::Md5Print(video)}) {
    const EntryRecord entry = world_.Submit(flagger_, "known", EntryOf({print}));
    const Verdict verdict = Check(bytes);
    EXPECT_EQ(verdict.outcome, Outcome::kMatch);
    ASSERT_FALSE(verdict.matches.empty());
    const Match& match = verdict.matches.back();
    EXPECT_EQ(match.entry, entry.number);
    EXPECT_EQ(match.algorithm, print.algorithm);
    EXPECT_EQ(match.distance, 0);
    EXPECT_EQ(match.threshold, 0);
    EXPECT_EQ(verdict.upload_quality, 0) << "no PDQ was computed";
  }
  EXPECT_EQ(Check(innocent_).outcome, Outcome::kNoMatch);
}

TEST_F(CheckImage, AFeaturelessPictureIsStillFoundAsAnExactCopy) {
  const Encoded blank = Encode(testing::Flat(300, 300, 128), ".png");
  world_.Submit(flagger_, "known", EntryOf({Sha256Print(testing::AsText(blank))}));
  EXPECT_EQ(Check(blank).outcome, Outcome::kMatch);
}

TEST_F(CheckImage, AfterTheDeadlineNothingIsLookedUp) {
  Know(original_);
  world_.Submit(flagger_, "known", EntryOf({Sha256Print(testing::AsText(original_))}));
  CheckOptions late = From("forum");
  late.deadline_us = world_.clock().Now();
  const Verdict verdict = Check(original_, late);
  EXPECT_EQ(verdict.outcome, Outcome::kNotScanned);
  EXPECT_EQ(verdict.not_scanned, NotScanned::kDeadline);
  late.deadline_us = world_.clock().Now() + 1;
  EXPECT_EQ(Check(original_, late).outcome, Outcome::kMatch);
}

TEST_F(CheckImage, AnExpiredOrWithdrawnEntryNoLongerMatches) {
  const EntryRecord entry = Know(original_);
  const EntryRecord second =
      world_.Submit(flagger_, "known", EntryOf({PdqOfImage(original_)}, "second"));
  EXPECT_EQ(Check(original_).total_matches, 2U);
  const std::string id = world_.catalog().EntryId(second.number);
  ASSERT_TRUE(world_.catalog().Transition(flagger_, "known", id, EntryAction::kWithdraw, {}).ok());
  EXPECT_EQ(Check(original_).total_matches, 1U);
  world_.clock().Set(entry.expires_us);
  EXPECT_EQ(Check(original_).outcome, Outcome::kNoMatch);
}

TEST_F(CheckImage, AnAllowListedPictureIsNoMatchAndSaysWhy) {
  Know(original_);
  const Principal operator_ = WithRole(Role::kOperator, "host");
  world_.MakeList(operator_, "benign", ListKind::kAllow);
  const EntryRecord allow = world_.Submit(operator_, "benign", EntryOf({PdqOfImage(original_)}));
  const Verdict verdict = Check(original_);
  EXPECT_EQ(verdict.outcome, Outcome::kNoMatch);
  EXPECT_EQ(verdict.basis, Basis::kAllowListed);
  ASSERT_TRUE(verdict.allowed_by.has_value());
  EXPECT_EQ(verdict.allowed_by->entry, allow.number);
  const Principal court = WithRole(Role::kAuthority, "court");
  world_.MakeList(court, "orders");
  NewEntry order = EntryOf({PdqOfImage(original_)});
  order.case_reference = "24/1";
  world_.Submit(court, "orders", order);
  const Verdict blocked = Check(original_);
  EXPECT_EQ(blocked.outcome, Outcome::kMatch);
  EXPECT_EQ(blocked.action, Action::kBlock);
  EXPECT_EQ(blocked.basis, Basis::kConfirmed);
}

TEST_F(CheckImage, NothingInAVerdictHoldsTheHash) {
  NewEntry entry = EntryOf({PdqOfImage(original_), Sha256Print(testing::AsText(original_))});
  world_.Submit(flagger_, "known", entry);
  std::vector<std::string> secrets;
  for (const Fingerprint& print : entry.fingerprints) {
    secrets.push_back(print.value);
    secrets.push_back(ToHex(AsBytes(print.value)));
    secrets.push_back(ToHex(AsBytes(print.value)).substr(0, 16));
  }
  Encoded cut = original_;
  cut.resize(cut.size() / 2);
  for (const Encoded& bytes : {original_, innocent_, cut, Encoded()}) {
    const Verdict verdict = Check(bytes);
    std::vector<std::string> texts = {verdict.detail};
    for (const Match& match : verdict.matches) texts.push_back(match.list_id);
    for (const std::string& text : texts) {
      for (const std::string& secret : secrets) {
        EXPECT_THAT(text, Not(::testing::HasSubstr(secret)));
      }
    }
  }
}

}  // namespace
}  // namespace vigie
