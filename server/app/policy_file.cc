#include "server/app/policy_file.h"

#include <toml++/toml.h>

#include <array>
#include <fstream>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace vigie {
namespace {

constexpr size_t kMaxFileBytes = 1 << 20;
constexpr std::string_view kIgnore = "ignore";
// The states in which an entry can match.
constexpr std::array kStates = {EntryState::kProvisional, EntryState::kConfirmed,
                                EntryState::kContested};

absl::Status Invalid(std::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, "CONFIG_INVALID", message);
}

absl::Status InvalidAt(const toml::node& node, std::string_view message) {
  return Invalid(absl::StrCat("line ", node.source().begin.line, ": ", ToAbsl(message)));
}

std::string StateWords() {
  return absl::StrJoin(kStates, ", ", [](std::string* out, EntryState state) {
    absl::StrAppend(out, ToAbsl(Name(state)));
  });
}

absl::Status ReadTexts(std::string_view key, const toml::node& node,
                       std::vector<std::string>* texts) {
  const toml::array* array = node.as_array();
  if (array == nullptr || array->empty()) {
    return InvalidAt(node, absl::StrCat(ToAbsl(key),
                                        " is a list of one or more texts; without it the rule is "
                                        "about all"));
  }
  for (const toml::node& element : *array) {
    const auto* text = element.as_string();
    if (text == nullptr) {
      return InvalidAt(element, absl::StrCat(ToAbsl(key), " is a list of texts"));
    }
    texts->push_back(text->get());
  }
  return absl::OkStatus();
}

template <typename Enum>
absl::Status ReadWords(std::string_view key, const toml::node& node, const std::string& accepted,
                       std::vector<Enum>* values) {
  std::vector<std::string> texts;
  VIGIE_RETURN_IF_ERROR(ReadTexts(key, node, &texts));
  for (const std::string& text : texts) {
    const std::optional<Enum> value = Parse<Enum>(text);
    if (!value.has_value()) {
      return InvalidAt(node, absl::StrCat(ToAbsl(key), ": \"", text, "\" is none of ", accepted));
    }
    values->push_back(*value);
  }
  return absl::OkStatus();
}

absl::Status ReadStates(const toml::node& node, std::vector<EntryState>* states) {
  VIGIE_RETURN_IF_ERROR(ReadWords("states", node, StateWords(), states));
  for (const EntryState state : *states) {
    if (std::find(kStates.begin(), kStates.end(), state) == kStates.end()) {
      return InvalidAt(node, absl::StrCat("states: an entry that is ", ToAbsl(Name(state)),
                                          " never matches; accepted: ", StateWords()));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadEffect(const toml::node& node, std::optional<Action>* at_most) {
  const auto* text = node.as_string();
  const std::optional<Action> action = text == nullptr ? std::nullopt : Parse<Action>(text->get());
  if (!action.has_value() && (text == nullptr || text->get() != kIgnore)) {
    return InvalidAt(node, absl::StrCat("effect is one of ", Names<Action>(), ", ignore"));
  }
  *at_most = action;
  return absl::OkStatus();
}

absl::Status ReadKey(std::string_view key, const toml::node& node, PolicyRule* rule) {
  if (key == "states") return ReadStates(node, &rule->states);
  if (key == "kinds") return ReadWords(key, node, Names<ListKind>(), &rule->kinds);
  if (key == "categories") return ReadWords(key, node, Names<Category>(), &rule->categories);
  if (key == "lists") return ReadTexts(key, node, &rule->lists);
  if (key == "organisations") return ReadTexts(key, node, &rule->organisations);
  if (key == "effect") return ReadEffect(node, &rule->at_most);
  if (key == "from_distance") {
    const auto* number = node.as_integer();
    if (number == nullptr || number->get() < 0 || number->get() > 256) {
      return InvalidAt(node, "from_distance is a whole number of bits from 0 to 256");
    }
    rule->from_distance = static_cast<int>(number->get());
    return absl::OkStatus();
  }
  if (key == "court_basis") {
    const auto* value = node.as_boolean();
    if (value == nullptr) return InvalidAt(node, "court_basis is true or false");
    rule->court_basis = value->get();
    return absl::OkStatus();
  }
  return InvalidAt(node, absl::StrCat("unknown key ", ToAbsl(key),
                                      "; a rule has states, kinds, categories, lists, "
                                      "organisations, from_distance, court_basis and effect"));
}

absl::Status ReadRule(const toml::node& node, PolicyRule* rule) {
  const toml::table* table = node.as_table();
  if (table == nullptr) return InvalidAt(node, "a rule is a table: [[rule]]");
  for (const auto& [key, value] : *table) {
    VIGIE_RETURN_IF_ERROR(ReadKey(key.str(), value, rule));
  }
  if (!table->contains("effect")) {
    return InvalidAt(node,
                     absl::StrCat("the rule has no effect: one of ", Names<Action>(), ", ignore"));
  }
  if (const absl::Status status = CheckRule(*rule); !status.ok()) {
    return InvalidAt(node, MessageOf(status));
  }
  return absl::OkStatus();
}

absl::StatusOr<Policy> PolicyOf(const toml::table& file) {
  std::string name;
  std::vector<PolicyRule> rules;
  for (const auto& [key, node] : file) {
    if (key.str() == "name") {
      const auto* text = node.as_string();
      if (text == nullptr) return InvalidAt(node, "name is a text");
      name = text->get();
    } else if (key.str() == "rule") {
      const toml::array* array = node.as_array();
      if (array == nullptr) return InvalidAt(node, "every rule begins with [[rule]]");
      for (const toml::node& element : *array) {
        VIGIE_RETURN_IF_ERROR(ReadRule(element, &rules.emplace_back()));
      }
    } else {
      return InvalidAt(node, absl::StrCat("unknown key ", std::string(key.str()),
                                          "; a policy has name and [[rule]]"));
    }
  }
  if (!file.contains("name")) {
    return Invalid("the policy has no name, for instance name = \"2026-11\": verdicts carry it");
  }
  absl::StatusOr<Policy> policy = Policy::Make(std::move(name), std::move(rules));
  if (!policy.ok()) return Invalid(MessageOf(policy.status()));
  return policy;
}

}  // namespace

absl::StatusOr<Policy> ParsePolicy(std::string_view text) {
  try {
    return PolicyOf(toml::parse(text));
  } catch (const toml::parse_error& e) {
    return Invalid(
        absl::StrCat("line ", e.source().begin.line, ": ", std::string(e.description())));
  }
}

absl::StatusOr<Policy> ReadPolicyFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  // A folder opens, and fails to be read.
  if (!file.is_open() || file.bad()) return Invalid(absl::StrCat("cannot read ", path));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kMaxFileBytes) {
    return Invalid(absl::StrCat(path, " is larger than ", kMaxFileBytes, " bytes"));
  }
  absl::StatusOr<Policy> policy = ParsePolicy(text);
  if (!policy.ok()) return Invalid(absl::StrCat(path, ": ", policy.status().message()));
  return policy;
}

}  // namespace vigie
