#include "server/cli/cli.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "engine/base/simd.h"
#include "server/decode/spawner.h"

namespace vigie {

int Fail(const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  std::fprintf(stderr, "vigie: %s%s%s%s\n", std::string(status.message()).c_str(),
               reason.empty() ? "" : " (", reason.c_str(), reason.empty() ? "" : ")");
  return ExitCodeOf(status);
}

ExitCode ExitCodeOf(const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  return reason == "CONFIG_INVALID" || reason == "USAGE" || reason == "SIMD_TARGET_UNKNOWN"
             ? kExitUsage
             : kExitFailed;
}

absl::Status UsageError(std::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, "USAGE", message);
}

absl::StatusOr<std::string> ReadWholeFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  // Reading nothing is a failure of `content`, for an empty file and for one that cannot be read
  // (a folder opens well); asking once more tells which.
  if (!file.is_open() || (content.fail() && (file.peek() != EOF || file.bad()))) {
    return Error(absl::StatusCode::kNotFound, "FILE_UNREADABLE",
                 absl::StrCat("cannot read ", path));
  }
  return content.str();
}

int RunCli(int argc, char** argv) {
  if (const absl::Status simd = ForceSimdTargetFromEnvironment(); !simd.ok()) return Fail(simd);
  if (argc == 2 && std::string_view(argv[1]) == decode::kSpawnerCommand) {
    return decode::RunSpawner(&HashEncoded);
  }
  CLI::App app{"Vigie recognises known intimate and abusive pictures.", "vigie"};
  app.set_version_flag("--version", "vigie " VIGIE_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 done; 1 done, some items failed; 2 wrong arguments or configuration;\n"
      "3 could not be done; 4 check: at least one picture is known.");
  int exit_code = kExitOk;
  AddServe(app, &exit_code);
  AddHash(app, &exit_code);
  AddCheck(app, &exit_code);
  AddList(app, &exit_code);
  AddEntry(app, &exit_code);
  AddReview(app, &exit_code);
  AddWatch(app, &exit_code);
  AddPolicy(app, &exit_code);
  AddAudit(app, &exit_code);
  AddKey(app, &exit_code);
  AddOrganisation(app, &exit_code);
  AddBackup(app, &exit_code);
  AddRestore(app, &exit_code);
  AddDoctor(app, &exit_code);
  AddHealth(app, &exit_code);
  AddCompletion(app, &exit_code);
  AddManual(app, &exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? kExitOk : kExitUsage;
  }
  return exit_code;
}

}  // namespace vigie
