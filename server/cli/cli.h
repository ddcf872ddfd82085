// The program `vigie`: one file a subcommand. A subcommand adds itself to the parser and, when it
// was chosen, does its work and leaves its exit code.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/status.h"

namespace CLI {
class App;
}

namespace vigie {

// Stable: scripts rely on them.
enum ExitCode : int {
  kExitOk = 0,
  kExitSomeFailed = 1,  // done, but some items failed; each was reported
  kExitUsage = 2,       // wrong arguments or configuration
  kExitFailed = 3,      // could not be done: server, database, file, permission
  kExitMatch = 4,       // `vigie check`: at least one picture is known
};

// Runs the program and returns its exit code.
int RunCli(int argc, char** argv);

void AddServe(CLI::App& app, int* exit_code);
void AddHash(CLI::App& app, int* exit_code);
void AddCheck(CLI::App& app, int* exit_code);
void AddList(CLI::App& app, int* exit_code);
void AddEntry(CLI::App& app, int* exit_code);
void AddReview(CLI::App& app, int* exit_code);
void AddWatch(CLI::App& app, int* exit_code);
void AddPolicy(CLI::App& app, int* exit_code);
void AddAudit(CLI::App& app, int* exit_code);
void AddKey(CLI::App& app, int* exit_code);
void AddOrganisation(CLI::App& app, int* exit_code);
void AddBackup(CLI::App& app, int* exit_code);
void AddRestore(CLI::App& app, int* exit_code);
void AddDoctor(CLI::App& app, int* exit_code);
void AddHealth(CLI::App& app, int* exit_code);
void AddCompletion(CLI::App& app, int* exit_code);
void AddManual(CLI::App& app, int* exit_code);

// Prints "vigie: <message> (<REASON>)" to standard error and returns kExitUsage for bad arguments
// and configuration, kExitFailed for the rest.
int Fail(const absl::Status& status);
// That code alone.
ExitCode ExitCodeOf(const absl::Status& status);

// INVALID_ARGUMENT, reason USAGE: the program was called wrongly.
absl::Status UsageError(std::string_view message);

// The whole file, or NOT_FOUND, reason FILE_UNREADABLE.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path);

}  // namespace vigie
