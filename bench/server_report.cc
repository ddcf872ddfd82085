// What `vigie-bench server` writes: the table and the JSON file.
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "bench/server_bench.h"
#include "engine/base/simd.h"

namespace vigie::bench {
namespace {

using Json = nlohmann::ordered_json;

Json OrNull(double value) { return value > 0 ? Json(value) : Json(nullptr); }

uint64_t ErrorsOf(const LoadResult& load) { return load.failed + load.refused + load.wrong; }

Json JsonOf(const ServerRow& row) {
  const LoadResult& load = row.load;
  return {{"mode", row.mode},
          {"entries", row.entries},
          {"target_rps", row.target.has_value() ? Json(*row.target) : Json(nullptr)},
          {"rps", load.per_second()},
          {"p50_us", load.latencies.p50_us},
          {"p99_us", load.latencies.p99_us},
          {"p999_us", load.latencies.p999_us},
          {"errors", ErrorsOf(load)},
          {"refused", load.refused},
          {"failed", load.failed},
          {"wrong", load.wrong},
          {"cpu_s", row.server_cpu_s},
          {"client_cpu_s", row.client_cpu_s},
          {"seconds", load.seconds},
          {"rss_mb", row.memory_mb},
          {"floor_rps", OrNull(row.floor_rps)},
          {"pictures", row.pictures},
          {"engine_pictures_s", OrNull(row.engine_rps)},
          {"hostile_rps", row.hostile_rps.has_value() ? Json(*row.hostile_rps) : Json(nullptr)}};
}

}  // namespace

void PrintServerHeader() {
  std::printf("%-20s %8s %9s %9s %9s %9s %9s %8s %8s %7s %7s %7s %7s %6s\n", "mode", "entries",
              "target/s", "calls/s", "p50 us", "p99 us", "p99.9 us", "refused", "failed", "server",
              "client", "MB", "/floor", "/alone");
}

void PrintServerRow(const ServerRow& row) {
  const LoadResult& load = row.load;
  const std::string mode = row.mode + (row.hostile_rps.has_value() ? "+hostile" : "");
  char target[32] = "max";
  if (row.target.has_value()) std::snprintf(target, sizeof(target), "%.0f", *row.target);
  std::printf("%-20s %8zu %9s %9.0f %9.0f %9.0f %9.0f %8llu %8llu %7.2f %7.2f %7.1f", mode.c_str(),
              row.entries, target, load.per_second(), load.latencies.p50_us, load.latencies.p99_us,
              load.latencies.p999_us, static_cast<unsigned long long>(load.refused),
              static_cast<unsigned long long>(load.failed + load.wrong),
              row.server_cpu_s / load.seconds, row.client_cpu_s / load.seconds, row.memory_mb);
  const auto ratio = [](double value, double base) {
    if (base > 0) {
      std::printf(" %7.3f", value / base);
    } else {
      std::printf(" %7s", "-");
    }
  };
  ratio(load.per_second(), row.floor_rps);
  ratio(load.per_second() * static_cast<double>(row.pictures), row.engine_rps);
  if (row.hostile_rps.has_value()) std::printf("  beside %.0f hostile/s", *row.hostile_rps);
  std::printf("\n");
  std::fflush(stdout);
}

void PrintServerEnd(const ServerReport& report) {
  for (const ServerStart& start : report.starts) {
    std::printf("start with %zu entries: ready in %.2f s, %.1f MB idle in %zu processes\n",
                start.entries, start.ready_s, start.memory_mb, start.processes);
  }
  std::printf(
      "max: as many calls as are answered, a fixed number in flight; else at that rate, latency\n"
      "from the time a call was due. server, client: cores used. MB: the server and the processes\n"
      "it has started, shared pages once. /floor: calls against an empty method of the same\n"
      "server. /alone: pictures against the same engine on all cores without a server; the client\n"
      "takes its part of the cores here.\n");
}

void WriteServerJson(const ServerReport& report, const std::string& path) {
  Json json;
  json["results"] = Json::array();
  for (const ServerRow& row : report.rows) json["results"].push_back(JsonOf(row));
  json["starts"] = Json::array();
  for (const ServerStart& start : report.starts) {
    json["starts"].push_back({{"entries", start.entries},
                              {"ready_s", start.ready_s},
                              {"rss_mb", start.memory_mb},
                              {"processes", start.processes}});
  }
  json["machine"] = {{"cores", std::thread::hardware_concurrency()}, {"simd", ActiveSimdTarget()}};
  std::ofstream out(path, std::ios::trunc);
  out << json.dump(2) << "\n";
  out.close();
  if (out.fail()) throw std::runtime_error("cannot write " + path);
}

}  // namespace vigie::bench
