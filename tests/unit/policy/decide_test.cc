#include "engine/policy/decide.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/unit/policy/every_value.h"

namespace vigie {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Without a policy: what policies do is in policy_test.cc.
Verdict Decided(std::vector<Match> matches, size_t max_matches) {
  return Decide(std::move(matches), Policy(), "forum", max_matches);
}

// What each state may cause at most: the design's table, written a second time.
Action Ceiling(EntryState state) {
  if (state == EntryState::kConfirmed) return Action::kBlock;
  if (state == EntryState::kProvisional) return Action::kProvisionalBlock;
  if (state == EntryState::kContested) return Action::kHoldForReview;
  return Action::kReportOnly;
}

TEST(EffectOf, IsTheWeakestOfStateListAndCategoryForEveryCombination) {
  for (const EntryState state : kStates) {
    for (const Action list : kActions) {
      for (const Category category : kCategories) {
        Action expected = std::min(Ceiling(state), list);
        if (category == Category::kSourcePhoto) {
          expected = std::min(expected, Action::kHoldForReview);
        }
        EXPECT_EQ(EffectOf(state, list, category).action, expected)
            << Name(state) << ' ' << Name(list) << ' ' << Name(category);
      }
    }
  }
}

Match OfPart(Match match, int distance) {
  match.distance = distance;
  match.variant = Variant{};
  return match;
}

TEST(Decide, APartOfTheUploadIsHeldAndNeverWeakensTheWhole) {
  Match whole;
  whole.entry = 7;
  whole.state = EntryState::kConfirmed;
  whole.distance = 30;
  const Verdict part = Decided({OfPart(whole, 2)}, 16);
  EXPECT_EQ(part.action, Action::kHoldForReview);
  EXPECT_EQ(part.basis, Basis::kPartial);
  // The nearer one is of a part: the whole counts all the same, whatever the order.
  for (const auto& matches :
       {std::vector{OfPart(whole, 2), whole}, std::vector{whole, OfPart(whole, 2)}}) {
    const Verdict both = Decided(matches, 16);
    EXPECT_EQ(both.action, Action::kBlock);
    EXPECT_EQ(both.total_matches, 1U);
    EXPECT_FALSE(both.matches.at(0).variant.has_value());
  }
  // What asks for less anyway says why as before.
  whole.category = Category::kSourcePhoto;
  EXPECT_EQ(Decided({OfPart(whole, 2)}, 16).basis, Basis::kSourcePhoto);
}

Match ByPlaces(Match match, int inliers) {
  match.algorithm = Algorithm::kLocal;
  match.distance = 0;
  match.local = LocalEvidence{.inliers = inliers};
  return match;
}

TEST(Decide, PlacesThatAgreeAreHeldAndComeAfterWhatHasADistance) {
  Match known;
  known.entry = 7;
  known.state = EntryState::kConfirmed;
  known.distance = 20;
  const Verdict places = Decided({ByPlaces(known, 40)}, 16);
  EXPECT_EQ(places.action, Action::kHoldForReview);
  EXPECT_EQ(places.basis, Basis::kPartial);
  // Of one entry a hash of a part says more.
  const Verdict both = Decided({ByPlaces(known, 40), OfPart(known, 20)}, 16);
  ASSERT_EQ(both.matches.size(), 1U);
  EXPECT_TRUE(both.matches[0].variant.has_value());
  Match other = known;
  other.entry = 3;
  Match third = known;
  third.entry = 5;
  const Verdict several = Decided({ByPlaces(other, 9), ByPlaces(third, 30), OfPart(known, 31)}, 16);
  ASSERT_EQ(several.matches.size(), 3U);
  EXPECT_EQ(several.matches[0].entry, 7U);
  EXPECT_EQ(several.matches[1].entry, 5U);
  EXPECT_EQ(several.matches[2].entry, 3U);
  EXPECT_EQ(Decided({ByPlaces(known, 40), known}, 16).action, Action::kBlock);
}

TEST(Decide, APolicyThatIgnoresAPartLeavesThePlaces) {
  Match known;
  known.entry = 7;
  known.state = EntryState::kConfirmed;
  known.threshold = 31;
  PolicyRule rule;
  rule.from_distance = 11;
  rule.court_basis = false;
  rule.at_most = std::nullopt;
  const absl::StatusOr<Policy> strict = Policy::Make("strict", {rule});
  ASSERT_TRUE(strict.ok());
  const Verdict verdict = Decide({OfPart(known, 25), ByPlaces(known, 40)}, *strict, "forum", 16);
  ASSERT_EQ(verdict.outcome, Outcome::kMatch);
  EXPECT_TRUE(verdict.matches.at(0).local.has_value());
  EXPECT_EQ(verdict.action, Action::kHoldForReview);
}

TEST(Decide, AnAllowedPictureIsNotHeldForAPartOfWhatACourtConfirmed) {
  Match court;
  court.entry = 7;
  court.state = EntryState::kConfirmed;
  court.court_basis = true;
  court.threshold = 31;
  Match allowing;
  allowing.entry = 8;
  allowing.kind = ListKind::kAllow;
  for (const Match& part : {OfPart(court, 2), ByPlaces(court, 40)}) {
    const Verdict verdict = Decided({part, allowing}, 16);
    EXPECT_EQ(verdict.outcome, Outcome::kNoMatch);
    EXPECT_EQ(verdict.basis, Basis::kAllowListed);
    ASSERT_EQ(verdict.set_aside.size(), 1U);
  }
  EXPECT_EQ(Decided({court, allowing}, 16).action, Action::kBlock);
}

TEST(EffectOf, SaysWhatLimitedTheAction) {
  const auto basis = [](EntryState state, Action list, Category category) {
    return EffectOf(state, list, category).basis;
  };
  using enum EntryState;
  EXPECT_EQ(basis(kConfirmed, Action::kBlock, Category::kNcii), Basis::kConfirmed);
  EXPECT_EQ(basis(kProvisional, Action::kBlock, Category::kNcii), Basis::kProvisional);
  EXPECT_EQ(basis(kContested, Action::kBlock, Category::kNcii), Basis::kContested);
  EXPECT_EQ(basis(kContested, Action::kHoldForReview, Category::kNcii), Basis::kContested);
  EXPECT_EQ(basis(kConfirmed, Action::kHoldForReview, Category::kNcii), Basis::kListAction);
  EXPECT_EQ(basis(kProvisional, Action::kReportOnly, Category::kNcii), Basis::kListAction);
  EXPECT_EQ(basis(kConfirmed, Action::kBlock, Category::kSourcePhoto), Basis::kSourcePhoto);
  EXPECT_EQ(basis(kConfirmed, Action::kReportOnly, Category::kSourcePhoto), Basis::kListAction);
  EXPECT_EQ(basis(kContested, Action::kBlock, Category::kSourcePhoto), Basis::kContested);
}

Match Near(EntryNumber entry, int distance, EntryState state = EntryState::kProvisional) {
  Match match;
  match.entry = entry;
  match.list_id = "list";
  match.category = Category::kNcii;
  match.state = state;
  match.distance = distance;
  match.threshold = 31;
  return match;
}

Match Allow(EntryNumber entry, int distance) {
  Match match = Near(entry, distance, EntryState::kConfirmed);
  match.kind = ListKind::kAllow;
  match.list_action = Action::kReportOnly;
  return match;
}

Match Court(EntryNumber entry, int distance) {
  Match match = Near(entry, distance, EntryState::kConfirmed);
  match.court_basis = true;
  return match;
}

std::vector<EntryNumber> EntriesOf(const Verdict& verdict) {
  std::vector<EntryNumber> entries;
  for (const Match& match : verdict.matches) entries.push_back(match.entry);
  return entries;
}

TEST(Decide, NothingNearIsNoMatch) {
  const Verdict verdict = Decided({}, 16);
  EXPECT_EQ(verdict.outcome, Outcome::kNoMatch);
  EXPECT_EQ(verdict.basis, Basis::kNothingKnown);
  EXPECT_EQ(verdict.total_matches, 0U);
  EXPECT_FALSE(verdict.allowed_by.has_value());
}

TEST(Decide, StrongestActionFirstThenNearestThenOldest) {
  const Verdict verdict = Decided({Near(1, 0, EntryState::kContested), Near(2, 9), Near(4, 3),
                                   Near(3, 3), Near(5, 31, EntryState::kConfirmed)},
                                  16);
  EXPECT_EQ(verdict.outcome, Outcome::kMatch);
  EXPECT_EQ(verdict.action, Action::kBlock);
  EXPECT_EQ(verdict.basis, Basis::kConfirmed);
  EXPECT_THAT(EntriesOf(verdict), ElementsAre(5, 3, 4, 2, 1));
  EXPECT_EQ(verdict.matches[1].action, Action::kProvisionalBlock);
  EXPECT_EQ(verdict.matches[4].action, Action::kHoldForReview);
}

TEST(Decide, AnEntryIsListedOnceByItsNearestFingerprint) {
  Match far = Near(1, 20);
  far.fingerprint = 0;
  Match near = Near(1, 4);
  near.fingerprint = 3;
  near.orientation = Orientation::kFlipX;
  Match turned = Near(1, 4);
  turned.fingerprint = 1;
  turned.orientation = Orientation::kRotate90;
  const Verdict verdict = Decided({far, near, turned, Near(2, 30)}, 16);
  EXPECT_THAT(EntriesOf(verdict), ElementsAre(1, 2));
  EXPECT_EQ(verdict.total_matches, 2U);
  EXPECT_EQ(verdict.matches[0].distance, 4);
  EXPECT_EQ(verdict.matches[0].orientation, Orientation::kRotate90);
  EXPECT_EQ(verdict.matches[0].fingerprint, 1);
}

TEST(Decide, CapKeepsTheStrongestAndSaysHowManyThereWere) {
  const std::vector<Match> matches = {Near(1, 5), Near(2, 1), Near(3, 30, EntryState::kConfirmed)};
  const Verdict verdict = Decided(matches, 2);
  EXPECT_THAT(EntriesOf(verdict), ElementsAre(3, 2));
  EXPECT_EQ(verdict.total_matches, 3U);
  const Verdict none = Decided(matches, 0);
  EXPECT_EQ(none.outcome, Outcome::kMatch);
  EXPECT_EQ(none.action, Action::kBlock);
  EXPECT_THAT(none.matches, IsEmpty());
  EXPECT_EQ(none.total_matches, 3U);
}

TEST(Decide, AllowBeatsProvisionalContestedAndConfirmed) {
  for (const EntryState state :
       {EntryState::kProvisional, EntryState::kContested, EntryState::kConfirmed}) {
    const Verdict verdict = Decided({Near(1, 0, state), Allow(2, 31), Allow(3, 7)}, 16);
    EXPECT_EQ(verdict.outcome, Outcome::kNoMatch) << Name(state);
    EXPECT_EQ(verdict.basis, Basis::kAllowListed);
    EXPECT_THAT(verdict.matches, IsEmpty());
    EXPECT_EQ(verdict.total_matches, 0U);
    ASSERT_TRUE(verdict.allowed_by.has_value());
    EXPECT_EQ(verdict.allowed_by->entry, 3U) << "the nearest one";
  }
}

TEST(Decide, AllowDoesNotBeatACourt) {
  const Verdict verdict = Decided({Allow(1, 0), Near(2, 0), Court(3, 31)}, 16);
  EXPECT_EQ(verdict.outcome, Outcome::kMatch);
  EXPECT_EQ(verdict.action, Action::kBlock);
  EXPECT_THAT(EntriesOf(verdict), ElementsAre(3)) << "only the court's entry stands";
  EXPECT_EQ(verdict.total_matches, 1U);
  EXPECT_FALSE(verdict.allowed_by.has_value());
}

TEST(Decide, AllowBeatsACourtsEntryThatIsContested) {
  Match contested = Court(1, 0);
  contested.state = EntryState::kContested;
  EXPECT_EQ(Decided({contested, Allow(2, 0)}, 16).basis, Basis::kAllowListed);
}

TEST(Decide, OrderOfTheMatchesDoesNotMatter) {
  const uint64_t seed = 31;
  std::mt19937_64 bits(seed);
  const auto below = [&bits](uint64_t limit) { return bits() % limit; };
  const auto key = [](const Match& m) {
    return std::tuple(m.entry, m.distance, m.orientation, m.fingerprint, m.action, m.basis);
  };
  for (int round = 0; round < 300; ++round) {
    std::vector<Match> matches;
    // What is known of an entry is the same in all its matches.
    for (EntryNumber entry = 1; entry <= 1 + below(6); ++entry) {
      Match match = below(8) == 0 ? Allow(entry, 0) : Near(entry, 0, kStates[1 + below(3)]);
      match.court_basis = match.state == EntryState::kConfirmed && below(3) == 0;
      match.list_action = kActions[below(4)];
      match.category = kCategories[below(7)];
      for (int f = 0; f < 4; ++f) {
        match.fingerprint = f;
        match.distance = static_cast<int>(below(4));
        match.orientation = static_cast<Orientation>(below(3));
        matches.push_back(match);
      }
    }
    const size_t cap = below(5);
    const Verdict expected = Decided(matches, cap);
    for (int shuffle = 0; shuffle < 5; ++shuffle) {
      std::shuffle(matches.begin(), matches.end(), bits);
      const Verdict verdict = Decided(matches, cap);
      ASSERT_EQ(verdict.outcome, expected.outcome) << "seed " << seed << " round " << round;
      ASSERT_EQ(verdict.basis, expected.basis);
      ASSERT_EQ(verdict.total_matches, expected.total_matches);
      ASSERT_EQ(verdict.allowed_by.has_value(), expected.allowed_by.has_value());
      if (verdict.allowed_by.has_value()) {
        ASSERT_EQ(key(*verdict.allowed_by), key(*expected.allowed_by));
      }
      ASSERT_EQ(verdict.matches.size(), expected.matches.size());
      for (size_t i = 0; i < verdict.matches.size(); ++i) {
        ASSERT_EQ(key(verdict.matches[i]), key(expected.matches[i]));
      }
    }
  }
}

TEST(VerdictNames, AreDistinctWords) {
  for (const Outcome value : {Outcome::kMatch, Outcome::kNoMatch, Outcome::kNotScanned}) {
    EXPECT_NE(Name(value), "invalid");
  }
  for (int i = 1; i <= 5; ++i) EXPECT_NE(Name(static_cast<NotScanned>(i)), "invalid");
  for (int i = 1; i <= 10; ++i) EXPECT_NE(Name(static_cast<Basis>(i)), "invalid");
  EXPECT_EQ(Name(NotScanned::kTooLarge), "too_large");
  EXPECT_EQ(Name(Basis::kAllowListed), "allow_listed");
}

}  // namespace
}  // namespace vigie
