#include "bench/search_report.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <map>
#include <tuple>

#include "engine/base/simd.h"

namespace vigie::bench {
namespace {

template <typename... Args>
std::string Format(const char* format, Args... args) {
  char text[256];
  std::snprintf(text, sizeof(text), format, args...);
  return text;
}

// Three digits at least, whatever the size.
std::string Microseconds(double us) {
  return Format(us < 10 ? "%.2f" : us < 1000 ? "%.1f" : "%.0f", us);
}

std::string CpuModel() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("model name", 0) != 0) continue;
    const size_t at = line.find(": ");
    if (at != std::string::npos) return line.substr(at + 2);
  }
  return "unknown";
}

long Cores() { return sysconf(_SC_NPROCESSORS_ONLN); }

// The best instruction set, of those we build for, that this machine has.
std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) quoted += c;
  }
  return quoted + '"';
}

std::string Number(double value) { return std::isfinite(value) ? Format("%.6g", value) : "null"; }

std::string JsonOf(const SearchRow& row) {
  return Format("{\"index\": %s, \"n\": %zu, \"radius\": %d, \"threads\": %zu, ",
                Quoted(row.index).c_str(), row.n, row.radius, row.threads) +
         Format("\"distribution\": \"%s\", \"batch\": %zu, \"queries\": %zu, ",
                std::string(Name(row.distribution)).c_str(), row.batch, row.queries) +
         "\"build_s\": " + Number(row.build_s) +
         ", \"bytes_per_hash\": " + Number(row.bytes_per_hash) +
         ", \"p50_us\": " + Number(row.p50_us) + ", \"p99_us\": " + Number(row.p99_us) +
         ", \"mean_us\": " + Number(row.mean_us) + ", \"p50_few_us\": " + Number(row.p50_few_us) +
         ", \"p99_few_us\": " + Number(row.p99_few_us) + ", \"qps\": " + Number(row.qps) +
         ", \"recall\": " + Number(row.recall) +
         (row.changes_per_s > 0 ? ", \"changes_per_s\": " + Number(row.changes_per_s) : "") + "}";
}

// Rows that were measured alike but for the index or the number of threads.
class Rows {
 public:
  explicit Rows(std::span<const SearchRow> rows) {
    for (const SearchRow& row : rows) {
      by_key_[{LabelOf(row), row.n, row.radius, row.threads}] = &row;
    }
  }
  // nullptr when there is none.
  const SearchRow* Find(const SearchRow& like, const std::string& label, size_t threads) const {
    const auto it = by_key_.find({label, like.n, like.radius, threads});
    return it == by_key_.end() ? nullptr : it->second;
  }

 private:
  std::map<std::tuple<std::string, size_t, int, size_t>, const SearchRow*> by_key_;
};

void PrintLive(const SearchRow& row, const Rows& rows, std::ostream& out) {
  const SearchRow* idle = rows.Find(row, "live-idle", row.threads);
  if (std::string_view(row.index) != "live" || idle == nullptr) return;
  out << Format("n %zu, radius %d, threads %zu: live / idle: p50 x %.2f, p99 x %.2f, ", row.n,
                row.radius, row.threads, row.p50_us / idle->p50_us, row.p99_us / idle->p99_us)
      << Format("at %.0f changes a second\n", row.changes_per_s);
}

void PrintOrientations(const SearchRow& row, const Rows& rows, std::ostream& out) {
  constexpr std::string_view kOneCall = ":8-in-1-call";
  const std::string index = row.index;
  if (!index.ends_with(kOneCall)) return;
  const std::string kind = index.substr(0, index.size() - kOneCall.size());
  for (const auto& [name, what] : {std::pair(":8-calls", "8 calls with one each"),
                                   std::pair(":8-pictures", "8 calls for 8 pictures")}) {
    const SearchRow* eight = rows.Find(row, kind + name, row.threads);
    if (eight == nullptr) continue;
    out << Format("n %zu, radius %d, %s: 8 orientations in one call / %s: ", row.n, row.radius,
                  kind.c_str(), what)
        << Format("p50 x %.2f, mean x %.2f\n", row.p50_us / eight->p50_us,
                  row.mean_us / eight->mean_us);
  }
}

