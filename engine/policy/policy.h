// What an operator asks for beyond state, list and category: rules that weaken. Pure values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/policy/verdict.h"

namespace vigie {

// What a rule does to the matches that fulfil all of its conditions.
struct PolicyRule {
  // Conditions. An empty one is fulfilled by everything, except `kinds`: empty is BLOCK lists only,
  // so that no rule touches what protects harmless pictures unless it says so.
  std::vector<EntryState> states = {};
  std::vector<ListKind> kinds = {};
  std::vector<Category> categories = {};
  std::vector<std::string> lists = {};          // ids
  std::vector<std::string> organisations = {};  // of the caller
  int from_distance = 0;                        // bits, inclusive, 0 to 256
  std::optional<bool> court_basis = std::nullopt;
  // The effect: the match may cause at most this; nullopt: it is not a match at all.
  std::optional<Action> at_most = Action::kBlock;
};

inline constexpr size_t kMaxPolicyRules = 1000;

// The rules in force. Immutable: any number of threads read one.
//
// Every rule whose conditions hold applies, and the weakest effect wins: the order of the rules has
// no meaning, and adding a rule never makes a match stronger. No rule makes a match stronger than
// EffectOf() allows. One kind of rule can make a verdict stronger: to ignore a match of an ALLOW
// list is to let the BLOCK lists speak.
class Policy {
 public:
  // No rules, no name.
  Policy() = default;

  // INVALID_ARGUMENT, reason POLICY_INVALID, for a name that is not 1 to 64 characters a-z, A-Z,
  // 0-9, '.', '_' and '-'; for more than kMaxPolicyRules; and for what CheckRule() refuses: the
  // message then begins with "rule N: ", counted from 1.
  static absl::StatusOr<Policy> Make(std::string name, std::vector<PolicyRule> rules);

  // What the rules make of one match.
  struct Ruling {
    bool ignored = false;
    Action at_most = Action::kBlock;  // never less for matches of ALLOW lists
    // The largest distance, at most the match's own threshold, at which no rule would ignore it.
    // -1: at every distance one would.
    int threshold = 0;
  };
  // `organisation` is the caller's.
  Ruling RulingOn(const Match& match, std::string_view organisation) const;

  const std::string& name() const { return name_; }
  const std::vector<PolicyRule>& rules() const { return rules_; }

 private:
  Policy(std::string name, std::vector<PolicyRule> rules)
      : name_(std::move(name)), rules_(std::move(rules)) {}

  std::string name_;
  std::vector<PolicyRule> rules_;
};

// True when all conditions of `rule` but its distance hold.
bool Concerns(const PolicyRule& rule, const Match& match, std::string_view organisation);

// INVALID_ARGUMENT, reason POLICY_INVALID, for a distance out of range, the same value twice, a
// name that cannot be one, a limited action for ALLOW lists (their matches cause none), and for
// what would undo a court: a rule that reaches CONFIRMED entries with a court basis and ignores
// them or leaves less than HOLD_FOR_REVIEW. What is held is not published.
absl::Status CheckRule(const PolicyRule& rule);

// The rule in words: "entries that are provisional, from 25 bits on: not a match".
std::string InWords(const PolicyRule& rule);

}  // namespace vigie
