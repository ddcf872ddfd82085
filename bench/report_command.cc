// vigie-bench report: the suites' JSON files as one page to look at.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "bench/bench.h"
#include "bench/report.h"

namespace vigie::bench {
namespace {

using Json = nlohmann::json;

constexpr std::array kOrder = {"server", "search", "hash", "robustness", "trust", "start"};

struct ReportFlags {
  std::vector<std::string> files;
  std::string out = "report.html";
  std::string title = "Vigie: measurements";
};

struct Part {
  std::string file;
  std::string suite;
  Json json;
};

Part Read(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + file);
  Part part{
      .file = file, .suite = {}, .json = Json::parse(in, nullptr, /*allow_exceptions=*/false)};
  if (part.json.is_discarded()) throw std::runtime_error(file + " is not JSON");
  part.suite = SuiteOf(part.json);
  if (part.suite.empty()) {
    throw std::runtime_error(file + " is not what a suite of vigie-bench writes by --json");
  }
  return part;
}

size_t PlaceOf(const Part& part) {
  return static_cast<size_t>(std::find(kOrder.begin(), kOrder.end(), part.suite) - kOrder.begin());
}

void WritePage(const ReportFlags& flags, std::vector<Part> parts, std::ostream& out) {
  std::stable_sort(parts.begin(), parts.end(),
                   [](const Part& a, const Part& b) { return PlaceOf(a) < PlaceOf(b); });
  Page page(out, flags.title);
  page.Text(
      "Made by vigie-bench from the files of its suites. Every answer was compared with the right "
      "one before it was timed, and what was wrong would be said here in red.");
  for (const Part& part : parts) {
    try {
      AddSuite(part.suite, part.json, page);
    } catch (const Json::exception& e) {
      throw std::runtime_error(part.file + " is not as the suite " + part.suite +
                               " writes it: " + e.what());
    }
    page.Text("From " + std::filesystem::path(part.file).filename().string() + ".");
  }
}

int RunReport(const ReportFlags& flags) {
  std::vector<Part> parts;
  for (const std::string& file : flags.files) parts.push_back(Read(file));
  std::ostringstream page;  // nothing is left of a page that fails
  WritePage(flags, std::move(parts), page);
  std::ofstream out(flags.out, std::ios::trunc);
  out << page.str();
  out.close();
  if (out.fail()) throw std::runtime_error("cannot write " + flags.out);
  std::printf("%s: %zu suites, %zu bytes\n", flags.out.c_str(), flags.files.size(),
              page.str().size());
  return kExitOk;
}

}  // namespace

void AddReport(CLI::App& app, int* exit_code) {
  CLI::App* command =
      app.add_subcommand("report", "Make one HTML page with plots of the suites' JSON files");
  auto flags = std::make_shared<ReportFlags>();
  command->add_option("files", flags->files, "what suites have written by --json")
      ->required()
      ->type_name("FILE");
  command->add_option("--out", flags->out, "the page; default: report.html")->type_name("FILE");
  command->add_option("--title", flags->title, "of the page");
  command->callback([flags, exit_code] {
    try {
      *exit_code = RunReport(*flags);
    } catch (const std::exception& e) {
      *exit_code = Complain(kExitFailed, e.what());
    }
  });
}

}  // namespace vigie::bench
