// vigie policy: what the rules of a policy file say, and what they would have done.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/policy/trial.h"
#include "engine/store/sqlite_store.h"
#include "server/app/config.h"
#include "server/app/policy_file.h"
#include "server/cli/cli.h"

namespace vigie {
namespace {

constexpr int kDefaultLast = 10'000;
constexpr int kMaxLast = static_cast<int>(kKeptVerdicts);

struct PolicyFlags {
  std::string file;
  std::string data_dir = Config{}.data_dir;
  int last = kDefaultLast;
  bool json = false;
};

// The last verdicts that were given, at most `last`, with what was near their uploads.
// Their lists are taken as they are now.
absl::StatusOr<std::vector<PastVerdict>> ReadPastVerdicts(Store& store, int last) {
  std::vector<VerdictRecord> records;
  VIGIE_ASSIGN_OR_RETURN(records, store.verdicts().ReadVerdicts(last));
  std::vector<ListRecord> stored;
  VIGIE_ASSIGN_OR_RETURN(stored, store.ReadLists());
  std::map<ListNumber, const ListRecord*> lists;
  for (const ListRecord& list : stored) lists[list.number] = &list;
  std::vector<PastVerdict> verdicts;
  for (const VerdictRecord& record : records) {
    PastVerdict verdict{.time_us = record.time_us,
                        .organisation = record.organisation,
                        .outcome = record.outcome,
                        .action = record.action.value_or(Action::kReportOnly),
                        .candidates = {}};
    for (const VerdictMatch& one : record.matches) {
      const auto list = lists.find(one.list);
      if (list == lists.end()) continue;
      Match match;
      match.entry = one.entry;
      match.list = one.list;
      match.list_id = list->second->id;
      match.kind = list->second->kind;
      match.category = list->second->category;
      match.list_action = list->second->action;
      match.state = one.state;
      match.court_basis = one.court_basis;
      match.suspension = one.suspension;
      match.released = one.released;
      match.algorithm = one.algorithm;
      match.distance = one.distance;
      // Which part it was is not kept; that it was one decides.
      if (one.algorithm == Algorithm::kLocal) match.local.emplace();
      if (one.partial && !match.local.has_value()) match.variant.emplace();
      verdict.candidates.push_back(std::move(match));
    }
    verdicts.push_back(std::move(verdict));
  }
  return verdicts;
}

int Check(const PolicyFlags& options) {
  const absl::StatusOr<Policy> policy = ReadPolicyFile(options.file);
  if (!policy.ok()) return Fail(policy.status());
  if (options.json) {
    auto rules = nlohmann::ordered_json::array();
    for (const PolicyRule& rule : policy->rules()) rules.push_back(InWords(rule));
    const nlohmann::ordered_json report = {{"name", policy->name()}, {"rules", rules}};
    std::puts(report.dump(2).c_str());
    return kExitOk;
  }
  std::printf("policy %s, valid\n", policy->name().c_str());
  int number = 0;
  for (const PolicyRule& rule : policy->rules()) {
    std::printf("%3d. %s\n", ++number, InWords(rule).c_str());
  }
  return kExitOk;
}

void PrintTrial(const Policy& policy, const Trial& trial) {
  std::printf("policy %s: %lu of %lu verdicts would have been others\n", policy.name().c_str(),
              static_cast<unsigned long>(trial.changed),
              static_cast<unsigned long>(trial.verdicts));
  for (size_t given = 0; given < kAnswers; ++given) {
    for (size_t now = 0; now < kAnswers; ++now) {
      const uint64_t count = trial.counts[given][now];
      if (count == 0) continue;
      std::printf("%10lu  %-17s -> %s\n", static_cast<unsigned long>(count),
                  std::string(Name(static_cast<Answer>(given))).c_str(),
                  std::string(Name(static_cast<Answer>(now))).c_str());
    }
  }
  for (size_t i = 0; i < trial.matches_by_rule.size(); ++i) {
    std::printf("%10lu  matches concern rule %lu: %s\n",
                static_cast<unsigned long>(trial.matches_by_rule[i]),
                static_cast<unsigned long>(i + 1), InWords(policy.rules()[i]).c_str());
  }
}

void PrintTrialAsJson(const Policy& policy, const Trial& trial) {
  nlohmann::ordered_json report = {{"name", policy.name()},
                                   {"verdicts", trial.verdicts},
                                   {"changed", trial.changed},
                                   {"first_us", trial.first_us},
                                   {"last_us", trial.last_us},
                                   {"answers", nlohmann::ordered_json::array()},
                                   {"rules", nlohmann::ordered_json::array()}};
  for (size_t given = 0; given < kAnswers; ++given) {
    for (size_t now = 0; now < kAnswers; ++now) {
      if (trial.counts[given][now] == 0) continue;
      report["answers"].push_back({{"given", Name(static_cast<Answer>(given))},
                                   {"new", Name(static_cast<Answer>(now))},
                                   {"count", trial.counts[given][now]}});
    }
  }
  for (size_t i = 0; i < trial.matches_by_rule.size(); ++i) {
    report["rules"].push_back(
        {{"rule", InWords(policy.rules()[i])}, {"matches", trial.matches_by_rule[i]}});
  }
  std::puts(report.dump(2).c_str());
}

int Try(const PolicyFlags& options) {
  const absl::StatusOr<Policy> policy = ReadPolicyFile(options.file);
  if (!policy.ok()) return Fail(policy.status());
  if (access(DatabasePath(options.data_dir).c_str(), F_OK) != 0) {
    return Fail(Error(absl::StatusCode::kNotFound, "DATA_DIR_FAILED",
                      absl::StrCat("there is no database in ", options.data_dir)));
  }
  const auto store = OpenSqliteStore(DatabasePath(options.data_dir));
  if (!store.ok()) return Fail(store.status());
  const auto past = ReadPastVerdicts(**store, options.last);
  if (!past.ok()) return Fail(past.status());
  const Trial trial = TryPolicy(*policy, *past);
  if (options.json) {
    PrintTrialAsJson(*policy, trial);
  } else {
    PrintTrial(*policy, trial);
  }
  return kExitOk;
}

}  // namespace

void AddPolicy(CLI::App& app, int* exit_code) {
  CLI::App* command = app.add_subcommand("policy", "Check a policy file, and try it on the past");
  command->require_subcommand(1);
  auto options = std::make_shared<PolicyFlags>();

  CLI::App* check = command->add_subcommand("check", "Print what the rules say, in words");
  check->add_option("FILE", options->file, "policy file (TOML)")->required();
  check->add_flag("--json", options->json, "print a JSON object");
  check->callback([options, exit_code] { *exit_code = Check(*options); });

  CLI::App* attempt = command->add_subcommand(
      "try", "What the policy would have done with the last verdicts; changes nothing");
  attempt->add_option("FILE", options->file, "policy file (TOML)")->required();
  attempt->add_option("--data_dir", options->data_dir, "data folder of the server")
      ->capture_default_str();
  attempt->add_option("--last", options->last, "how many verdicts, from the newest back")
      ->check(CLI::Range(1, kMaxLast))
      ->capture_default_str();
  attempt->add_flag("--json", options->json, "print a JSON object");
  attempt->callback([options, exit_code] { *exit_code = Try(*options); });
}

}  // namespace vigie
