// The program `vigie-bench`: one file a subcommand, as in server/cli. A subcommand adds itself to
// the parser and, when it was chosen, does its work and leaves its exit code.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace vigie::bench {

// The values of the program `vigie` (server/cli/cli.h), which need not be built for this one.
enum ExitCode : int {
  kExitOk = 0,
  kExitSomeFailed = 1,  // done, but some items failed; each was reported
  kExitUsage = 2,       // wrong arguments
  kExitFailed = 3,      // could not be done
};

// Says on standard error what is wrong. Returns `code`.
int Complain(ExitCode code, const std::string& message);

void AddMicro(CLI::App& app, int* exit_code);
void AddSearch(CLI::App& app, int* exit_code);
void AddHash(CLI::App& app, int* exit_code);
void AddStart(CLI::App& app, int* exit_code);
void AddLocal(CLI::App& app, int* exit_code);
void AddEdit(CLI::App& app, int* exit_code);
void AddRobustness(CLI::App& app, int* exit_code);
void AddReport(CLI::App& app, int* exit_code);
// With VIGIE_BENCH_SERVER.
void AddWall(CLI::App& app, int* exit_code);
void AddTrust(CLI::App& app, int* exit_code);
void AddServer(CLI::App& app, int* exit_code);

}  // namespace vigie::bench
