#include "engine/policy/policy.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace vigie {
namespace {

constexpr int kMaxDistanceBits = 256;
constexpr size_t kMaxName = 64;

absl::Status Invalid(std::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, "POLICY_INVALID", message);
}

template <typename T, typename Value>
bool Has(const std::vector<T>& values, const Value& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

// An empty condition holds for everything.
template <typename T, typename Value>
bool Holds(const std::vector<T>& condition, const Value& value) {
  return condition.empty() || Has(condition, value);
}

template <typename T>
bool SaysTwice(std::vector<T> values) {
  std::sort(values.begin(), values.end());
  return std::adjacent_find(values.begin(), values.end()) != values.end();
}

absl::Status CheckNames(std::string_view what, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (!IsName(name)) {
      return Invalid(absl::StrCat(ToAbsl(what), ": \"", name,
                                  "\" is no name: 1 to 63 characters a-z, 0-9 and '-', beginning "
                                  "with a letter, not ending with '-'"));
    }
  }
  return absl::OkStatus();
}

template <typename Enum>
std::string Words(const std::vector<Enum>& values) {
  return absl::StrJoin(values, " or ", [](std::string* out, Enum value) {
    absl::StrAppend(out, ToAbsl(Name(value)));
  });
}

}  // namespace

bool Concerns(const PolicyRule& rule, const Match& match, std::string_view organisation) {
  const bool kind =
      rule.kinds.empty() ? match.kind == ListKind::kBlock : Has(rule.kinds, match.kind);
  return kind && Holds(rule.states, match.state) && Holds(rule.categories, match.category) &&
         Holds(rule.lists, match.list_id) && Holds(rule.organisations, organisation) &&
         rule.court_basis.value_or(match.court_basis) == match.court_basis;
}

absl::Status CheckRule(const PolicyRule& rule) {
  if (rule.from_distance < 0 || rule.from_distance > kMaxDistanceBits) {
    return Invalid(
        absl::StrCat("from_distance is a whole number of bits from 0 to ", kMaxDistanceBits));
  }
  const std::pair<std::string_view, bool> twice[] = {
      {"states", SaysTwice(rule.states)},
      {"kinds", SaysTwice(rule.kinds)},
      {"categories", SaysTwice(rule.categories)},
      {"lists", SaysTwice(rule.lists)},
      {"organisations", SaysTwice(rule.organisations)},
  };
  for (const auto& [key, yes] : twice) {
    if (yes) return Invalid(absl::StrCat(ToAbsl(key), " names a value twice"));
  }
  VIGIE_RETURN_IF_ERROR(CheckNames("lists", rule.lists));
  VIGIE_RETURN_IF_ERROR(CheckNames("organisations", rule.organisations));
  if (rule.at_most.has_value() && Has(rule.kinds, ListKind::kAllow)) {
    return Invalid(
        "a match of an allow list causes no action that could be limited: the only effect for "
        "kinds = [\"allow\"] is \"ignore\"");
  }
  const bool block = rule.kinds.empty() || Has(rule.kinds, ListKind::kBlock);
  const bool court =
      block && Holds(rule.states, EntryState::kConfirmed) && rule.court_basis.value_or(true);
  if (court && rule.at_most.value_or(Action::kReportOnly) < Action::kHoldForReview) {
    return Invalid(
        "the rule would undo what a court has decided: say court_basis = false, or name states "
        "without confirmed, or let the effect be hold_for_review or more");
  }
  return absl::OkStatus();
}

absl::StatusOr<Policy> Policy::Make(std::string name, std::vector<PolicyRule> rules) {
  const bool spelled = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c < 0x80 && std::isalnum(c) != 0) || c == '.' || c == '_' || c == '-';
  });
  if (name.empty() || name.size() > kMaxName || !spelled) {
    return Invalid(
        absl::StrCat("name has 1 to ", kMaxName, " characters a-z, A-Z, 0-9, '.', '_' and '-'"));
  }
  if (rules.size() > kMaxPolicyRules) {
    return Invalid(absl::StrCat("a policy has at most ", kMaxPolicyRules, " rules"));
  }
  for (size_t i = 0; i < rules.size(); ++i) {
    if (const absl::Status status = CheckRule(rules[i]); !status.ok()) {
      return Invalid(absl::StrCat("rule ", i + 1, ": ", ToAbsl(MessageOf(status))));
    }
  }
  return Policy(std::move(name), std::move(rules));
}

Policy::Ruling Policy::RulingOn(const Match& match, std::string_view organisation) const {
  Ruling ruling;
  int ignore_from = kMaxDistanceBits + 1;
  for (const PolicyRule& rule : rules_) {
    if (!Concerns(rule, match, organisation)) continue;
    if (!rule.at_most.has_value()) {
      ignore_from = std::min(ignore_from, rule.from_distance);
    } else if (match.distance >= rule.from_distance) {
      ruling.at_most = std::min(ruling.at_most, *rule.at_most);
    }
  }
  ruling.ignored = match.distance >= ignore_from;
  ruling.threshold = std::min(match.threshold, ignore_from - 1);
  return ruling;
}

std::string InWords(const PolicyRule& rule) {
  std::vector<std::string> conditions;
  const auto say = [&conditions](std::string_view what, const std::string& values) {
    if (!values.empty()) conditions.push_back(absl::StrCat(ToAbsl(what), values));
  };
  say("on uploads of ", absl::StrJoin(rule.organisations, " or "));
  say("of lists ", absl::StrJoin(rule.lists, " or "));
  say("of category ", Words(rule.categories));
  say("that are ", Words(rule.states));
  if (rule.court_basis.has_value()) {
    conditions.push_back(*rule.court_basis ? "decided by a court" : "not decided by a court");
  }
  if (rule.from_distance > 0) {
    conditions.push_back(absl::StrCat("from ", rule.from_distance, " bits on"));
  }
  const std::string kinds = rule.kinds.empty() ? "block" : Words(rule.kinds);
  return absl::StrCat("matches of ", kinds, " lists", conditions.empty() ? "" : ", ",
                      absl::StrJoin(conditions, ", "), ": ",
                      rule.at_most.has_value() ? "at most " : "not a match",
                      rule.at_most.has_value() ? ToAbsl(Name(*rule.at_most)) : "");
}

}  // namespace vigie
