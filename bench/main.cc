// vigie-bench: measures the engine, and makes the altered copies it is measured on.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <opencv2/core.hpp>
#include <string>
#include <string_view>

#include "bench/bench.h"
#include "engine/base/simd.h"
#ifdef VIGIE_BENCH_SERVER
#include "server/decode/spawner.h"
#endif

namespace vigie::bench {

int Complain(ExitCode code, const std::string& message) {
  std::fprintf(stderr, "vigie-bench: %s\n", message.c_str());
  return code;
}

}  // namespace vigie::bench

int main(int argc, char** argv) {
  // Hidden worker threads would be measured as ours, and make figures depend on the machine.
  cv::setNumThreads(1);
  if (const absl::Status simd = vigie::ForceSimdTargetFromEnvironment(); !simd.ok()) {
    return vigie::bench::Complain(vigie::bench::kExitUsage, std::string(simd.message()));
  }
#ifdef VIGIE_BENCH_SERVER
  if (argc == 2 && std::string_view(argv[1]) == vigie::decode::kSpawnerCommand) {
    return vigie::decode::RunSpawner(&vigie::HashEncoded);
  }
#endif
  CLI::App app{"Measures Vigie, and makes the altered copies it is measured on.", "vigie-bench"};
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 done; 1 done, but a file or a benchmark failed; 2 wrong arguments;\n"
      "3 could not be done.");
  int exit_code = vigie::bench::kExitOk;
  vigie::bench::AddMicro(app, &exit_code);
  vigie::bench::AddSearch(app, &exit_code);
  vigie::bench::AddHash(app, &exit_code);
  vigie::bench::AddStart(app, &exit_code);
  vigie::bench::AddLocal(app, &exit_code);
  vigie::bench::AddEdit(app, &exit_code);
  vigie::bench::AddRobustness(app, &exit_code);
  vigie::bench::AddReport(app, &exit_code);
#ifdef VIGIE_BENCH_SERVER
  vigie::bench::AddWall(app, &exit_code);
  vigie::bench::AddTrust(app, &exit_code);
  vigie::bench::AddServer(app, &exit_code);
#endif
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? vigie::bench::kExitOk : vigie::bench::kExitUsage;
  }
  return exit_code;
}
