// What `vigie-bench hash` writes: tables and the JSON file.
#include <cmath>
#include <cstdio>
#include <fstream>

#include "bench/hash.h"
#include "engine/base/simd.h"

namespace vigie::bench {
namespace {

const char* KindOf(ChannelOrder order) { return order == ChannelOrder::kGray ? "grey" : "colour"; }

std::string Number(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.6g", value);
  return std::isfinite(value) ? text : "null";
}

std::string JsonOf(const KernelRow& row) {
  return "{\"size\": " + std::to_string(row.side) + ", \"kind\": \"" + KindOf(row.order) +
         "\", \"target\": \"" + row.target + "\", \"us\": " + Number(row.us) +
         ", \"vs_scalar\": " + Number(row.definition_us / row.us) +
         ", \"eight_us\": " + Number(row.eight_us) +
         ", \"definition_us\": " + Number(row.definition_us) + "}";
}

std::string JsonOf(const FilesRow& row) {
  std::string by_threads;
  for (const double rate : row.images_per_s) {
    by_threads += (by_threads.empty() ? "" : ", ") + Number(rate);
  }
  return "{\"count\": " + std::to_string(row.count) + ", \"decode_us\": " + Number(row.decode_us) +
         ", \"total_us\": " + Number(row.total_us) +
         ", \"ratio\": " + Number(row.total_us / row.decode_us) + ", \"images_per_s\": " +
         Number(row.images_per_s.empty() ? std::nan("") : row.images_per_s.front()) +
         ", \"images_per_s_by_threads\": [" + by_threads +
         "], \"hash_us\": " + Number(row.hash_us) +
         ", \"definition_us\": " + Number(row.definition_us) +
         ", \"hash_vs_scalar\": " + Number(row.definition_us / row.hash_us) + "}";
}

std::string JsonOf(const Drift& drift) {
  return "{\"count\": " + std::to_string(drift.count) +
         ", \"identical\": " + std::to_string(drift.identical) +
         ", \"mean\": " + Number(drift.count == 0 ? std::nan("") : drift.mean) +
         ", \"p50\": " + std::to_string(drift.p50) + ", \"p99\": " + std::to_string(drift.p99) +
         ", \"max\": " + std::to_string(drift.max) +
         ", \"featureless\": " + std::to_string(drift.featureless) +
         ", \"featureless_max\": " + std::to_string(drift.featureless_max) + "}";
}

void PrintFiles(const char* mode, const FilesRow& row) {
  if (row.count == 0) return;
  const auto count = static_cast<double>(row.count);
  std::printf("%-6s %6zu %10.1f %10.1f %7.3f %9.1f %11.1f", mode, row.count, row.decode_us / count,
              row.total_us / count, row.total_us / row.decode_us, row.hash_us / count,
              row.definition_us / row.hash_us);
  for (const double rate : row.images_per_s) std::printf(" %9.0f", rate);
  std::printf("\n");
}

}  // namespace

void PrintHashTables(const HashReport& report) {
  std::printf("%-11s %-7s %-9s %9s %10s %9s %11s\n", "pixels", "kind", "target", "us", "vs scalar",
              "8 hashes", "8 against 1");
  for (const KernelRow& row : report.kernel) {
    std::printf("%4dx%-6d %-7s %-9s %9.1f %10.1f %9.1f %11.3f\n", row.side, row.side,
                KindOf(row.order), row.target.c_str(), row.us, row.definition_us / row.us,
                row.eight_us, row.eight_us / row.us);
  }
  std::printf(
      "Microseconds from decoded pixels to hash and quality, profile reference, the fastest call;\n"
      "scalar: the definition in plain C++. Bits were compared with its before timing.\n");
  if (report.fast.count + report.exact.count == 0) return;
  std::printf("\n%-6s %6s %10s %10s %7s %9s %11s", "mode", "files", "bare us", "total us", "ratio",
              "hash us", "vs scalar");
  for (size_t t = 1; t <= report.fast.images_per_s.size(); ++t) std::printf("  img/s x%zu", t);
  std::printf("\n");
  PrintFiles("fast", report.fast);
  PrintFiles("exact", report.exact);
  std::printf(
      "Microseconds a file. bare: libjpeg-turbo alone, luma (fast) or colour (exact); total: "
      "bytes\n"
      "to 8 hashes; hash: of that, after decoding.\n");
  const Drift& drift = report.drift;
  std::printf(
      "\ndrift of fast against exact, bits: mean %.2f, p50 %d, p99 %d, max %d; %zu of %zu "
      "identical; "
      "%zu featureless, max %d\n",
      drift.mean, drift.p50, drift.p99, drift.max, drift.identical, drift.count, drift.featureless,
      drift.featureless_max);
  std::printf("kernel in use: %s\n", ActiveSimdTarget().c_str());
}

bool WriteHashJson(const HashReport& report, const std::string& path) {
  std::ofstream out(path, std::ios::trunc);
  out << "{\"kernel\": [";
  const char* separator = "\n  ";
  for (const KernelRow& row : report.kernel) {
    out << separator << JsonOf(row);
    separator = ",\n  ";
  }
  out << "\n],\n\"files\": " << JsonOf(report.fast)
      << ",\n\"files_exact\": " << JsonOf(report.exact) << ",\n\"drift\": " << JsonOf(report.drift)
      << ",\n\"active_target\": \"" << ActiveSimdTarget() << "\"}\n";
  out.close();
  return !out.fail();
}

}  // namespace vigie::bench
