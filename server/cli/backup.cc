// vigie backup: a copy of the data folder, on the server's machine, also while it runs.
#include "server/app/backup.h"

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>

#include "engine/base/clock.h"
#include "server/app/config.h"
#include "server/cli/cli.h"
#include "server/cli/data_folder.h"
#include "server/cli/dates.h"
#include "server/cli/progress.h"

namespace vigie {
namespace {

struct BackupFlags {
  std::string data_dir = Config{}.data_dir;
  std::string folder;
  bool json = false;
};

void Print(const char* what, const std::string& folder, const BackupManifest& manifest, bool json) {
  if (json) {
    std::puts(ToJson(manifest).c_str());
    return;
  }
  uint64_t bytes = 0;
  for (const BackupFile& file : manifest.files) bytes += file.bytes;
  std::printf("%s %s: %llu entries, %llu events, revision %llu, of %s, %.1f MB\n", what,
              folder.c_str(), static_cast<unsigned long long>(manifest.entries),
              static_cast<unsigned long long>(manifest.events),
              static_cast<unsigned long long>(manifest.revision),
              ToText(manifest.created_us).c_str(), static_cast<double>(bytes) / 1e6);
}

int Make(const BackupFlags& options) {
  std::signal(SIGXFSZ, SIG_IGN);
  Progress progress("copying pages", 0);
  const auto made =
      MakeBackup({.data_dir = options.data_dir,
                  .to = options.folder,
                  .program = VIGIE_VERSION,
                  .now = SystemClock().Now()},
                 [&progress](uint64_t done, uint64_t total) { progress.Update(done, total); });
  progress.Hide();
  if (!made.ok()) return Fail(made.status());
  Print("made", options.folder, *made, options.json);
  return kExitOk;
}

int Verify(const BackupFlags& options) {
  const auto found = VerifyBackup(options.folder, {});
  if (!found.ok()) return Fail(found.status());
  Print("sound:", options.folder, *found, options.json);
  return kExitOk;
}

}  // namespace

void AddBackup(CLI::App& app, int* exit_code) {
  CLI::App* command = app.add_subcommand(
      "backup", "Copy the data folder to a new folder, also while a server runs on it");
  auto options = std::make_shared<BackupFlags>();
  AddDataDirOption(*command, &options->data_dir);
  CLI::Option* to = command->add_option("--to", options->folder, "the new folder");
  command->add_flag("--json", options->json, "print the manifest as JSON");
  command->require_subcommand(0, 1);
  CLI::App* verify = command->add_subcommand("verify", "Check a backup; changes nothing");
  verify->add_option("FOLDER", options->folder, "the backup")->required();
  verify->add_flag("--json", options->json, "print the manifest as JSON");
  command->callback([options, to, verify, exit_code] {
    if (verify->parsed()) {
      *exit_code = Verify(*options);
    } else if (to->count() == 0) {
      throw CLI::RequiredError("--to");
    } else {
      *exit_code = Make(*options);
    }
  });
}

}  // namespace vigie
