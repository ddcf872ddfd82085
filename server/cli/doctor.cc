// vigie doctor: is this installation sound? Reads only; a server may be running meanwhile.
#include "server/cli/doctor.h"

#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "engine/store/sqlite_store.h"
#include "server/cli/cli.h"
#include "server/cli/setting_flags.h"

namespace vigie {

void Findings::Note(std::string_view check, const absl::Status& status, std::string detail) {
  if (!status.ok()) detail = std::string(status.message());
  all_.push_back({std::string(check), status, std::move(detail)});
}

void Findings::Warn(std::string_view check, std::string detail) {
  all_.push_back({std::string(check), absl::OkStatus(), std::move(detail), /*warning=*/true});
}

bool Findings::sound() const {
  return std::all_of(all_.begin(), all_.end(),
                     [](const Finding& finding) { return finding.status.ok(); });
}

namespace {

Findings Examine(const SettingFlags& flags) {
  Findings findings;
  ExamineKernels(findings);
  const auto config = flags.Read();
  findings.Note("configuration", config.status(), "valid");
  if (!config.ok()) return findings;
  ExamineDecoder(*config, findings);
  ExamineCertificates(*config, findings);
  ExaminePolicy(*config, findings);
  struct stat facts {};
  if (stat(DatabasePath(config->data_dir).c_str(), &facts) != 0) {
    findings.Note("database", absl::OkStatus(),
                  absl::StrCat("none yet in ", config->data_dir, ": the server makes it"));
    return findings;
  }
  ExamineDataFolder(*config, findings);
  const auto store = OpenSqliteStore(DatabasePath(config->data_dir));
  findings.Note("database", store.status(), "opens");
  if (!store.ok()) return findings;
  ExamineDatabase(**store, findings);
  ExamineEvents(*config, **store, findings);
  ExamineIndex(*config, **store, findings);
  return findings;
}

int Print(const Findings& findings, bool json) {
  auto list = nlohmann::ordered_json::array();
  for (const Finding& finding : findings.all()) {
    if (json) {
      list.push_back({{"check", finding.check},
                      {"ok", finding.status.ok()},
                      {"warning", finding.warning},
                      {"reason", ReasonOf(finding.status)},
                      {"detail", finding.detail}});
    } else {
      const char* word = !finding.status.ok() ? "BAD" : finding.warning ? "WARN" : "ok";
      std::printf("%-4s %s: %s\n", word, finding.check.c_str(), finding.detail.c_str());
    }
  }
  if (json) {
    const nlohmann::ordered_json report = {{"sound", findings.sound()}, {"checks", list}};
    std::puts(report.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  }
  return findings.sound() ? kExitOk : kExitSomeFailed;
}

}  // namespace

void AddDoctor(CLI::App& app, int* exit_code) {
  CLI::App* command = app.add_subcommand(
      "doctor", "Check configuration, database, events and index of this machine");
  auto flags = std::make_shared<SettingFlags>(*command);
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "print a JSON object");
  command->footer("Exit code 0: sound, perhaps with warnings; 1: something is wrong.");
  command->callback([flags, json, exit_code] { *exit_code = Print(Examine(*flags), *json); });
}

}  // namespace vigie
