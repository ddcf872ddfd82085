// vigie-bench server: the program under load, as its callers meet it.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <map>
#include <memory>

#include "bench/bench.h"
#include "bench/server_bench.h"
#include "bench/server_process.h"

namespace vigie::bench {
namespace {

struct ServerFlags {
  ServerOptions options;
  std::string json;
};

int RunServer(ServerFlags flags) {
  flags.options.program = FindProgram(flags.options.program);
  PrintServerHeader();
  const ServerReport report = MeasureServer(flags.options, PrintServerRow);
  PrintServerEnd(report);
  if (!flags.json.empty()) WriteServerJson(report, flags.json);
  for (const ServerRow& row : report.rows) {
    if (row.load.wrong > 0 || row.load.right == 0) {
      std::fprintf(stderr, "vigie-bench: %s: an answer was wrong, or none was right\n",
                   row.mode.c_str());
      return kExitSomeFailed;
    }
  }
  return kExitOk;
}

void AddOptions(CLI::App* command, const std::shared_ptr<ServerFlags>& flags) {
  ServerOptions& options = flags->options;
  const std::map<std::string, size_t> units = {{"k", 1000}, {"M", 1'000'000}};
  command->add_option("--entries", options.entries, "such as 1k,1M, which is the default")
      ->delimiter(',')
      ->transform(
          CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::CASE_INSENSITIVE).description(""))
      ->check(CLI::Range(size_t{100}, size_t{100'000'000}).description(""));
  command
      ->add_option("--mode", options.modes,
                   "some of unary, batch (100 pictures), stream, stream-batch (100 in a message), "
                   "image; default: all")
      ->delimiter(',')
      ->check(CLI::IsMember(ServerOptions().modes).description(""));
  command
      ->add_option("--load", options.loads,
                   "rates of the open loop, as shares of the capacity; default: 0.7,2")
      ->delimiter(',')
      ->check(CLI::Range(0.01, 100.0).description(""));
  command
      ->add_option("--hashes", options.hashes,
                   "hashes of a picture, 1 (default) or the 8 of its orientations")
      ->check(CLI::IsMember({1, 8}).description(""));
  command->add_option("--connections", options.connections, "of the client; default: 4")
      ->check(CLI::Range(size_t{1}, size_t{1000}).description(""));
  command
      ->add_option("--window", options.window,
                   "calls in flight when the capacity is measured; an eighth of it for images, a "
                   "sixteenth for batches; default: 128")
      ->check(CLI::Range(size_t{1}, size_t{100'000}).description(""));
  command->add_option("--seconds", options.seconds, "of each measurement; default: 5")
      ->check(CLI::Range(0.1, 3600.0).description(""));
  command
      ->add_option("--deadline", options.deadline_s, "seconds a call of an open loop; default: 2")
      ->check(CLI::Range(0.001, 600.0).description(""));
  command
      ->add_option("--soak", options.soak_minutes,
                   "minutes at the first --load, a row each, instead of --seconds at every one")
      ->check(CLI::Range(0.1, 10'000.0).description(""));
}

}  // namespace

void AddServer(CLI::App& app, int* exit_code) {
  CLI::App* command = app.add_subcommand(
      "server", "Load the program `vigie` over gRPC: rates, latencies, processor, memory");
  auto flags = std::make_shared<ServerFlags>();
  AddOptions(command, flags);
  command
      ->add_option("--images", flags->options.images,
                   "a folder of JPEG files for mode image; default: generated pictures")
      ->type_name("DIR");
  command
      ->add_option("--hostile", flags->options.hostile,
                   "a folder of files that another organisation sends as pictures, as fast as "
                   "they are answered: each rate of the open loop is measured beside them too")
      ->type_name("DIR");
  command
      ->add_option("--flag", flags->options.flags,
                   "for `vigie serve`, such as --flag=--server.workers=4; repeatable")
      ->type_name("FLAG");
  command
      ->add_option("--program", flags->options.program,
                   "the program `vigie`; default: beside this one")
      ->type_name("FILE");
  command->add_option("--json", flags->json, "also write the results here")->type_name("FILE");
  command->footer(
      "Client and server share this machine. Every answer is checked; exit code 1: one was wrong.");
  command->callback([flags, exit_code] {
    try {
      *exit_code = RunServer(*flags);
    } catch (const std::exception& e) {
      *exit_code = Complain(kExitFailed, e.what());
    }
  });
}

}  // namespace vigie::bench
