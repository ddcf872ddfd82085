// Animations through the pipeline: every frame that differs is looked up, and the verdict says so.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "engine/match/pipeline.h"
#include "tests/support/animations.h"
#include "tests/support/bmff_pictures.h"
#include "tests/unit/match/pipeline_fixture.h"

namespace vigie {
namespace {

using ::testing::ElementsAre;
using testing::Encoded;
using testing::EntryOf;
using ::testing::HasSubstr;
using testing::Picture;
using ::testing::SizeIs;

class CheckAnimation : public testing::PipelineTest {
 protected:
  static Picture Frame(uint64_t seed) { return testing::Scene(160, 120, seed); }

  // Frames that do not resemble each other, with `known` at one place.
  Encoded Animation(int frames, int known_at) {
    std::vector<Picture> pictures;
    for (int i = 0; i < frames; ++i) {
      pictures.push_back(i == known_at ? KnownSmall() : Frame(1000 + static_cast<uint64_t>(i)));
    }
    return testing::EncodeAnimatedWebp(pictures);
  }
  static const Picture& KnownSmall() {
    static const Picture picture = testing::Scene(160, 120, 7);
    return picture;
  }
  Verdict CheckWith(const Encoded& bytes, const PipelineOptions& options) {
    return testing::Take(pipeline(options).CheckImage(bytes, From("forum")));
  }
};

TEST_F(CheckAnimation, FindsAKnownFrameAndSaysWhich) {
  Know(original_);
  for (const int at : {0, 3, 8}) {
    const Verdict verdict = Check(Animation(9, at));
    ASSERT_EQ(verdict.outcome, Outcome::kMatch) << at;
    EXPECT_EQ(verdict.frames_decoded, 9);
    EXPECT_EQ(verdict.frames_looked_up, 9);
    ASSERT_TRUE(verdict.matches[0].frame.has_value());
    EXPECT_EQ(*verdict.matches[0].frame, at);
    EXPECT_EQ(verdict.matches[0].orientation, Orientation::kOriginal);
  }
  const Verdict none = Check(Animation(9, -1));
  EXPECT_EQ(none.outcome, Outcome::kNoMatch);
  EXPECT_EQ(none.frames_looked_up, 9);
}

TEST_F(CheckAnimation, AStillPictureHasNoFrameNumber) {
  Know(original_);
  const Verdict verdict = Check(original_);
  ASSERT_EQ(verdict.outcome, Outcome::kMatch);
  EXPECT_FALSE(verdict.matches[0].frame.has_value());
  EXPECT_EQ(verdict.frames_decoded, 0);
  EXPECT_EQ(verdict.frames_looked_up, 0);
}

TEST_F(CheckAnimation, FindsAMirroredFrameOfAGif) {
  // A GIF of greys finds the coloured original.
  Know(original_);
  const auto gray = [](const Picture& picture) {
    Picture result{
        .width = picture.width, .height = picture.height, .order = ChannelOrder::kGray, .data = {}};
    for (size_t i = 0; i < picture.data.size(); i += 3) {
      result.data.push_back(static_cast<uint8_t>(
          (114 * picture.data[i] + 587 * picture.data[i + 1] + 299 * picture.data[i + 2]) / 1000));
    }
    return result;
  };
  const Verdict verdict =
      Check(testing::EncodeGif({gray(Frame(1)), gray(Mirrored(KnownSmall())), gray(Frame(2))}));
  ASSERT_EQ(verdict.outcome, Outcome::kMatch);
  EXPECT_EQ(verdict.matches[0].frame, 1);
  EXPECT_NE(verdict.matches[0].orientation, Orientation::kOriginal);
}

TEST_F(CheckAnimation, FindsAFrameOfAnAvifSequence) {
  Know(original_);
  const Verdict verdict = Check(testing::EncodeAvif({Frame(1), Frame(2), KnownSmall()}));
  ASSERT_EQ(verdict.outcome, Outcome::kMatch);
  EXPECT_EQ(verdict.matches[0].frame, 2);
}

TEST_F(CheckAnimation, FindsAHeicAndAnAvif) {
  Know(original_);
  EXPECT_EQ(Check(testing::EncodeAvif({KnownSmall()})).outcome, Outcome::kMatch);
  const Encoded heic = testing::EncodeHeic(KnownScene(), /*turn=*/true);
  if (heic.empty()) GTEST_SKIP() << "libheif cannot write HEVC here";
  EXPECT_EQ(Check(heic).outcome, Outcome::kMatch);
}

TEST_F(CheckAnimation, LooksUpNoMoreFramesThanConfiguredSpreadOverTheWhole) {
  Know(original_);
  const Encoded bytes = Animation(40, 39);
  const Verdict all = CheckWith(bytes, {.max_frames = 40});
  EXPECT_EQ(all.frames_looked_up, 40);
  EXPECT_EQ(all.outcome, Outcome::kMatch);
  const Verdict some = CheckWith(bytes, {.max_frames = 4});
  EXPECT_EQ(some.frames_decoded, 40);
  EXPECT_EQ(some.frames_looked_up, 4);
  const Verdict one = CheckWith(Animation(40, 0), {.max_frames = 1});
  EXPECT_EQ(one.frames_looked_up, 1);
  EXPECT_EQ(one.matches.at(0).frame, 0);
}

TEST_F(CheckAnimation, FramesThatRepeatAnEarlierOneAreLookedUpOnce) {
  const Picture a = Frame(1);
  const Picture b = Frame(2);
  const Verdict verdict = Check(testing::EncodeAnimatedWebp({a, b, a, b, a, b}));
  EXPECT_EQ(verdict.frames_decoded, 6);
  EXPECT_EQ(verdict.frames_looked_up, 2);
}

TEST_F(CheckAnimation, FeaturelessFramesAreLeftOutUnlessAllAre) {
  const Picture blank = testing::Flat(160, 120, 10);
  const Picture white = testing::Flat(160, 120, 250);
  Know(original_);
  const Verdict mixed = Check(testing::EncodeAnimatedWebp({blank, Frame(1), white}));
  EXPECT_EQ(mixed.outcome, Outcome::kNoMatch);
  EXPECT_EQ(mixed.frames_looked_up, 1);
  const Verdict none = Check(testing::EncodeAnimatedWebp({blank, white}));
  EXPECT_EQ(none.outcome, Outcome::kNotScanned);
  EXPECT_EQ(none.not_scanned, NotScanned::kFeatureless);
}

TEST_F(CheckAnimation, WhatLiesBehindTheBoundIsNeverClean) {
  PipelineOptions options;
  options.limits.max_animation_pixels = 5 * 160 * 120;
  EXPECT_EQ(CheckWith(Animation(5, -1), options).outcome, Outcome::kNoMatch);
  const Verdict verdict = CheckWith(Animation(9, 7), options);
  EXPECT_EQ(verdict.outcome, Outcome::kNotScanned);
  EXPECT_EQ(verdict.not_scanned, NotScanned::kTooLarge);
  EXPECT_THAT(verdict.detail, HasSubstr("after 5 frames"));
  EXPECT_EQ(verdict.frames_decoded, 5);
  Know(original_);
  EXPECT_EQ(CheckWith(Animation(9, 7), options).outcome, Outcome::kNotScanned);
  EXPECT_EQ(CheckWith(Animation(9, 3), options).outcome, Outcome::kMatch)
      << "what was seen can match";
}

TEST_F(CheckAnimation, ADamagedAnimationIsCorruptUnlessItMatches) {
  testing::GifWriter writer(160, 120, testing::GrayPalette());
  Picture gray = testing::Scene(160, 120, 7);
  gray.order = ChannelOrder::kGray;
  for (size_t i = 0; i < gray.data.size() / 3; ++i) gray.data[i] = gray.data[3 * i + 1];
  gray.data.resize(gray.data.size() / 3);
  writer.Add(testing::FrameOf(gray));
  const Encoded cut = writer.Finish(/*trailer=*/false);
  EXPECT_EQ(Check(cut).not_scanned, NotScanned::kCorrupt);
  EXPECT_EQ(Check(cut).outcome, Outcome::kNotScanned);
  Know(original_);
  EXPECT_EQ(Check(cut).outcome, Outcome::kMatch);
}

// A clock that a test cannot turn while the pipeline works: it moves by itself at every look.
class MovingClock final : public Clock {
 public:
  TimeUs Now() const override { return ++now_; }

