// vigie-bench micro: the Google Benchmark suites of the engine.
#include <benchmark/benchmark.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "bench/bench.h"

namespace vigie::bench {
namespace {

// Passes everything on to the reporter that the flags chose, and counts what failed.
class CountingReporter final : public benchmark::BenchmarkReporter {
 public:
  CountingReporter() : inner_(benchmark::CreateDefaultDisplayReporter()) {}

  bool ReportContext(const Context& context) override { return inner_->ReportContext(context); }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) failures_ += run.error_occurred ? 1 : 0;
    inner_->ReportRuns(runs);
  }
  void Finalize() override { inner_->Finalize(); }

  size_t failures() const { return failures_; }

 private:
  std::unique_ptr<benchmark::BenchmarkReporter> inner_;
  size_t failures_ = 0;
};

int RunMicro(std::vector<std::string> flags) {
  std::vector<char*> argv;
  flags.insert(flags.begin(), "vigie-bench micro");
  for (std::string& flag : flags) argv.push_back(flag.data());
  int argc = static_cast<int>(argv.size());
  argv.push_back(nullptr);
  benchmark::Initialize(&argc, argv.data());
  if (benchmark::ReportUnrecognizedArguments(argc, argv.data())) return kExitUsage;
  try {
    CountingReporter reporter;
    if (benchmark::RunSpecifiedBenchmarks(&reporter) == 0) return kExitUsage;  // it said why
    if (reporter.failures() == 0) return kExitOk;
    std::fprintf(stderr, "vigie-bench: %zu benchmarks gave a wrong answer and were not timed\n",
                 reporter.failures());
    return kExitSomeFailed;
  } catch (const std::exception& e) {
    return Complain(kExitFailed, e.what());
  }
}

}  // namespace

void AddMicro(CLI::App& app, int* exit_code) {
  CLI::App* command =
      app.add_subcommand("micro", "Time the engine's parts, one by one and end to end");
  command->prefix_command();
  command->footer(
      "Takes Google Benchmark's flags, among them:\n"
      "  --benchmark_list_tests            name the benchmarks\n"
      "  --benchmark_filter=REGEX          run only these\n"
      "  --benchmark_repetitions=N         repeat, with mean, median and deviation\n"
      "  --benchmark_out=FILE              also write JSON, for tools that compare runs\n"
      "Each benchmark checks its answer first and is not timed when it is wrong: exit code 1.");
  command->callback([command, exit_code] { *exit_code = RunMicro(command->remaining()); });
}

}  // namespace vigie::bench
