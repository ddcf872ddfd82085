#include "bench/report.h"

#include <cmath>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "bench/robustness.h"
#include "bench/search_report.h"

namespace vigie::bench {
namespace {

using Json = nlohmann::json;

// null, for what there was nothing to compute from, is NaN.
double NumberOf(const Json& object, const char* key) {
  const Json& value = object.at(key);
  return value.is_null() ? NAN : value.get<double>();
}

std::string TextOf(const Json& object, const char* key) {
  return object.at(key).get<std::string>();
}

std::string Percent(double share) { return Rounded(share * 100) + " %"; }

// --- search

SearchRow SearchRowOf(const Json& json) {
  SearchRow row;
  TextOf(json, "index").copy(row.index, sizeof(row.index) - 1);
  row.n = json.at("n").get<size_t>();
  row.radius = json.at("radius").get<int>();
  row.threads = json.at("threads").get<size_t>();
  row.batch = json.value("batch", size_t{1});
  row.distribution = json.value("distribution", "uniform") == "clustered" ? Distribution::kClustered
                                                                          : Distribution::kUniform;
  row.mean_us = NumberOf(json, "mean_us");
  return row;
}

void AddSearch(const Json& json, Page& page) {
  page.Heading("Search: every known picture within the radius");
  page.Text(
      "Time of one query against lists of growing size, on the same data through the same call. "
      "Recall 1 means that no known picture was missed; an index with less is shown only for "
      "comparison.");
  std::vector<SearchRow> rows;
  Table table{.columns = {"index", "hashes", "radius", "threads", "mean", "p50", "p99", "queries/s",
                          "bytes a hash", "build", "recall"},
              .rows = {}};
  for (const Json& result : json.at("results")) {
    rows.push_back(SearchRowOf(result));
    const SearchRow& row = rows.back();
    table.rows.push_back(
        {LabelOf(row), CountText(static_cast<double>(row.n)), std::to_string(row.radius),
         std::to_string(row.threads), Duration(row.mean_us), Duration(NumberOf(result, "p50_us")),
         Duration(NumberOf(result, "p99_us")), Rounded(NumberOf(result, "qps")),
         Rounded(NumberOf(result, "bytes_per_hash")), Duration(NumberOf(result, "build_s") * 1e6),
         Rounded(NumberOf(result, "recall"))});
  }
  std::ostringstream chart;
  WriteChart(rows, chart);
  page.AddSvg(chart.str());
  page.Add(table);
}

// --- hash

void AddFiles(const Json& files, const char* mode, Table* table) {
  if (files.at("count").get<size_t>() == 0) return;
  const double count = NumberOf(files, "count");
  table->rows.push_back({mode, Rounded(count), Duration(NumberOf(files, "decode_us") / count),
                         Duration(NumberOf(files, "total_us") / count),
                         Rounded(NumberOf(files, "ratio")),
                         Rounded(NumberOf(files, "images_per_s"))});
}

void AddHash(const Json& json, Page& page) {
  page.Heading("Hash: decoding is the cost of a picture");
  page.Text(
      "Time from decoded pixels to the hash and its quality, on each instruction set of this "
      "machine; bits are compared with the definition first.");
  BarChart chart{.title = "512x512 grey pixels to hash", .bars = {}, .mark = {}, .mark_text = {}};
  for (const Json& row : json.at("kernel")) {
    if (row.at("size") != 512 || row.at("kind") != "grey") continue;
    const double us = NumberOf(row, "us");
    const bool active = row.at("target") == json.at("active_target");
    chart.bars.push_back({.label = TextOf(row, "target") + (active ? " (in use)" : ""),
                          .value = us,
                          .text = Duration(us) + ", " + Rounded(NumberOf(row, "vs_scalar")) +
                                  " times the plain definition",
                          .colour = active ? 2 : 0});
  }
  page.Add(chart);
  Table table{.columns = {"JPEG files", "files", "bare decode", "bytes to 8 hashes", "ratio",
                          "pictures/s, one thread"},
              .rows = {}};
  AddFiles(json.at("files"), "fast (checks)", &table);
  AddFiles(json.at("files_exact"), "exact (submissions)", &table);
  if (!table.rows.empty()) page.Add(table);
}

// --- start

void AddStart(const Json& json, Page& page) {
  page.Heading("Start");
  page.Text("From a start of the engine to ready, with " + CountText(NumberOf(json, "entries")) +
            " entries. Cold: none of the files in memory.");
  BarChart chart{.title = "Start to ready", .bars = {}, .mark = {}, .mark_text = {}};
  for (const Json& start : json.at("starts")) {
    const double seconds = NumberOf(start, "s");
    chart.bars.push_back({.label = TextOf(start, "from") + ", " + TextOf(start, "files"),
                          .value = seconds,
                          .text = Duration(seconds * 1e6),
                          .colour = start.at("from") == "checkpoint" ? 2 : 0});
  }
  page.Add(chart);
}

// --- robustness

void AddRobustness(const Json& json, Page& page) {
  page.Heading("Robustness: edited copies that are found");
  page.Text("Each of " + Rounded(NumberOf(json, "photographs")) +
            " photographs in every edit, against " + Rounded(NumberOf(json, "entries")) +
            " known ones of which one hash each is known. Percent found, by tier.");
  std::vector<std::string> tiers;
  std::vector<RecallBar> bars;
  Table table{.columns = {"edit", "kind", "tier", "asked", "recall", "median distance",
                          "not scanned", "false", "decode", "hash", "search"},
              .rows = {}};
  double wrong = 0;
  for (const Json& row : json.at("robustness")) {
    const std::string edit = TextOf(row, "edit");
    if (bars.empty() || bars.back().edit != edit) {
      bars.push_back({.edit = edit, .kind = TextOf(row, "kind"), .recall = {}});
    }
    if (bars.size() == 1) tiers.push_back(TextOf(row, "tier"));
    bars.back().recall.push_back(NumberOf(row, "recall"));
    wrong += NumberOf(row, "false");
    table.rows.push_back({edit, TextOf(row, "kind"), TextOf(row, "tier"),
                          Rounded(NumberOf(row, "asked")), Percent(NumberOf(row, "recall")),
                          Rounded(NumberOf(row, "median")), Rounded(NumberOf(row, "not_scanned")),
                          Rounded(NumberOf(row, "false")), Duration(NumberOf(row, "decode_us")),
                          Duration(NumberOf(row, "hash_us")),
                          Duration(NumberOf(row, "search_us"))});
  }
  page.AddSvg(RecallChart(tiers, bars));
  if (wrong > 0) {
    page.Warning("Photographs were found that were not in the upload: " + Rounded(wrong) + ".");
  }
  page.Text("Pairs of an upload and a known photograph that is not in it: " +
            CountText(NumberOf(json, "pairs")) + " for each tier.");
  page.Add(table);
}

// --- trust

void AddLatency(const std::string& label, const Json& latency, int colour, BarChart* chart) {
  const double p99 = NumberOf(latency, "p99_us");
  chart->bars.push_back(
      {.label = label,
       .value = p99,
       .text = Duration(p99) + " (half in " + Duration(NumberOf(latency, "p50_us")) + ")",
       .colour = colour});
}

void AddTrust(const Json& json, Page& page) {
  page.Heading("Trust: what lists rely on");
  page.Text("With " + CountText(NumberOf(json, "entries")) + " entries.");
  BarChart times{.title = "99 of 100 take at most",
                 .bars = {},
                 .logarithmic = true,
                 .mark = {},
                 .mark_text = {}};
  if (json.contains("submit")) {
    const Json& submit = json.at("submit");
    AddLatency("submission acknowledged", submit.at("acknowledged"), 0, &times);
    AddLatency("submission blocks elsewhere", submit.at("blocked"), 0, &times);
    if (submit.at("missed") != 0) page.Warning("A submission did not block at the first try.");
  }
  if (json.contains("expiry")) {
    const Json& expiry = json.at("expiry");
    AddLatency("query, idle", expiry.at("idle"), 1, &times);
    AddLatency("query, while " + CountText(NumberOf(expiry, "expiring")) + " expire",
               expiry.at("during"), 1, &times);
    if (expiry.at("still_matched") != 0) page.Warning("An entry matched after its time.");
  }
  page.Add(times);
  BarChart rates{
      .title = "Entries a second, durable and matchable", .bars = {}, .mark = {}, .mark_text = {}};
  if (json.contains("upload")) {
    for (const auto& [name, rate] : json.at("upload").items()) {
      const double per_second = NumberOf(rate, "per_s");
      rates.bars.push_back({.label = name, .value = per_second, .text = Rounded(per_second)});
      if (rate.at("missing") != 0) page.Warning("An uploaded entry was not found.");
    }
  }
  page.Add(rates);
  if (json.contains("audit")) {
    const Json& audit = json.at("audit");
    page.Text("A chain of " + Rounded(NumberOf(audit, "events")) + " events is verified in " +
              Duration(NumberOf(audit, "verify_s") * 1e6) + ".");
    if (audit.at("found_edit") != true) page.Warning("A changed event was not found.");
  }
}

// --- server

// Files of versions before it do not say.
bool IsBesideHostile(const Json& row) {
  return row.contains("hostile_rps") && !row.at("hostile_rps").is_null();
}

std::string LabelOfRow(const Json& row) {
  const std::string beside = IsBesideHostile(row) ? " beside hostile files" : "";
  return TextOf(row, "mode") + beside + ", " + CountText(NumberOf(row, "entries")) + " entries";
}

double CapacityOf(const Json& rows, const Json& like) {
  for (const Json& row : rows) {
    if (row.at("target_rps").is_null() && row.at("mode") == like.at("mode") &&
        row.at("entries") == like.at("entries")) {
      return NumberOf(row, "rps");
    }
  }
  return NAN;
}

void AddServerCharts(const Json& rows, Page& page) {
  BarChart capacity{.title = "Calls a second at capacity",
                    .bars = {},
                    .logarithmic = true,
                    .mark = {},
                    .mark_text = {}};
  BarChart latency{.title = "Latency of calls that come at a steady rate",
                   .bars = {},
                   .logarithmic = true,
                   .mark = {},
                   .mark_text = {}};
  const std::map<std::string, int> colours = {{"floor", 3},  {"unary", 0},        {"batch", 1},
                                              {"stream", 2}, {"stream-batch", 1}, {"image", 0}};
  for (const Json& row : rows) {
    const double rps = NumberOf(row, "rps");
    const auto colour = colours.find(TextOf(row, "mode"));
    const int number = colour == colours.end() ? 0 : colour->second;
    if (row.at("target_rps").is_null()) {
      const double floor = NumberOf(row, "floor_rps");
      std::string text = Rounded(rps);
      if (std::isfinite(floor)) text += ", " + Rounded(rps / floor) + " of an empty call";
      capacity.bars.push_back(
          {.label = LabelOfRow(row), .value = rps, .text = text, .colour = number});
      continue;
    }
    const double share = NumberOf(row, "target_rps") / CapacityOf(rows, row);
    const double p99 = NumberOf(row, "p99_us");
    latency.bars.push_back(
        {.label = LabelOfRow(row) + " at " + Rounded(share),
         .value = p99,
         .text = "p99 " + Duration(p99) + ", p50 " + Duration(NumberOf(row, "p50_us")),
         .colour = number});
  }
  page.Add(capacity);
  page.Add(latency);
}

void AddServer(const Json& json, Page& page) {
  page.Heading("Server: what callers meet");
  page.Text(
      "The program as a process of its own, loaded over gRPC from the same machine. At capacity as "
      "many calls are made as are answered; at a share of it each call comes at its time whatever "
      "became of those before, and its latency counts from then. Twice the capacity shows what an "
      "overload does: refusals, and how fast the others are answered.");
  const Json& rows = json.at("results");
  for (const Json& row : rows) {
    if (row.at("wrong") != 0) page.Warning("Wrong answers: " + LabelOfRow(row) + ".");
  }
  AddServerCharts(rows, page);
  Table table{.columns = {"mode", "entries", "asked/s", "answered/s", "p50", "p99", "p99.9",
                          "errors", "server cores", "client cores", "MB", "of the engine"},
              .rows = {}};
  for (const Json& row : rows) {
    const double seconds = NumberOf(row, "seconds");
    const double target = NumberOf(row, "target_rps");
    const double engine = NumberOf(row, "engine_pictures_s");
    const double pictures = NumberOf(row, "rps") * NumberOf(row, "pictures");
    table.rows.push_back(
        {TextOf(row, "mode") + (IsBesideHostile(row) ? " beside hostile files" : ""),
         CountText(NumberOf(row, "entries")), std::isfinite(target) ? Rounded(target) : "all",
         Rounded(NumberOf(row, "rps")), Duration(NumberOf(row, "p50_us")),
         Duration(NumberOf(row, "p99_us")), Duration(NumberOf(row, "p999_us")),
         Rounded(NumberOf(row, "errors")), Rounded(NumberOf(row, "cpu_s") / seconds),
         Rounded(NumberOf(row, "client_cpu_s") / seconds), Rounded(NumberOf(row, "rss_mb")),
         std::isfinite(engine) ? Percent(pictures / engine) : "-"});
  }
  page.Add(table);
  Table starts{.columns = {"entries", "start to ready", "idle memory, MB", "processes"},
               .rows = {}};
  for (const Json& start : json.at("starts")) {
    starts.rows.push_back(
        {CountText(NumberOf(start, "entries")), Duration(NumberOf(start, "ready_s") * 1e6),
         Rounded(NumberOf(start, "rss_mb")), Rounded(NumberOf(start, "processes"))});
  }
  page.Add(starts);
}

}  // namespace

std::string SuiteOf(const Json& json) {
  if (!json.is_object()) return "";
  if (json.contains("kernel")) return "hash";
  if (json.contains("robustness")) return "robustness";
  for (const char* part : {"submit", "expiry", "upload", "audit"}) {
    if (json.contains(part)) return "trust";
  }
  const auto results = json.find("results");
  if (results != json.end() && results->is_array()) {
    if (json.contains("starts")) return "server";
    return results->empty() || results->front().contains("recall") ? "search" : "";
  }
  return json.contains("starts") ? "start" : "";
}

void AddSuite(const std::string& suite, const Json& json, Page& page) {
  const std::map<std::string, void (*)(const Json&, Page&)> suites = {
      {"search", AddSearch},         {"hash", AddHash},   {"start", AddStart},
      {"robustness", AddRobustness}, {"trust", AddTrust}, {"server", AddServer}};
  suites.at(suite)(json, page);
}

}  // namespace vigie::bench
