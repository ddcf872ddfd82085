// vigie-bench search: the indexes side by side on the same data, answers checked first.
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <new>
#include <system_error>

#include "bench/bench.h"
#include "bench/search.h"
#include "bench/search_report.h"

namespace vigie::bench {
namespace {

struct SearchFlags {
  SearchOptions options;
  std::vector<std::string> indexes = {"mih", "flat", "faiss-flat", "faiss-multihash"};
  size_t batch = 1;
  std::string json;
  std::string svg;
};

using Measurement = std::function<bool(const EmitRow&)>;

// In the child: what it emits goes through the pipe.
[[noreturn]] void RunChild(const Measurement& measure, int pipe_end) {
  int code = kExitFailed;
  try {
    const bool right = measure([pipe_end](const SearchRow& row) {
      // Rows are smaller than PIPE_BUF: all or nothing.
      if (write(pipe_end, &row, sizeof(row)) != static_cast<ssize_t>(sizeof(row))) {
        throw std::system_error(errno, std::generic_category(), "cannot report a row");
      }
    });
    code = right ? kExitOk : kExitSomeFailed;
  } catch (const std::bad_alloc&) {
    Complain(kExitFailed, "not enough memory");
  } catch (const std::exception& e) {
    Complain(kExitFailed, e.what());
  }
  _exit(code);  // nothing of the parent's is to be flushed or destroyed twice
}

// Measures in a process of its own, so that the memory of one index is neither there nor left in
// the allocator's pockets for the next. Appends its rows; returns its exit code.
int RunApart(const Measurement& measure, std::vector<SearchRow>* rows) {
  int ends[2];
  if (pipe(ends) != 0) return Complain(kExitFailed, std::strerror(errno));
  const pid_t child = fork();
  if (child < 0) return Complain(kExitFailed, std::strerror(errno));
  if (child == 0) {
    close(ends[0]);
    RunChild(measure, ends[1]);
  }
  close(ends[1]);
  SearchRow row;
  while (read(ends[0], &row, sizeof(row)) == static_cast<ssize_t>(sizeof(row))) {
    std::fprintf(stderr, "vigie-bench: %s, n %zu, radius %d, threads %zu: mean %.2f us\n",
                 LabelOf(row).c_str(), row.n, row.radius, row.threads, row.mean_us);
    rows->push_back(row);
  }
  close(ends[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  return Complain(kExitFailed, "a measurement was killed by signal " +
                                   std::to_string(WTERMSIG(status)) +
                                   (WTERMSIG(status) == SIGKILL ? ": out of memory?" : ""));
}

std::vector<Measurement> MeasurementsOf(const SearchOptions& options) {
  std::vector<Measurement> all;
  for (const size_t n : options.sizes) {
    if (options.live) {
      all.push_back([&options, n](const EmitRow& emit) { return MeasureLive(options, n, emit); });
      continue;
    }
    for (const IndexSpec& spec : options.indexes) {
      all.push_back([&options, &spec, n](const EmitRow& emit) {
        return options.orientations ? MeasureOrientations(options, spec, n, emit)
                                    : MeasureIndex(options, spec, n, emit);
      });
    }
  }
  return all;
}

template <typename Write>
bool WriteFile(const std::string& path, Write write_to) {
  if (path.empty()) return true;
  std::ofstream file(path, std::ios::trunc);
  write_to(file);
  file.close();
  if (!file.fail()) return true;
  Complain(kExitFailed, "cannot write " + path);
  return false;
}

int RunSearch(SearchFlags flags) {
  SearchOptions& options = flags.options;
  for (const std::string& text : flags.indexes) {
    const auto spec = ParseIndexSpec(text, flags.batch);
    if (!spec.has_value()) return Complain(kExitUsage, "no index '" + text + "'");
    if (spec->batch > options.queries) return Complain(kExitUsage, "fewer queries than a batch");
    options.indexes.push_back(*spec);
  }
  if (options.live && options.orientations) {
    return Complain(kExitUsage, "--live and --orientations are two measurements");
  }
  std::vector<SearchRow> rows;
  int exit_code = kExitOk;
  for (const Measurement& measurement : MeasurementsOf(options)) {
    exit_code = std::max(exit_code, RunApart(measurement, &rows));
  }
  PrintTable(rows, options, std::cout);
  std::cout.flush();
  const bool written =
      WriteFile(flags.json, [&rows](std::ostream& out) { WriteJson(rows, out); }) &&
      WriteFile(flags.svg, [&rows](std::ostream& out) { WriteChart(rows, out); });
  return written ? exit_code : kExitFailed;
}

void AddWhat(CLI::App* command, const std::shared_ptr<SearchFlags>& flags) {
  SearchOptions& options = flags->options;
  const std::map<std::string, size_t> units = {{"k", 1000}, {"M", 1'000'000}};
  command->add_option("--n", options.sizes, "hashes, such as 100k,1M,10M; default: 1M")
      ->delimiter(',')
      ->transform(
          CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::CASE_INSENSITIVE).description(""))
      ->check(CLI::Range(size_t{1}, size_t{4'000'000'000}).description(""));
  command->add_option("--queries", options.queries, "queries; default: 2000")
      ->check(CLI::Range(size_t{1}, size_t{100'000'000}).description(""));
  command->add_option("--radius", options.radii, "largest distance of an answer; default: 31")
      ->delimiter(',')
      ->check(CLI::Range(0, kMaxDistanceLimit).description(""));
  std::string names;
  for (const std::string_view name : IndexKindNames()) names += " " + std::string(name);
  command
      ->add_option(
          "--index", flags->indexes,
          "of:" + names +
              "; each may end in :batchB, mih in :mM (substrings). Default: the first four")
      ->delimiter(',');
  command->add_option("--threads", options.threads, "threads that ask at once; default: 1")
      ->delimiter(',')
      ->check(CLI::Range(size_t{1}, size_t{256}).description(""));
  const std::map<std::string, Distribution> distributions = {
      {"uniform", Distribution::kUniform}, {"clustered", Distribution::kClustered}};
  command->add_option("--distribution", options.distribution, "uniform (default) or clustered")
      ->transform(CLI::CheckedTransformer(distributions).description(""));
  command->add_option("--batch", flags->batch, "queries in one call; default: 1")
      ->check(CLI::Range(size_t{1}, size_t{1'000'000}).description(""));
  command
      ->add_option("--seconds", options.seconds,
                   "most time for one row of the table, and of each phase of --live; default: 10")
      ->check(CLI::PositiveNumber);
}

}  // namespace

void AddSearch(CLI::App& app, int* exit_code) {
  CLI::App* command =
      app.add_subcommand("search", "Compare the indexes on the same data, answers checked first");
  auto flags = std::make_shared<SearchFlags>();
  AddWhat(command, flags);
  command->add_flag("--live", flags->options.live,
                    "the live index instead, alone and then while rows come and go");
  command
      ->add_option("--changes", flags->options.changes,
                   "rows added and withdrawn a second, with --live; default: 20000")
      ->check(CLI::NonNegativeNumber);
  command->add_flag("--orientations", flags->options.orientations,
                    "the 8 orientations of a picture in one call against 8 calls");
  command->add_option("--json", flags->json, "also write the results here")->type_name("FILE");
  command->add_option("--svg", flags->svg, "also draw them")->type_name("FILE");
  command->footer(
      "An exact index with a wrong answer is not timed: exit code 1. Each index is built in a\n"
      "process of its own. Memory: codes and index, 32 bytes a hash more while FAISS builds.");
  command->callback([flags, exit_code] { *exit_code = RunSearch(*flags); });
}

}  // namespace vigie::bench
