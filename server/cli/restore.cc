// vigie restore: a data folder of a backup.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "server/app/backup.h"
#include "server/app/config.h"
#include "server/cli/cli.h"
#include "server/cli/data_folder.h"
#include "server/cli/dates.h"

namespace vigie {
namespace {

int Restore(const RestoreOptions& options, bool json) {
  std::signal(SIGXFSZ, SIG_IGN);
  const auto done = RestoreBackup(options, {});
  if (!done.ok()) return Fail(done.status());
  if (json) {
    const nlohmann::ordered_json report = {{"data_dir", options.data_dir},
                                           {"entries", done->backup.entries},
                                           {"events", done->backup.events},
                                           {"created_us", done->backup.created_us},
                                           {"backup_revision", done->backup.revision},
                                           {"revision", done->revision},
                                           {"erased_again", done->erased}};
    std::puts(report.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    return kExitOk;
  }
  std::printf("restored %s: %llu entries, %llu events, as of %s; %llu erased again\n",
              options.data_dir.c_str(), static_cast<unsigned long long>(done->backup.entries),
              static_cast<unsigned long long>(done->backup.events),
              ToText(done->backup.created_us).c_str(),
              static_cast<unsigned long long>(done->erased));
  return kExitOk;
}

}  // namespace

void AddRestore(CLI::App& app, int* exit_code) {
  CLI::App* command = app.add_subcommand("restore", "Make a data folder of a backup");
  auto options = std::make_shared<RestoreOptions>();
  options->data_dir = Config{}.data_dir;
  auto json = std::make_shared<bool>(false);
  AddDataDirOption(*command, &options->data_dir);
  command->add_option("--from", options->from, "the backup")->required();
  command->add_option("--erased-from", options->erased_from,
                      "the data folder that was used until now: what was erased there since the "
                      "backup is erased again");
  command->add_flag("--json", *json, "print a JSON object");
  command->callback([options, json, exit_code] { *exit_code = Restore(*options, *json); });
}

}  // namespace vigie
