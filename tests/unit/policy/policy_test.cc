#include "engine/policy/policy.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/policy/decide.h"
#include "tests/unit/policy/every_value.h"

namespace vigie {
namespace {

using ::testing::HasSubstr;

constexpr ListKind kKinds[] = {ListKind::kBlock, ListKind::kAllow};

Policy MakePolicy(std::vector<PolicyRule> rules) {
  absl::StatusOr<Policy> policy = Policy::Make("test", std::move(rules));
  EXPECT_TRUE(policy.ok()) << policy.status();
  return policy.ok() ? *policy : Policy();
}

std::string RefusalOf(const PolicyRule& rule) {
  const absl::Status status = CheckRule(rule);
  EXPECT_EQ(ReasonOf(Policy::Make("test", {rule}).status()), ReasonOf(status));
  return ReasonOf(status);
}

Match MatchOf(EntryNumber entry, int distance, EntryState state = EntryState::kProvisional,
              ListKind kind = ListKind::kBlock) {
  Match match;
  match.entry = entry;
  match.list_id = "known";
  match.kind = kind;
  match.category = Category::kNcii;
  match.state = state;
  match.distance = distance;
  match.threshold = 31;
  return match;
}

// One line of the table: a match, and a rule that asks of it what `asks_for` says.
struct Cell {
  Match match;
  PolicyRule rule;
  bool holds = true;  // the rule's conditions beside kind and distance
};

// The design's words, written a second time: what the only rule lets the only match be.
struct Expected {
  bool refused = false;
  bool matches = true;
  Action action = Action::kReportOnly;
  Basis basis = Basis::kNothingKnown;
};

Expected Model(const Cell& cell) {
  const auto& [match, rule, holds] = cell;
  Expected expected;
  const bool names_allow = !rule.kinds.empty() && rule.kinds.back() == ListKind::kAllow;
  const bool names_block = rule.kinds.empty() || rule.kinds.front() == ListKind::kBlock;
  const bool ignores = !rule.at_most.has_value();
  const bool reaches_court = names_block &&
                             (rule.states.empty() || rule.states[0] == EntryState::kConfirmed) &&
                             rule.court_basis != std::optional<bool>(false);
  expected.refused = (names_allow && !ignores) ||
                     (reaches_court && (ignores || rule.at_most == Action::kReportOnly));
  const bool kind = match.kind == ListKind::kAllow ? names_allow : names_block;
  const bool applies = holds && kind && match.distance >= rule.from_distance;
  const Effect base = EffectOf(match.state, match.list_action, match.category);
  expected.matches = !(applies && ignores);
  expected.action = base.action;
  expected.basis = base.basis;
  if (applies && !ignores && *rule.at_most < base.action) {
    expected.action = *rule.at_most;
    expected.basis = Basis::kPolicy;
  }
  return expected;
}

// True when the engine refuses the rule, or does with the match, what the model says.
::testing::AssertionResult Agrees(const Cell& cell) {
  const Expected expected = Model(cell);
  const absl::StatusOr<Policy> policy = Policy::Make("test", {cell.rule});
  if (policy.ok() == expected.refused) {
    return ::testing::AssertionFailure() << InWords(cell.rule) << ": " << policy.status();
  }
  if (expected.refused) return ::testing::AssertionSuccess();
  const Verdict verdict = Decide({cell.match}, *policy, "forum", 16);
  const bool allow = cell.match.kind == ListKind::kAllow;
  const bool same = verdict.policy == "test" &&
                    verdict.set_aside.size() == (expected.matches ? 0 : 1) &&
                    (allow ? verdict.outcome == Outcome::kNoMatch &&
                                 verdict.allowed_by.has_value() == expected.matches
                           : (verdict.outcome == Outcome::kMatch) == expected.matches) &&
                    (allow || !expected.matches ||
                     (verdict.action == expected.action && verdict.basis == expected.basis &&
                      verdict.matches.at(0).action == expected.action));
  if (same) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << InWords(cell.rule) << ", of " << Name(cell.match.kind) << ' ' << Name(cell.match.state)
         << ' ' << Name(cell.match.category) << ' ' << Name(cell.match.list_action) << ": "
         << Name(verdict.outcome) << ' ' << Name(verdict.action) << ' ' << Name(verdict.basis);
}

// Calls `visit` with every match there can be.
void ForEveryMatch(const std::function<void(const Match&)>& visit) {
  for (const EntryState state : kStates) {
    for (const ListKind kind : kKinds) {
      for (const Category category : kCategories) {
        for (const Action list_action : kActions) {
          for (const bool court : {false, true}) {
            for (const int distance : {0, 14, 15, 31}) {
              Match match = MatchOf(7, distance, state, kind);
              match.category = category;
              match.list_action = list_action;
              match.court_basis = court;
              visit(match);
            }
          }
        }
      }
    }
  }
}

// The conditions of one rule that hold for `match`, and one for each way in which one does not.
std::vector<Cell> ConditionsFor(const Match& match) {
  const auto other_state =
      match.state == EntryState::kContested ? EntryState::kProvisional : EntryState::kContested;
  const auto other_category = match.category == Category::kNcii ? Category::kCsam : Category::kNcii;
  std::vector<Cell> cells = {
      {match, {}, true},
      {match, {.states = {match.state}}, true},
      {match, {.states = {other_state}}, false},
      {match, {.states = {match.state}, .categories = {other_category, match.category}}, true},
      {match, {.categories = {other_category}}, false},
      {match, {.lists = {"known"}, .court_basis = false}, !match.court_basis},
      {match, {.lists = {"other"}, .court_basis = false}, false},
      {match, {.court_basis = true}, match.court_basis},
      {match, {.organisations = {"network", "forum"}, .court_basis = false}, !match.court_basis},
      {match, {.organisations = {"network"}}, false},
      {match, {.from_distance = 15, .court_basis = false}, !match.court_basis},
      {match, {.from_distance = 15}, true},
  };
  return cells;
}

TEST(Policy, DoesWhatTheModelSaysForEveryMatchAndRule) {
  uint64_t cells = 0;
  uint64_t refused = 0;
  const std::vector<std::vector<ListKind>> kinds = {
      {}, {ListKind::kBlock}, {ListKind::kAllow}, {ListKind::kBlock, ListKind::kAllow}};
  std::vector<std::optional<Action>> effects(std::begin(kActions), std::end(kActions));
  effects.emplace_back(std::nullopt);
  ForEveryMatch([&](const Match& match) {
    for (Cell& cell : ConditionsFor(match)) {
      for (const auto& kind : kinds) {
        for (const auto& effect : effects) {
          cell.rule.kinds = kind;
          cell.rule.at_most = effect;
          ASSERT_TRUE(Agrees(cell));
          ++cells;
          refused += Model(cell).refused ? 1 : 0;
        }
      }
    }
  });
  RecordProperty("cells", std::to_string(cells));
  std::printf("policy: %lu cells, in %lu of them the rule is refused\n", cells, refused);
  EXPECT_EQ(cells, 9U * 2 * 7 * 4 * 2 * 4 * 12 * 4 * 5);
  EXPECT_GT(refused, cells / 10);
  EXPECT_LT(refused, cells / 3 * 2);
}

TEST(Policy, NeverUndoesACourt) {
  const PolicyRule ignore{.at_most = std::nullopt};
  const PolicyRule report{.at_most = Action::kReportOnly};
  for (PolicyRule rule : {ignore, report}) {
    EXPECT_EQ(RefusalOf(rule), "POLICY_INVALID");
    rule.from_distance = 25;
    EXPECT_EQ(RefusalOf(rule), "POLICY_INVALID") << "also at a distance";
    rule.court_basis = true;
    EXPECT_EQ(RefusalOf(rule), "POLICY_INVALID");
    rule.states = {EntryState::kProvisional, EntryState::kContested};
    EXPECT_EQ(RefusalOf(rule), "") << "the court's decision is not in force, or not yet";
    rule.states = {EntryState::kProvisional, EntryState::kConfirmed};
    EXPECT_EQ(RefusalOf(rule), "POLICY_INVALID");
    rule.court_basis = false;
    EXPECT_EQ(RefusalOf(rule), "");
  }
  // A court has decided about a picture; whether a resembling one is it, a human may look first.
  EXPECT_EQ(RefusalOf({.at_most = Action::kHoldForReview}), "");
}

TEST(Policy, RefusesRulesThatCannotBeMeant) {
  EXPECT_EQ(RefusalOf({.from_distance = -1}), "POLICY_INVALID");
  EXPECT_EQ(RefusalOf({.from_distance = 257}), "POLICY_INVALID");
  EXPECT_EQ(RefusalOf({.from_distance = 256}), "");
  EXPECT_EQ(RefusalOf({.states = {kStates[1], kStates[1]}}), "POLICY_INVALID");
  EXPECT_EQ(RefusalOf({.categories = {Category::kNcii, Category::kNcii}}), "POLICY_INVALID");
  EXPECT_EQ(RefusalOf({.lists = {"a", "b", "a"}}), "POLICY_INVALID");
  EXPECT_EQ(RefusalOf({.lists = {"lists/a"}}), "POLICY_INVALID");
  EXPECT_EQ(RefusalOf({.organisations = {""}}), "POLICY_INVALID");
  EXPECT_EQ(RefusalOf({.kinds = {ListKind::kAllow}, .at_most = Action::kBlock}), "POLICY_INVALID");
  EXPECT_EQ(RefusalOf({.kinds = {ListKind::kAllow}, .at_most = std::nullopt}), "");
}

TEST(Policy, NamesTheRuleThatItRefuses) {
  const absl::Status status = Policy::Make("a", {{}, {.from_distance = -1}}).status();
  EXPECT_THAT(std::string(MessageOf(status)), HasSubstr("rule 2: "));
}

TEST(Policy, HasANameAndAtMostSoManyRules) {
  for (const char* name : {"", " ", "a b", "été", "a/b", "a\n"}) {
    EXPECT_EQ(ReasonOf(Policy::Make(name, {}).status()), "POLICY_INVALID") << name;
  }
  EXPECT_EQ(ReasonOf(Policy::Make(std::string(65, 'a'), {}).status()), "POLICY_INVALID");
  EXPECT_TRUE(Policy::Make(std::string(64, 'a'), {}).ok());
  EXPECT_EQ(Policy::Make("2026-11_b.1", {})->name(), "2026-11_b.1");
  EXPECT_TRUE(Policy::Make("a", std::vector<PolicyRule>(kMaxPolicyRules)).ok());
  EXPECT_EQ(ReasonOf(Policy::Make("a", std::vector<PolicyRule>(kMaxPolicyRules + 1)).status()),
            "POLICY_INVALID");
}

TEST(Policy, ThresholdIsTheLargestDistanceThatWouldHaveMatched) {
  const Policy policy = MakePolicy({
      {.states = {EntryState::kProvisional}, .from_distance = 25, .at_most = std::nullopt},
      {.states = {EntryState::kProvisional},
       .lists = {"known"},
       .from_distance = 12,
       .at_most = std::nullopt},
      {.from_distance = 3, .at_most = Action::kHoldForReview},
  });
  Match match = MatchOf(1, 11);
  EXPECT_EQ(Decide({match}, policy, "forum", 16).matches.at(0).threshold, 11);
  match.list_id = "other";
  EXPECT_EQ(Decide({match}, policy, "forum", 16).matches.at(0).threshold, 24);
  match.threshold = 20;
  EXPECT_EQ(Decide({match}, policy, "forum", 16).matches.at(0).threshold, 20)
      << "the list or the request asks for less";
  match.distance = 25;
  match.threshold = 31;
  const Verdict verdict = Decide({match}, policy, "forum", 16);
  EXPECT_EQ(verdict.outcome, Outcome::kNoMatch);
  EXPECT_EQ(verdict.basis, Basis::kNothingKnown);
  ASSERT_EQ(verdict.set_aside.size(), 1U);
  EXPECT_EQ(verdict.set_aside[0].threshold, 31);
}

TEST(Policy, TheNearestFingerprintOfAnEntryIsTheOneThatRulesJudge) {
  const Policy policy = MakePolicy(
      {{.states = {EntryState::kProvisional}, .from_distance = 10, .at_most = std::nullopt}});
  const Verdict verdict = Decide({MatchOf(1, 20), MatchOf(1, 9)}, policy, "forum", 16);
  ASSERT_EQ(verdict.matches.size(), 1U);
  EXPECT_EQ(verdict.matches[0].distance, 9);
}

TEST(Policy, AnIgnoredAllowMatchLetsTheBlockListsSpeak) {
  const Match known = MatchOf(1, 0);
  const Match harmless = MatchOf(2, 11, EntryState::kConfirmed, ListKind::kAllow);
  EXPECT_EQ(Decide({known, harmless}, Policy(), "forum", 16).basis, Basis::kAllowListed);
  const Policy strict =
      MakePolicy({{.kinds = {ListKind::kAllow}, .from_distance = 11, .at_most = std::nullopt}});
  const Verdict verdict = Decide({known, harmless}, strict, "forum", 16);
  EXPECT_EQ(verdict.action, Action::kProvisionalBlock);
  EXPECT_EQ(verdict.set_aside.at(0).entry, 2U);
  Match nearer = harmless;
  nearer.distance = 10;
  const Verdict allowed = Decide({known, nearer}, strict, "forum", 16);
  EXPECT_EQ(allowed.basis, Basis::kAllowListed);
  EXPECT_EQ(allowed.allowed_by->threshold, 10);
}

// Random matches of up to 8 entries, several of some.
std::vector<Match> SomeMatches(std::mt19937_64& bits) {
  const auto below = [&bits](uint64_t limit) { return static_cast<size_t>(bits() % limit); };
  std::vector<Match> matches;
  const size_t entries = below(9);
  for (size_t i = 1; i <= entries; ++i) {
    Match match = MatchOf(static_cast<EntryNumber>(i), 0, kStates[1 + below(3)],
                          below(6) == 0 ? ListKind::kAllow : ListKind::kBlock);
    match.court_basis = below(3) == 0;
    match.list_action = kActions[below(4)];
    match.category = kCategories[below(7)];
    match.list_id = below(2) == 0 ? "known" : "other";
    for (size_t f = 0; f <= below(3); ++f) {
      match.distance = static_cast<int>(below(32));
      matches.push_back(match);
    }
  }
  return matches;
}

// A random rule that is legal.
PolicyRule SomeRule(std::mt19937_64& bits, bool allow_too) {
  const auto below = [&bits](uint64_t limit) { return static_cast<size_t>(bits() % limit); };
  while (true) {
    PolicyRule rule;
    if (below(2) == 0) rule.states = {kStates[1 + below(3)]};
    if (below(3) == 0) rule.categories = {kCategories[below(7)]};
    if (below(3) == 0) rule.lists = {below(2) == 0 ? "known" : "other"};
    if (below(4) == 0) rule.organisations = {below(2) == 0 ? "forum" : "network"};
    if (below(2) == 0) rule.from_distance = static_cast<int>(below(32));
    if (below(2) == 0) rule.court_basis = below(4) == 0;
    rule.at_most = below(3) == 0 ? std::nullopt : std::optional<Action>(kActions[below(4)]);
    if (allow_too && below(4) == 0) {
      rule.kinds = {ListKind::kAllow};
      rule.at_most = std::nullopt;
    }
    if (CheckRule(rule).ok()) return rule;
  }
}

// How strong a verdict is: 0 for NO_MATCH.
int Strength(const Verdict& verdict) {
  return verdict.outcome == Outcome::kMatch ? static_cast<int>(verdict.action) : 0;
}

TEST(Policy, AnotherRuleNeverMakesAnythingStronger) {
  const uint64_t seed = 4;
  std::mt19937_64 bits(seed);
  uint64_t weakened = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::vector<PolicyRule> rules;
    for (uint64_t i = bits() % 4; i > 0; --i) rules.push_back(SomeRule(bits, /*allow_too=*/false));
    const std::vector<Match> matches = SomeMatches(bits);
    const Verdict before = Decide(matches, MakePolicy(rules), "forum", 100);
    rules.push_back(SomeRule(bits, /*allow_too=*/false));
    const Verdict after = Decide(matches, MakePolicy(rules), "forum", 100);
    ASSERT_LE(Strength(after), Strength(before)) << "seed " << seed << " round " << round;
    weakened += Strength(after) < Strength(before) ? 1 : 0;
    for (const Match& match : after.matches) {
      const auto it = std::find_if(before.matches.begin(), before.matches.end(),
                                   [&](const Match& b) { return b.entry == match.entry; });
      ASSERT_NE(it, before.matches.end());
      ASSERT_LE(match.action, it->action);
      ASSERT_LE(match.threshold, it->threshold);
    }
  }
  EXPECT_GT(weakened, 300U);
}

TEST(Policy, NothingIsEverStrongerThanStateListAndCategoryAllow) {
  const uint64_t seed = 5;
  std::mt19937_64 bits(seed);
  for (int round = 0; round < 5'000; ++round) {
    std::vector<PolicyRule> rules;
    for (uint64_t i = bits() % 6; i > 0; --i) rules.push_back(SomeRule(bits, /*allow_too=*/true));
    const std::vector<Match> matches = SomeMatches(bits);
    const Verdict verdict = Decide(matches, MakePolicy(rules), "forum", 100);
    for (const Match& match : verdict.matches) {
      ASSERT_LE(match.action, EffectOf(match.state, match.list_action, match.category).action)
          << "seed " << seed << " round " << round;
      ASSERT_LE(match.distance, match.threshold);
      if (match.state == EntryState::kConfirmed && match.court_basis &&
          match.list_action >= Action::kHoldForReview) {
        ASSERT_GE(match.action, Action::kHoldForReview) << "a court is not undone";
      }
    }
    for (const Match& match : verdict.set_aside) {
      const bool court = match.state == EntryState::kConfirmed && match.court_basis;
      ASSERT_FALSE(court && match.kind == ListKind::kBlock);
    }
  }
}

TEST(Policy, TheOrderOfRulesAndMatchesDoesNotMatter) {
  const uint64_t seed = 6;
  std::mt19937_64 bits(seed);
  for (int round = 0; round < 3'000; ++round) {
    std::vector<PolicyRule> rules;
    for (int i = 0; i < 5; ++i) rules.push_back(SomeRule(bits, /*allow_too=*/true));
    std::vector<Match> matches = SomeMatches(bits);
    const Verdict expected = Decide(matches, MakePolicy(rules), "forum", 3);
    std::shuffle(rules.begin(), rules.end(), bits);
    std::shuffle(matches.begin(), matches.end(), bits);
    const Verdict verdict = Decide(matches, MakePolicy(rules), "forum", 3);
    ASSERT_EQ(verdict.outcome, expected.outcome) << "seed " << seed << " round " << round;
    ASSERT_EQ(verdict.basis, expected.basis);
    ASSERT_EQ(Strength(verdict), Strength(expected));
    ASSERT_EQ(verdict.total_matches, expected.total_matches);
    ASSERT_EQ(verdict.matches.size(), expected.matches.size());
    for (size_t i = 0; i < verdict.matches.size(); ++i) {
      ASSERT_EQ(verdict.matches[i].entry, expected.matches[i].entry);
      ASSERT_EQ(verdict.matches[i].action, expected.matches[i].action);
      ASSERT_EQ(verdict.matches[i].threshold, expected.matches[i].threshold);
    }
  }
}

TEST(Candidates, HoldEveryEntryOnceAndAreEnoughToDecideAnew) {
  const uint64_t seed = 7;
  std::mt19937_64 bits(seed);
  for (int round = 0; round < 3'000; ++round) {
    const Policy first = MakePolicy({SomeRule(bits, true), SomeRule(bits, true)});
    const Policy second = MakePolicy({SomeRule(bits, true), SomeRule(bits, true)});
    const std::vector<Match> matches = SomeMatches(bits);
    const std::vector<Match> candidates = Candidates(Decide(matches, first, "forum", bits() % 3));
    const Verdict expected = Decide(matches, second, "forum", 100);
    const Verdict verdict = Decide(candidates, second, "forum", 100);
    ASSERT_EQ(verdict.outcome, expected.outcome) << "seed " << seed << " round " << round;
    ASSERT_EQ(verdict.basis, expected.basis);
    ASSERT_EQ(Strength(verdict), Strength(expected));
    ASSERT_EQ(verdict.total_matches, expected.total_matches);
    for (size_t i = 1; i < candidates.size(); ++i) {
      ASSERT_LT(candidates[i - 1].entry, candidates[i].entry);
    }
  }
}

TEST(InWords, SaysEveryConditionAndTheEffect) {
  EXPECT_EQ(InWords({}), "matches of block lists: at most block");
  EXPECT_EQ(InWords({.states = {EntryState::kProvisional, EntryState::kContested},
                     .kinds = {ListKind::kBlock},
                     .categories = {Category::kNcii},
                     .lists = {"a", "b"},
                     .organisations = {"forum"},
                     .from_distance = 25,
                     .court_basis = false,
                     .at_most = std::nullopt}),
            "matches of block lists, on uploads of forum, of lists a or b, of category ncii, that "
            "are provisional or contested, not decided by a court, from 25 bits on: not a match");
}

}  // namespace
}  // namespace vigie
