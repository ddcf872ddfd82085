#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "bench/page.h"
#include "bench/robustness.h"
#include "engine/base/simd.h"

namespace vigie::bench {
namespace {

using Json = nlohmann::ordered_json;

double Recall(const RobustnessRow& row) {
  return row.asked == 0 ? NAN : static_cast<double>(row.found) / static_cast<double>(row.asked);
}

double Us(int64_t ns) { return static_cast<double>(ns) / 1000; }

Json NumberOrNull(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json JsonOf(const RobustnessRow& row) {
  return {{"edit", row.edit},
          {"kind", row.kind},
          {"tier", row.tier},
          {"asked", row.asked},
          {"recall", NumberOrNull(Recall(row))},
          {"not_scanned", row.not_scanned},
          {"median", NumberOrNull(row.median)},
          {"inliers", NumberOrNull(row.inliers)},
          {"false", row.false_found},
          {"decode_us", Us(row.times.decode_ns)},
          {"hash_us", Us(row.times.hash_ns)},
          {"search_us", Us(row.times.search_ns)},
          {"decide_us", Us(row.times.decide_ns)}};
}

}  // namespace

void PrintRobustness(const RobustnessReport& report) {
  std::printf("%-20s %-11s %-6s %6s %7s %7s %7s %8s %6s %9s %9s %9s\n", "edit", "kind", "tier",
              "asked", "recall", "median", "inliers", "unseen", "false", "decode us", "hash us",
              "search us");
  for (const RobustnessRow& row : report.rows) {
    std::printf("%-20s %-11s %-6s %6zu %6.1f%% %7.0f %7.0f %8zu %6zu %9.0f %9.0f %9.0f\n",
                row.edit.c_str(), row.kind.c_str(), row.tier.c_str(), row.asked, 100 * Recall(row),
                row.median, row.inliers, row.not_scanned, row.false_found, Us(row.times.decode_ns),
                Us(row.times.hash_ns), Us(row.times.search_ns));
  }
  for (const FalseMatch& wrong : report.false_matches) {
    std::printf("false: %s of %s, %s, is %s at %s %d%s%s\n", wrong.edit.c_str(),
                wrong.upload.c_str(), wrong.tier.c_str(), wrong.known.c_str(),
                wrong.inliers > 0 ? "places" : "distance",
                wrong.inliers > 0 ? wrong.inliers : wrong.distance,
                wrong.where.empty() ? "" : ", found in ", wrong.where.c_str());
  }
  std::printf(
      "%zu photographs edited, %zu known (%zu files skipped: not a picture, or featureless), seed "
      "%llu.\nFAST and PARTS: of entries with hashes alone; LOCAL: with local "
      "fingerprints.\nmedian: distance of "
      "what was found by a hash; inliers: places of what was found by them; unseen: not scanned, "
      "so not found; false: of %zu "
      "pairs of\nan upload and a known photograph that is not in it, for each tier (without %zu of "
      "pairs "
      "known to show the same thing). Kernel %s.\n",
      report.photographs, report.entries, report.skipped,
      static_cast<unsigned long long>(report.seed), report.pairs, report.same_scene,
      ActiveSimdTarget().c_str());
}

bool WriteRobustnessJson(const RobustnessReport& report, const std::string& path) {
  Json json = {{"robustness", Json::array()},
               {"photographs", report.photographs},
               {"entries", report.entries},
               {"skipped", report.skipped},
               {"seed", report.seed},
               {"pairs", report.pairs},
               {"same_scene", report.same_scene},
               {"false_matches", Json::array()},
               {"missed", Json::array()}};
  for (const RobustnessRow& row : report.rows) json["robustness"].push_back(JsonOf(row));
  for (const FalseMatch& wrong : report.false_matches) {
    json["false_matches"].push_back({{"edit", wrong.edit},
                                     {"tier", wrong.tier},
                                     {"upload", wrong.upload},
                                     {"known", wrong.known},
                                     {"where", wrong.where},
                                     {"distance", wrong.distance},
                                     {"inliers", wrong.inliers}});
  }
  for (const Miss& miss : report.missed) {
    json["missed"].push_back({{"edit", miss.edit}, {"upload", miss.upload}});
  }
  std::ofstream out(path, std::ios::trunc);
  out << json.dump(1, ' ', false, Json::error_handler_t::replace) << '\n';
  out.close();
  return !out.fail();
}

std::string RecallChart(std::span<const std::string> tiers, std::span<const RecallBar> bars) {
  constexpr int kLeft = 170;
  constexpr int kWidth = 560;
  constexpr int kRow = 14;
  constexpr int kGap = 8;
  static constexpr const char* kColours[] = {"#9aa5b1", "#2b6cb0", "#2f855a", "#b7791f"};
  std::ostringstream svg;
  const int step = kRow * static_cast<int>(std::max<size_t>(tiers.size(), 1)) + kGap;
  const int height = 50 + step * static_cast<int>(bars.size());
  svg << "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 800 " << height
      << "\" width=\"800\" height=\"" << height
      << "\" font-family=\"sans-serif\" font-size=\"12\" role=\"img\">\n"
         "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
  for (size_t t = 0; t < tiers.size(); ++t) {
    const int x = kLeft + 130 * static_cast<int>(t);
    svg << "<rect x=\"" << x << "\" y=\"10\" width=\"12\" height=\"12\" fill=\"" << kColours[t % 4]
        << "\"/><text x=\"" << x + 18 << "\" y=\"20\">" << Escaped(tiers[t]) << "</text>\n";
  }
  for (const int percent : {0, 50, 80, 95, 100}) {
    const int x = kLeft + kWidth * percent / 100;
    svg << "<line x1=\"" << x << "\" y1=\"42\" x2=\"" << x << "\" y2=\"" << height
        << "\" stroke=\"#d0d5da\"/><text x=\"" << x << "\" y=\"38\" font-size=\"10\" "
        << "text-anchor=\"middle\">" << percent << "</text>\n";
  }
  int y = 46;
  for (const RecallBar& bar : bars) {
    svg << "<text x=\"" << kLeft - 8 << "\" y=\"" << y + step / 2 + 1 << "\" text-anchor=\"end\">"
        << Escaped(bar.edit) << "</text>\n";
    for (size_t t = 0; t < bar.recall.size(); ++t) {
      const double share = std::isfinite(bar.recall[t]) ? bar.recall[t] : 0;
      svg << "<rect x=\"" << kLeft << "\" y=\"" << y + kRow * static_cast<int>(t) << "\" width=\""
          << std::max(1, static_cast<int>(std::lround(share * kWidth))) << "\" height=\""
          << kRow - 2 << "\" fill=\"" << kColours[t % 4] << "\"/>\n";
    }
    y += step;
  }
  svg << "</svg>\n";
  return svg.str();
}

}  // namespace vigie::bench
