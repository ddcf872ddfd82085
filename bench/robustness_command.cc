// vigie-bench robustness: what each tier finds of edited copies, and what it finds wrongly.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>

#include "bench/bench.h"
#include "bench/robustness.h"

namespace vigie::bench {
namespace {

struct RobustnessFlags {
  RobustnessOptions options;
  std::vector<std::string> edits;
  std::string json;
  std::string svg;
};

void WriteSvg(const RobustnessReport& report, const std::string& path) {
  std::vector<std::string> tiers;
  std::vector<RecallBar> bars;
  for (const RobustnessRow& row : report.rows) {
    if (bars.empty() || bars.back().edit != row.edit) {
      bars.push_back({.edit = row.edit, .kind = row.kind, .recall = {}});
    }
    if (bars.size() == 1) tiers.push_back(row.tier);
    bars.back().recall.push_back(static_cast<double>(row.found) /
                                 static_cast<double>(std::max<size_t>(row.asked, 1)));
  }
  std::ofstream out(path, std::ios::trunc);
  out << RecallChart(tiers, bars);
  out.close();
  if (out.fail()) throw std::runtime_error("cannot write " + path);
}

int RunRobustness(RobustnessFlags flags) {
  RobustnessOptions& options = flags.options;
  for (const std::string& name : flags.edits) {
    options.edits.push_back(FindEdit(name));
    if (options.edits.back() == nullptr) {
      return Complain(kExitUsage, "no edit '" + name + "': `vigie-bench edit --list` names them");
    }
  }
  if (options.edits.empty()) {
    for (const Edit& edit : Edits()) options.edits.push_back(&edit);
  }
  if (!options.write.empty()) {
    std::error_code error;
    std::filesystem::create_directories(options.write, error);
    if (error) return Complain(kExitFailed, "cannot make " + options.write);
  }
  const RobustnessBase base(options);
  const RobustnessReport report = MeasureRobustness(options, base);
  PrintRobustness(report);
  if (!flags.json.empty() && !WriteRobustnessJson(report, flags.json)) {
    return Complain(kExitFailed, "cannot write " + flags.json);
  }
  if (!flags.svg.empty()) WriteSvg(report, flags.svg);
  return kExitOk;
}

}  // namespace

void AddRobustness(CLI::App& app, int* exit_code) {
  CLI::App* command = app.add_subcommand(
      "robustness", "How many edited copies each tier finds, and what it finds wrongly");
  auto flags = std::make_shared<RobustnessFlags>();
  RobustnessOptions& options = flags->options;
  command->add_option("--photos", options.photos, "photographs: copies of them are asked about")
      ->required()
      ->type_name("DIR");
  command->add_option("--distractors", options.distractors, "photographs that are known as well")
      ->type_name("DIR");
  command->add_option("--edits", flags->edits, "only these, joined with commas; default: all")
      ->delimiter(',')
      ->type_name("a,b,c");
  command->add_option("--limit", options.limit, "edit so many of the photographs; default: all")
      ->check(CLI::PositiveNumber);
  command->add_option("--seed", options.seed,
                      "decides which, and what edits leave to chance; default: 1");
  command->add_option("--json", flags->json, "also write the results here")->type_name("FILE");
  command->add_option("--svg", flags->svg, "draw recall by edit")->type_name("FILE");
  command->add_option("--write", options.write, "also write the edited copies here")
      ->type_name("DIR");
  command->footer(
      "All photographs of both folders are known to an engine like the server's. `vigie-bench "
      "edit\n"
      "--list` names the edits. A match with a photograph that is not in the upload is false;\n"
      "folders of near-duplicates (threatexchange, exif_orientation, azure_mit) are left out of\n"
      "that count. Nothing is judged: exit code 0 whatever the figures.");
  command->callback([flags, exit_code] {
    try {
      *exit_code = RunRobustness(*flags);
    } catch (const std::exception& e) {
      *exit_code = Complain(kExitFailed, e.what());
    }
  });
}

}  // namespace vigie::bench
