#include "server/app/policy_file.h"

#include <gmock/gmock.h>

#include <fstream>
#include <string>

#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The message of the refusal of `text`; "" when it is taken.
std::string Refusal(std::string_view text) {
  const absl::StatusOr<Policy> policy = ParsePolicy(text);
  if (policy.ok()) return "";
  EXPECT_EQ(ReasonOf(policy.status()), "CONFIG_INVALID");
  return std::string(MessageOf(policy.status()));
}

TEST(ParsePolicy, ReadsEveryKey) {
  const absl::StatusOr<Policy> policy = ParsePolicy(R"(
name = "2026-11"

[[rule]]
states = ["provisional", "contested"]
kinds = ["block"]
categories = ["ncii", "ncii_threat"]
lists = ["known", "other-1"]
organisations = ["forum"]
from_distance = 25
court_basis = false
effect = "ignore"

[[rule]]
effect = "hold_for_review"
)");
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_EQ(policy->name(), "2026-11");
  ASSERT_EQ(policy->rules().size(), 2U);
  const PolicyRule& rule = policy->rules()[0];
  EXPECT_THAT(rule.states, ElementsAre(EntryState::kProvisional, EntryState::kContested));
  EXPECT_THAT(rule.kinds, ElementsAre(ListKind::kBlock));
  EXPECT_THAT(rule.categories, ElementsAre(Category::kNcii, Category::kNciiThreat));
  EXPECT_THAT(rule.lists, ElementsAre("known", "other-1"));
  EXPECT_THAT(rule.organisations, ElementsAre("forum"));
  EXPECT_EQ(rule.from_distance, 25);
  EXPECT_EQ(rule.court_basis, false);
  EXPECT_EQ(rule.at_most, std::nullopt);
  const PolicyRule& all = policy->rules()[1];
  EXPECT_THAT(all.states, IsEmpty());
  EXPECT_EQ(all.court_basis, std::nullopt);
  EXPECT_EQ(all.at_most, Action::kHoldForReview);
}

TEST(ParsePolicy, APolicyMayHaveNoRules) {
  EXPECT_EQ(Refusal("name = 'none'"), "");
  EXPECT_EQ(Refusal("name = 'none'\nrule = []"), "");
}

TEST(ParsePolicy, SaysWhereAndWhatWouldBeAccepted) {
  const std::string begin = "name = 'a'\n[[rule]]\neffect = 'hold_for_review'\n";
  const struct {
    std::string text;
    const char* line;
    const char* accepted;
  } kCases[] = {
      {"", "", "name = \"2026-11\""},
      {"name = ''", "", "1 to 64 characters"},
      {"name = 'a b'", "", "1 to 64 characters"},
      {"\nname = 1", "line 2: ", "name is a text"},
      {"name = 'a'\nrules = []", "line 2: ", "name and [[rule]]"},
      {"name = 'a'\n[policy]\n", "line 2: ", "name and [[rule]]"},
      {"name = 'a'\n[rule]\neffect = 'block'", "line 2: ", "[[rule]]"},
      {"name = 'a'\nrule = [1]", "line 2: ", "[[rule]]"},
      {"name = 'a'\nname = 'b'", "line 2: ", ""},
      {"name = 'a", "line 1: ", ""},
      {"name = '\xFF'", "line 1: ", ""},
      {"name = 'a'\n[[rule]]\nstates = ['confirmed']\n",
       "line 2: ", "report_only, hold_for_review, provisional_block, block, ignore"},
      {"name = 'a'\n[[rule]]\neffect = 'none'\n", "line 3: ", "provisional_block, block, ignore"},
      {"name = 'a'\n[[rule]]\neffect = ['block']\n", "line 3: ", "block, ignore"},
      {begin + "effect = 'block'\n", "line 4: ", ""},
      {begin + "distance = 3\n", "line 4: ", "from_distance"},
      {begin + "from_distance = -1\n", "line 4: ", "0 to 256"},
      {begin + "from_distance = 257\n", "line 4: ", "0 to 256"},
      {begin + "from_distance = 99999999999999\n", "line 4: ", "0 to 256"},
      {begin + "from_distance = 2.5\n", "line 4: ", "0 to 256"},
      {begin + "from_distance = '25'\n", "line 4: ", "0 to 256"},
      {begin + "court_basis = 'no'\n", "line 4: ", "true or false"},
      {begin + "court_basis = 0\n", "line 4: ", "true or false"},
      {begin + "states = 'confirmed'\n", "line 4: ", "list of one or more texts"},
      {begin + "states = []\n", "line 4: ", "without it the rule is about all"},
      {begin + "states = [3]\n", "line 4: ", "list of texts"},
      {begin + "states = ['Confirmed']\n", "line 4: ", "provisional, confirmed, contested"},
      {begin + "states = ['rejected']\n", "line 4: ", "provisional, confirmed, contested"},
      {begin + "states = ['contested',\n'contested']\n", "line 2: ", "twice"},
      {begin + "categories = ['NCII']\n", "line 4: ", "csam, csam_synthetic, ncii"},
      {begin + "kinds = ['deny']\n", "line 4: ", "block, allow"},
      {begin + "kinds = ['allow']\n", "line 2: ", "ignore"},
      {begin + "lists = ['lists/a']\n", "line 2: ", "a-z"},
      {begin + "organisations = ['']\n", "line 2: ", "a-z"},
      {"name = 'a'\n\n[[rule]]\neffect = 'ignore'\n", "line 3: ", "court_basis = false"},
      {"name = 'a'\n[[rule]]\neffect = 'ignore'\ncourt_basis = false\n[[rule]]\nstates = "
       "['confirmed']\nfrom_distance = 20\neffect = 'report_only'\n",
       "line 5: ", "court_basis = false"},
  };
  for (const auto& [text, line, accepted] : kCases) {
    const std::string message = Refusal(text);
    EXPECT_NE(message, "") << text;
    EXPECT_THAT(message, ::testing::StartsWith(line)) << text;
    EXPECT_THAT(message, HasSubstr(accepted)) << text;
  }
}

TEST(ReadPolicyFile, NamesTheFile) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.path() / "policy.toml";
  const auto refusal = [&path] {
    const absl::Status status = ReadPolicyFile(path).status();
    EXPECT_EQ(ReasonOf(status), "CONFIG_INVALID");
    EXPECT_THAT(std::string(MessageOf(status)), HasSubstr(path));
    return std::string(MessageOf(status));
  };
  EXPECT_THAT(refusal(), HasSubstr("cannot read"));
  std::ofstream(path) << "name = 'a'\nnone = 1\n";
  EXPECT_THAT(refusal(), HasSubstr(path + ": line 2: "));
  std::ofstream(path) << "name = 'a'\n" << std::string(1 << 20, '#');
  EXPECT_THAT(refusal(), HasSubstr("larger than"));
  std::ofstream(path) << "name = 'a'\n";
  EXPECT_EQ(ReadPolicyFile(path)->name(), "a");
  EXPECT_EQ(ReasonOf(ReadPolicyFile(folder.path().string()).status()), "CONFIG_INVALID");
}

}  // namespace
}  // namespace vigie