// How many times as fast as each other index `mih` is, and two threads as one.
void PrintSpeedups(std::span<const SearchRow> all, const Rows& rows, std::ostream& out) {
  for (const SearchRow& row : all) {
    const SearchRow* mih = rows.Find(row, "mih", row.threads);
    if (mih != nullptr && !std::string_view(row.index).starts_with("mih")) {
      out << Format("n %zu, radius %d, threads %zu: %s / mih: mean x %.1f\n", row.n, row.radius,
                    row.threads, LabelOf(row).c_str(), row.mean_us / mih->mean_us);
    }
    const SearchRow* one = row.threads > 1 ? rows.Find(row, LabelOf(row), 1) : nullptr;
    if (one != nullptr) {
      out << Format("n %zu, radius %d, %s: %zu threads / 1: queries/s x %.2f\n", row.n, row.radius,
                    LabelOf(row).c_str(), row.threads, row.qps / one->qps);
    }
  }
}

void PrintRatios(std::span<const SearchRow> all, std::ostream& out) {
  const Rows rows(all);
  for (const SearchRow& row : all) {
    PrintLive(row, rows, out);
    PrintOrientations(row, rows, out);
  }
  PrintSpeedups(all, rows, out);
}

bool HasIndex(std::span<const SearchRow> rows, std::string_view name) {
  return std::any_of(rows.begin(), rows.end(), [name](const SearchRow& row) {
    return std::string_view(row.index).starts_with(name);
  });
}

}  // namespace

std::string LabelOf(const SearchRow& row) {
  const std::string index = row.index;
  if (row.batch == 1 || index.find(':') != std::string::npos) return index;
  return index + ":batch" + std::to_string(row.batch);
}

void PrintTable(std::span<const SearchRow> rows, const SearchOptions& options, std::ostream& out) {
  out << Format("%-22s %10s %6s %7s %8s %7s %9s %9s %9s %10s %7s %8s\n", "index", "n", "radius",
                "threads", "build s", "B/hash", "p50 us", "p99 us", "mean us", "queries/s",
                "recall", "queries");
  for (const SearchRow& row : rows) {
    // The resident set comes in pages, of 2 MiB where they are huge: no figure for few codes.
    const std::string bytes = row.n < 100'000 ? "-" : Format("%.1f", row.bytes_per_hash);
    out << Format("%-22s %10zu %6d %7zu %8.2f %7s ", LabelOf(row).c_str(), row.n, row.radius,
                  row.threads, row.build_s, bytes.c_str())
        << Format("%9s %9s %9s %10.0f %7.4f %8zu\n", Microseconds(row.p50_us).c_str(),
                  Microseconds(row.p99_us).c_str(), Microseconds(row.mean_us).c_str(), row.qps,
                  row.recall, row.queries);
  }
  PrintRatios(rows, out);
  if (rows.empty()) return;
  out << "\n";
  if (!options.live) {
    out << Describe(options.distribution)
        << "\nMicroseconds a query: a call's time divided by its queries. Answers were compared "
           "with a plain scan before timing.\n";
  }
  out << "B/hash: growth of the resident set by the codes and the index, in a process of its own "
         "for each index and n.\n";
  if (HasIndex(rows, "faiss-hnsw")) {
    out << "faiss-hnsw has no range search: IndexBinaryHNSW(256, 32) is asked for the nearest 64, "
           "of which those within the radius count.\n";
  }
  if (HasIndex(rows, "live")) {
    out << "live: uniform rows; every query checks a row that must be found, or one withdrawn that "
           "must not; a writer and a maintenance thread share the machine's cores.\n";
  }
  out << Format("%s, %ld cores, kernel %s\n", CpuModel().c_str(), Cores(),
                ActiveSimdTarget().c_str());
}

void WriteJson(std::span<const SearchRow> rows, std::ostream& out) {
  out << "{\"results\": [";
  const char* separator = "\n  ";
  for (const SearchRow& row : rows) {
    out << separator << JsonOf(row);
    separator = ",\n  ";
  }
  out << "\n],\n\"machine\": {\"cpu\": " << Quoted(CpuModel())
      << Format(", \"cores\": %ld, \"kernel\": \"%s\"}}\n", Cores(), ActiveSimdTarget().c_str());
}

}  // namespace vigie::bench
