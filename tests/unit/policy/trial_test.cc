#include "engine/policy/trial.h"

#include <gmock/gmock.h>

#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/policy/decide.h"

namespace vigie {
namespace {

using ::testing::ElementsAre;

Match Found(EntryNumber entry, int distance, ListKind kind = ListKind::kBlock) {
  Match match;
  match.entry = entry;
  match.list_id = "known";
  match.kind = kind;
  match.distance = distance;
  match.threshold = 31;
  match.state = kind == ListKind::kAllow ? EntryState::kConfirmed : EntryState::kProvisional;
  return match;
}

PastVerdict Given(std::vector<Match> candidates, const Policy& then = Policy(),
                  std::string organisation = "forum") {
  const Verdict verdict = Decide(std::move(candidates), then, organisation, 16);
  return {.time_us = 1,
          .organisation = std::move(organisation),
          .outcome = verdict.outcome,
          .action = verdict.action,
          .candidates = Candidates(verdict)};
}

uint64_t Count(const Trial& trial, Answer given, Answer now) {
  return trial.counts[static_cast<size_t>(given)][static_cast<size_t>(now)];
}

TEST(TryPolicy, CountsWhatWouldHaveBeenOtherwise) {
  const Policy policy = *Policy::Make(
      "next", {{.states = {EntryState::kProvisional}, .from_distance = 25, .at_most = std::nullopt},
               {.organisations = {"shop"}, .at_most = Action::kHoldForReview},
               {.lists = {"unused"}, .at_most = Action::kHoldForReview}});
  std::vector<PastVerdict> past = {
      Given({Found(1, 3)}),                 // as before
      Given({Found(1, 30)}),                // too far now
      Given({Found(1, 30), Found(2, 24)}),  // one of two
      Given({Found(1, 30)}, Policy(), "shop"),
      Given({Found(1, 3)}, Policy(), "shop"),
      Given({}),
  };
  for (size_t i = 0; i < past.size(); ++i) past[i].time_us = static_cast<TimeUs>(100 - i);
  const Trial trial = TryPolicy(policy, past);
  EXPECT_EQ(trial.verdicts, 6U);
  EXPECT_EQ(trial.changed, 3U);
  EXPECT_EQ(trial.first_us, 95);
  EXPECT_EQ(trial.last_us, 100);
  EXPECT_EQ(Count(trial, Answer::kProvisionalBlock, Answer::kProvisionalBlock), 2U);
  EXPECT_EQ(Count(trial, Answer::kProvisionalBlock, Answer::kNoMatch), 2U);
  EXPECT_EQ(Count(trial, Answer::kProvisionalBlock, Answer::kHoldForReview), 1U);
  EXPECT_EQ(Count(trial, Answer::kNoMatch, Answer::kNoMatch), 1U);
  EXPECT_THAT(trial.matches_by_rule, ElementsAre(3, 2, 0));
}

TEST(TryPolicy, ALaxerPolicyFindsWhatTheOneInForceIgnored) {
  const Policy strict = *Policy::Make(
      "strict",
      {{.states = {EntryState::kProvisional}, .from_distance = 5, .at_most = std::nullopt},
       {.kinds = {ListKind::kAllow}, .from_distance = 0, .at_most = std::nullopt}});
  const std::vector<PastVerdict> past = {
      Given({Found(1, 9)}, strict), Given({Found(1, 2), Found(2, 2, ListKind::kAllow)}, strict)};
  const Trial trial = TryPolicy(Policy(), past);
  EXPECT_EQ(Count(trial, Answer::kNoMatch, Answer::kProvisionalBlock), 1U);
  EXPECT_EQ(Count(trial, Answer::kProvisionalBlock, Answer::kNoMatch), 1U);
}

TEST(TryPolicy, WhatWasNotScannedStaysSoUnlessSomethingMatches) {
  PastVerdict nothing{.time_us = 1, .organisation = "forum", .candidates = {}};
  nothing.outcome = Outcome::kNotScanned;
  PastVerdict ignored = nothing;
  ignored.candidates = {Found(1, 4)};
  PastVerdict allowed = nothing;
  allowed.candidates = {Found(1, 4, ListKind::kAllow)};
  const std::vector<PastVerdict> past = {nothing, ignored, allowed};
  const Trial trial = TryPolicy(Policy(), past);
  EXPECT_EQ(Count(trial, Answer::kNotScanned, Answer::kNotScanned), 1U);
  EXPECT_EQ(Count(trial, Answer::kNotScanned, Answer::kProvisionalBlock), 1U);
  EXPECT_EQ(Count(trial, Answer::kNotScanned, Answer::kNoMatch), 1U);
}

TEST(TryPolicy, ThePolicyInForceThenChangesNothing) {
  const Policy policy = *Policy::Make("then", {{.at_most = Action::kHoldForReview}});
  const std::vector<PastVerdict> past = {Given({Found(1, 9)}, policy), Given({}, policy)};
  EXPECT_EQ(TryPolicy(policy, past).changed, 0U);
  EXPECT_EQ(TryPolicy(policy, {}).verdicts, 0U);
}

TEST(TryPolicy, APartStaysAPart) {
  Match part = Found(1, 3);
  part.variant.emplace();
  Match places = Found(2, 0);
  places.local.emplace();
  const std::vector<PastVerdict> past = {Given({part}), Given({places})};
  const Trial same = TryPolicy(Policy(), past);
  EXPECT_EQ(same.changed, 0U);
  EXPECT_EQ(Count(same, Answer::kHoldForReview, Answer::kHoldForReview), 2U);
  const Policy holds =
      *Policy::Make("holds", {{.at_most = Action::kHoldForReview},
                              {.court_basis = false, .at_most = Action::kReportOnly}});
  EXPECT_THAT(TryPolicy(holds, past).matches_by_rule, ElementsAre(0, 2));
}

TEST(Answer, HasAWordForEachOutcomeAndAction) {
  std::set<std::string_view> words;
  for (size_t i = 0; i < kAnswers; ++i) words.insert(Name(static_cast<Answer>(i)));
  EXPECT_EQ(words.size(), kAnswers);
  EXPECT_EQ(words.count("invalid"), 0U);
  EXPECT_EQ(AnswerOf(Outcome::kMatch, Action::kBlock), Answer::kBlock);
  EXPECT_EQ(AnswerOf(Outcome::kMatch, Action::kReportOnly), Answer::kReportOnly);
  EXPECT_EQ(AnswerOf(Outcome::kNoMatch, Action::kBlock), Answer::kNoMatch);
}

}  // namespace
}  // namespace vigie
