// Several pictures that are looked up together have the verdicts that each has alone.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/match/pipeline.h"
#include "tests/unit/match/pipeline_fixture.h"

namespace vigie {
namespace {

using testing::EntryOf;
using testing::PdqPrint;
using testing::Random;
using testing::Sha256Print;
using ::testing::SizeIs;

using Questions = std::vector<QueryFingerprint>;

// What a caller learns, in words.
std::string TextOf(const Verdict& verdict) {
  std::string text =
      absl::StrCat(static_cast<int>(verdict.outcome), " ", static_cast<int>(verdict.action), " ",
                   static_cast<int>(verdict.basis), " ", static_cast<int>(verdict.not_scanned), " ",
                   verdict.detail, " quality ", verdict.upload_quality, " of ",
                   verdict.total_matches, " revision ", verdict.revision,
                   verdict.upload.empty() ? "" : " named", " aside ", verdict.set_aside.size());
  for (const Match& match : verdict.matches) {
    absl::StrAppend(&text, "; ", match.entry, " ", match.list_id, " fingerprint ",
                    match.fingerprint, " distance ", match.distance, " of ", match.threshold,
                    " orientation ", static_cast<int>(match.orientation), " qualities ",
                    match.upload_quality, " ", match.entry_quality);
  }
  return text;
}

class CheckTogether : public testing::PipelineTest {
 protected:
  void SetUp() override {
    for (int i = 0; i < 12; ++i) {
      known_.push_back(random_.Hash());
      // Some lie near each other, so that an upload matches several.
      if (i % 3 == 2) known_.back() = random_.Near(known_[known_.size() - 2], 9);
      world_.Submit(flagger_, "known", EntryOf({PdqPrint(known_.back()), Sha256Print(Name(i))}));
    }
  }
  static std::string Name(size_t i) { return absl::StrCat("file ", i); }

  QueryFingerprint Question() {
    const size_t which = random_.Below(known_.size());
    const auto orientation = static_cast<Orientation>(random_.Below(kOrientations));
    switch (random_.Below(6)) {
      case 0:
        return {PdqPrint(random_.Near(known_[which], static_cast<int>(random_.Below(40)))),
                orientation};
      case 1:
        return {PdqPrint(known_[which], 20), orientation};  // too few features
      case 2:
        return {Sha256Print(Name(which))};
      case 3:
        return {Sha256Print("nobody's")};
      default:
        return {PdqPrint(random_.Hash()), orientation};
    }
  }
  std::vector<Questions> Pictures(size_t count) {
    std::vector<Questions> pictures(count);
    for (Questions& picture : pictures) {
      const size_t prints = 1 + random_.Below(8);
      for (size_t i = 0; i < prints; ++i) picture.push_back(Question());
      if (random_.OneIn(12)) picture.clear();                                // malformed
      if (random_.OneIn(12)) picture.push_back({PdqPrint(known_[0], 101)});  // likewise
    }
    return pictures;
  }

  Random random_{65};
  std::vector<Pdq256> known_;
};

TEST_F(CheckTogether, GivesEachTheVerdictThatItHasAlone) {
  int matched = 0;
  int clean = 0;
  int featureless = 0;
  int malformed = 0;
  for (const size_t count : {0, 1, 2, 7, 8, 9, 40, 200}) {
    const std::vector<Questions> pictures = Pictures(count);
    const auto together = pipeline().CheckTogether(pictures, From("forum"));
    ASSERT_THAT(together, SizeIs(count));
    for (size_t i = 0; i < count; ++i) {
      const auto alone = pipeline().CheckFingerprints(pictures[i], From("forum"));
      ASSERT_EQ(together[i].status(), alone.status()) << i << " of " << count;
      malformed += alone.ok() ? 0 : 1;
      if (!alone.ok()) continue;
      ASSERT_EQ(TextOf(*together[i]), TextOf(*alone)) << i << " of " << count;
      matched += alone->outcome == Outcome::kMatch ? 1 : 0;
      clean += alone->outcome == Outcome::kNoMatch ? 1 : 0;
      featureless += alone->outcome == Outcome::kNotScanned ? 1 : 0;
    }
  }
  for (const int some : {matched, clean, featureless, malformed}) EXPECT_GT(some, 5);
}

TEST_F(CheckTogether, WhatIsWrongWithTheRequestIsTheAnswerToAll) {
  const std::vector<Questions> pictures = Pictures(9);
  CheckOptions options = From("forum");
  options.lists = {"none"};
  for (const auto& verdict : pipeline().CheckTogether(pictures, options)) {
    EXPECT_EQ(ReasonOf(verdict.status()), "LIST_NOT_FOUND");
  }
}

TEST_F(CheckTogether, AfterTheDeadlineNoneIsClean) {
  const std::vector<Questions> pictures(9, Questions{{PdqPrint(random_.Hash())}});
  CheckOptions options = From("forum");
  options.deadline_us = 0;
  for (const auto& verdict : pipeline().CheckTogether(pictures, options)) {
    ASSERT_TRUE(verdict.ok());
    EXPECT_EQ(verdict->outcome, Outcome::kNotScanned);
    EXPECT_EQ(verdict->not_scanned, NotScanned::kDeadline);
  }
}

TEST_F(CheckTogether, TheTimesAreOfAllOfThem) {
  const std::vector<Questions> pictures(8, Questions{{PdqPrint(random_.Hash())}});
  CheckTimes times;
  CheckOptions options = From("forum");
  options.times = &times;
  ASSERT_THAT(pipeline().CheckTogether(pictures, options), SizeIs(8));
  EXPECT_GT(times.search_ns, 0);
  EXPECT_EQ(times.ShareOf(8).search_ns, times.search_ns / 8);
  EXPECT_EQ(times.ShareOf(0).search_ns, times.search_ns);
}

}  // namespace
}  // namespace vigie
