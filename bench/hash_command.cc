// vigie-bench hash: pixels to hash on every instruction set, bytes to hash against the bare decode.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "bench/bench.h"
#include "bench/hash.h"

namespace vigie::bench {
namespace {

struct HashFlags {
  std::string images;
  std::string json;
  double seconds = 1;
  int repeat = 3;
  int threads = 2;
};

int RunHash(const HashFlags& flags) {
  std::vector<Jpeg> files;
  size_t skipped = 0;
  if (!flags.images.empty()) {
    try {
      files = LoadJpegs(flags.images, &skipped);
    } catch (const std::filesystem::filesystem_error& e) {
      return Complain(kExitFailed, e.what());
    }
    if (files.empty())
      return Complain(kExitFailed, "no JPEG that can be decoded in " + flags.images);
    std::fprintf(stderr, "vigie-bench: %zu JPEG files; %zu others skipped\n", files.size(),
                 skipped);
  }
  bool all_right = true;
  HashReport report;
  report.kernel = MeasureKernels(flags.seconds, &all_right);
  if (!files.empty()) {
    report.fast = MeasureFiles(files, DecodeMode::kFast, flags.repeat, flags.threads, &all_right);
    report.exact = MeasureFiles(files, DecodeMode::kExact, flags.repeat, flags.threads, &all_right);
    report.drift = MeasureDrift(files);
  }
  PrintHashTables(report);
  if (!flags.json.empty() && !WriteHashJson(report, flags.json)) {
    return Complain(kExitFailed, "cannot write " + flags.json);
  }
  return all_right ? kExitOk : kExitSomeFailed;
}

}  // namespace

void AddHash(CLI::App& app, int* exit_code) {
  CLI::App* command = app.add_subcommand(
      "hash", "Pixels to hash on every instruction set; bytes to hash against the bare decode");
  auto flags = std::make_shared<HashFlags>();
  command->add_option("--images", flags->images, "JPEG files below this folder; default: none")
      ->type_name("DIR");
  command->add_option("--json", flags->json, "also write the results here")->type_name("FILE");
  command
      ->add_option("--seconds", flags->seconds,
                   "time for one size of the kernel table, all targets together; default: 1")
      ->check(CLI::PositiveNumber);
  command
      ->add_option("--repeat", flags->repeat,
                   "times a file is done, the fastest counts; default: 3")
      ->check(CLI::Range(1, 1000).description(""));
  command
      ->add_option("--threads", flags->threads,
                   "images a second are measured with 1 to so many; "
                   "default: 2")
      ->check(CLI::Range(1, 256).description(""));
  command->footer(
      "An answer that differs from the definition's is not timed: exit code 1. The files are held\n"
      "in memory; decoding and hashing use one thread, except for images a second.");
  command->callback([flags, exit_code] { *exit_code = RunHash(*flags); });
}

}  // namespace vigie::bench