 private:
  mutable TimeUs now_ = 0;
};

TEST_F(CheckAnimation, TheDeadlineIsLookedAtBetweenFrames) {
  const MovingClock clock;
  const Pipeline pipeline(world_.catalog(), clock, {});
  CheckOptions options = From("forum");
  options.deadline_us = 6;
  const Verdict verdict = testing::Take(pipeline.CheckImage(Animation(9, -1), options));
  EXPECT_EQ(verdict.outcome, Outcome::kNotScanned);
  EXPECT_EQ(verdict.not_scanned, NotScanned::kDeadline);
  EXPECT_LT(verdict.frames_decoded, 9);
  EXPECT_GT(verdict.frames_decoded, 1);
}

TEST_F(CheckAnimation, HashGivesAFingerprintForEachFrameAndTwoDigests) {
  const auto prints =
      testing::Take(pipeline({.max_frames = 3}).Hash(Animation(9, 0), Profile::kReference, false))
          .fingerprints;
  ASSERT_THAT(prints, SizeIs(5));
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(prints[i].algorithm, Algorithm::kPdq);
  EXPECT_EQ(prints[3].algorithm, Algorithm::kSha256);
  EXPECT_EQ(prints[4].algorithm, Algorithm::kMd5);
  // Submitted as one entry, each of its frames is found.
  world_.Submit(flagger_, "known", EntryOf(prints));
  EXPECT_EQ(Check(original_).outcome, Outcome::kMatch);
  PipelineOptions bounded;
  bounded.limits.max_animation_pixels = 5 * 160 * 120;
  const auto refused = pipeline(bounded).Hash(Animation(9, 0), Profile::kReference, false);
  EXPECT_EQ(ReasonOf(refused.status()), "IMAGE_TOO_LARGE");
}

TEST(FramePicker, ChoosesEvenlyWithoutKnowingHowManyWillCome) {
  const auto pick = [](size_t most, int offered) {
    FramePicker picker(most);
    for (int i = 0; i < offered; ++i) picker.Offer({.number = i, .pdq = {}});
    std::vector<int> numbers;
    for (const HashedFrame& frame : std::move(picker).Pick()) numbers.push_back(frame.number);
    return numbers;
  };
  EXPECT_THAT(pick(4, 0), ElementsAre());
  EXPECT_THAT(pick(4, 3), ElementsAre(0, 1, 2));
  EXPECT_THAT(pick(4, 4), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(pick(4, 7), ElementsAre(0, 2, 4, 6));
  EXPECT_THAT(pick(1, 1000), ElementsAre(0));
  for (const size_t most : {2U, 3U, 16U, 62U}) {
    for (const int offered : {17, 100, 999, 10'000}) {
      const auto numbers = pick(most, offered);
      ASSERT_EQ(numbers.size(), std::min(most, static_cast<size_t>(offered)));
      EXPECT_EQ(numbers.front(), 0);
      EXPECT_GE(numbers.back(), offered / 2 - 1) << most << " of " << offered;
      for (size_t i = 1; i < numbers.size(); ++i) EXPECT_GT(numbers[i], numbers[i - 1]);
    }
  }
}

}  // namespace
}  // namespace vigie
