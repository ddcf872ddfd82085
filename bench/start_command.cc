// vigie-bench start: how long a server takes to be ready, from its database and from a checkpoint.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/bench.h"
#include "bench/inputs.h"
#include "bench/search_data.h"
#include "bench/stopwatch.h"

namespace vigie::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kUploadBatch = 1000;
constexpr size_t kChecked = 1000;  // entries that must be found after each start

struct StartFlags {
  size_t entries = 1'000'000;
  std::string json;
};

struct Start {
  const char* from;
  const char* files;  // "cold": none of them in memory
  double seconds;
};

void ShowProgress(const char* what, uint64_t done, uint64_t total) {
  if (isatty(STDERR_FILENO) == 0 && done != total) return;
  std::fprintf(stderr, "\rvigie-bench: %s %llu of %llu%s", what,
               static_cast<unsigned long long>(done), static_cast<unsigned long long>(total),
               done == total ? "\n" : "");
}

void Fill(World& world, size_t entries) {
  std::vector<NewEntry> batch;
  for (uint64_t row = 0; row < entries; ++row) {
    batch.push_back(EntryOf(UniformHash(row)));
    if (batch.size() < kUploadBatch && row + 1 < entries) continue;
    const auto outcome = world.Upload(batch);
    if (!outcome.ok()) throw std::runtime_error(std::string(MessageOf(outcome.status())));
    batch.clear();
    if ((row + 1) % 100'000 == 0 || row + 1 == entries) ShowProgress("uploaded", row + 1, entries);
  }
  if (!world.catalog().Maintain().ok()) throw std::runtime_error("index maintenance failed");
}

// Writes back and drops what the system has of the folder's files in memory.
void ForgetFiles(const std::string& folder) {
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
    if (!file.is_regular_file()) continue;
    const int descriptor = open(file.path().c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) throw std::runtime_error("cannot open " + file.path().string());
    const bool done =
        fdatasync(descriptor) == 0 && posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED) == 0;
    close(descriptor);
    if (!done) throw std::runtime_error("cannot drop from memory: " + file.path().string());
  }
}

void CheckEntries(World& world, size_t entries) {
  for (size_t i = 0; i < kChecked; ++i) {
    const Pdq256 hash = UniformHash(i * entries / kChecked);
    const auto hits = world.catalog().FindNear({&hash, 1}, 0);
    if (!hits.ok() || hits->empty()) throw std::runtime_error("an entry was not found again");
  }
}

Start Measure(World& world, size_t entries, bool from_checkpoint, bool cold) {
  world.Close();
  if (cold) ForgetFiles(world.folder());
  const auto begin = Clock::now();
  world.Open(from_checkpoint,
             [](uint64_t done, uint64_t total) { ShowProgress("loaded", done, total); });
  const double seconds = SecondsSince(begin);
  if (world.catalog().load_report().from_checkpoint != from_checkpoint) {
    throw std::runtime_error("the checkpoint was not used: " +
                             std::string(MessageOf(world.catalog().load_report().checkpoint)));
  }
  CheckEntries(world, entries);
  return {from_checkpoint ? "checkpoint" : "database", cold ? "cold" : "warm", seconds};
}

void WriteJson(const StartFlags& options, const std::vector<Start>& starts, double checkpoint_s) {
  if (options.json.empty()) return;
  std::ofstream out(options.json, std::ios::trunc);
  out << "{\"entries\": " << options.entries << ", \"write_checkpoint_s\": " << checkpoint_s
      << ", \"starts\": [";
  const char* separator = "";
  for (const Start& start : starts) {
    out << separator << "{\"from\": \"" << start.from << "\", \"files\": \"" << start.files
        << "\", \"s\": " << start.seconds << "}";
    separator = ", ";
  }
  out << "]}\n";
  out.close();
  if (out.fail()) throw std::runtime_error("cannot write " + options.json);
}

void RunStart(const StartFlags& options) {
  World world;
  Fill(world, options.entries);
  auto begin = Clock::now();
  world.WriteCheckpoint();
  const double checkpoint_s = SecondsSince(begin);
  std::vector<Start> starts;
  for (const bool from_checkpoint : {false, true}) {
    for (const bool cold : {true, false}) {
      starts.push_back(Measure(world, options.entries, from_checkpoint, cold));
    }
  }
  std::printf("%zu entries, checkpoint written in %.2f s\n%-12s %-6s %8s\n", options.entries,
              checkpoint_s, "start from", "files", "seconds");
  for (const Start& start : starts) {
    std::printf("%-12s %-6s %8.2f\n", start.from, start.files, start.seconds);
  }
  WriteJson(options, starts, checkpoint_s);
}

}  // namespace

void AddStart(CLI::App& app, int* exit_code) {
  CLI::App* command = app.add_subcommand(
      "start", "Time a start from the database and from a checkpoint, with files cold and warm");
  auto options = std::make_shared<StartFlags>();
  const std::map<std::string, size_t> units = {{"k", 1000}, {"M", 1'000'000}};
  command->add_option("--n", options->entries, "entries, such as 100k or 10M; default: 1M")
      ->transform(
          CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::CASE_INSENSITIVE).description(""))
      ->check(CLI::Range(size_t{1000}, size_t{1'000'000'000}).description(""));
  command->add_option("--json", options->json, "also write the results here")->type_name("FILE");
  command->footer(
      "Uploads the entries to a new database where TMPDIR says: about a kilobyte each, and some\n"
      "minutes for 10M. 1000 of them are looked up after each start.");
  command->callback([options, exit_code] {
    try {
      RunStart(*options);
    } catch (const std::exception& e) {
      *exit_code = Complain(kExitFailed, e.what());
    }
  });
}

}  // namespace vigie::bench
