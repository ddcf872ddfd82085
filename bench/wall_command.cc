// vigie-bench wall: what it costs to decode pictures in processes of their own.
#include <signal.h>
#include <sys/types.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/bench.h"
#include "bench/hash.h"
#include "bench/inputs.h"
#include "bench/stopwatch.h"
#include "server/decode/walled_hasher.h"

namespace vigie::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr TimeUs kForever = std::numeric_limits<TimeUs>::max();
constexpr uint64_t kSeed = 9;

struct WallFlags {
  std::string images;
  std::string json;
  int rounds = 5;
  int threads = 2;
  int kills = 200;
};

// All files once with each hasher, in turn; medians over the rounds.
struct WallRow {
  int threads = 0;
  double in_process_per_s = 0;
  double walled_per_s = 0;
  double ratio = 0;  // of one round
};

struct WallReport {
  size_t files = 0;
  size_t bytes = 0;
  std::vector<WallRow> rows = {};
  double start_ms = 0;         // until all workers are behind the wall
  double replace_p50_ms = 0;   // from the end of a worker to the answer of the next one
  double replace_p99_ms = 0;   // likewise
  double idle_spawner_mb = 0;  // private memory of the spawner before any picture
  double idle_worker_mb = 0;   // and what each worker adds
};

double Median(std::vector<double> values) {
  if (values.empty()) return std::nan("");
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::vector<Jpeg> GeneratedFiles() {
  std::vector<Jpeg> files;
  for (const auto& [width, height] : {std::pair(500, 375), std::pair(1600, 1200)}) {
    for (uint64_t i = 0; i < 40; ++i) {
      files.push_back(
          {.name = std::to_string(width) + "x" + std::to_string(height) + "-" + std::to_string(i),
           .bytes = ToJpeg(MakePicture(width, height, ChannelOrder::kBgr, kSeed + i))});
    }
  }
  return files;
}

bool SameAnswer(const absl::StatusOr<HashedImage>& a, const absl::StatusOr<HashedImage>& b) {
  if (a.status() != b.status()) return false;
  if (!a.ok()) return true;
  return a->frames.size() == 1 && b->frames.size() == 1 &&
         a->frames[0].pdq.hashes == b->frames[0].pdq.hashes &&
         a->frames[0].pdq.quality == b->frames[0].pdq.quality;
}

constexpr HashOptions kAsChecks = {.mode = DecodeMode::kFast};

double ImagesPerSecond(const ImageHasher& hasher, const std::vector<Jpeg>& files, int threads) {
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < files.size(); i = next++) {
      hasher.Hash(files[i].bytes, kAsChecks, kForever).status().IgnoreError();
    }
  };
  const auto begin = Clock::now();
  std::vector<std::jthread> callers;
  for (int t = 0; t < threads; ++t) callers.emplace_back(work);
  callers.clear();  // joins
  return static_cast<double>(files.size()) / SecondsSince(begin);
}

WallRow Measure(const ImageHasher& in_process, const ImageHasher& walled,
                const std::vector<Jpeg>& files, int threads, int rounds) {
  std::vector<double> plain;
  std::vector<double> behind;
  std::vector<double> ratios;
  for (int i = 0; i < rounds; ++i) {
    plain.push_back(ImagesPerSecond(in_process, files, threads));
    behind.push_back(ImagesPerSecond(walled, files, threads));
    ratios.push_back(behind.back() / plain.back());
  }
  return {.threads = threads,
          .in_process_per_s = Median(plain),
          .walled_per_s = Median(behind),
          .ratio = Median(ratios)};
}

// Memory that a process does not share with files, its part of what it shares with others, MB.
double PrivateMegabytes(pid_t pid) {
  std::ifstream rollup("/proc/" + std::to_string(pid) + "/smaps_rollup");
  std::string word;
  double kilobytes = 0;
  while (rollup >> word) {
    if (word == "Pss_Anon:" || word == "Pss_Shmem:") {
      double value = 0;
      rollup >> value;
      kilobytes += value;
    }
  }
  return kilobytes / 1024;
}

void MeasureKills(const WalledHasher& hasher, const Jpeg& picture, int kills, WallReport* report) {
  std::vector<double> ms;
  for (int i = 0; i < kills; ++i) {
    const pid_t worker = hasher.Processes().front();
    // A worker of ours that nobody has waited for: the number is its own.
    if (worker <= 0 || kill(worker, SIGKILL) != 0) continue;
    const auto begin = Clock::now();
    while (!hasher.Hash(picture.bytes, kAsChecks, kForever).ok()) {
    }
    ms.push_back(SecondsSince(begin) * 1e3);
  }
  if (ms.empty()) return;
  std::sort(ms.begin(), ms.end());
  report->replace_p50_ms = ms[ms.size() / 2];
  report->replace_p99_ms = ms[ms.size() * 99 / 100];
}

void Print(const WallReport& report) {
  std::printf("%zu JPEG files, %.0f kB on average\n\n", report.files,
              static_cast<double>(report.bytes) / static_cast<double>(report.files) / 1e3);
  std::printf("%7s %16s %12s %7s\n", "threads", "in process img/s", "walled img/s", "ratio");
  for (const WallRow& row : report.rows) {
    std::printf("%7d %16.0f %12.0f %7.3f\n", row.threads, row.in_process_per_s, row.walled_per_s,
                row.ratio);
  }
  std::printf(
      "\nstart of all workers %.0f ms; from kill -9 of a worker to the next answer: p50 %.1f ms, "
      "p99 %.1f ms\n"
      "idle, beside program files: spawner and its share %.1f MB, each worker %.1f MB\n",
      report.start_ms, report.replace_p50_ms, report.replace_p99_ms, report.idle_spawner_mb,
      report.idle_worker_mb);
}

bool WriteJson(const WallReport& report, const std::string& path) {
  std::ofstream out(path, std::ios::trunc);
  out << "{\"files\": " << report.files << ", \"bytes\": " << report.bytes << ", \"results\": [";
  const char* separator = "\n  ";
  for (const WallRow& row : report.rows) {
    out << separator << "{\"threads\": " << row.threads
        << ", \"in_process_per_s\": " << row.in_process_per_s
        << ", \"walled_per_s\": " << row.walled_per_s << ", \"ratio\": " << row.ratio << "}";
    separator = ",\n  ";
  }
  out << "\n],\n\"start_ms\": " << report.start_ms
      << ", \"replace_p50_ms\": " << report.replace_p50_ms
      << ", \"replace_p99_ms\": " << report.replace_p99_ms
      << ", \"idle_spawner_mb\": " << report.idle_spawner_mb
      << ", \"idle_worker_mb\": " << report.idle_worker_mb << "}\n";
  out.close();
  return !out.fail();
}

void MeasureIdle(const WalledHasher& hasher, WallReport* report) {
  const std::vector<pid_t> processes = hasher.Processes();
  report->idle_spawner_mb = PrivateMegabytes(processes.back());
  for (size_t i = 0; i + 1 < processes.size(); ++i) {
    report->idle_worker_mb +=
        PrivateMegabytes(processes[i]) / static_cast<double>(processes.size() - 1);
  }
}

int RunWall(const WallFlags& flags) {
  std::vector<Jpeg> files;
  size_t skipped = 0;
  try {
    files = flags.images.empty() ? GeneratedFiles() : LoadJpegs(flags.images, &skipped);
  } catch (const std::filesystem::filesystem_error& e) {
    return Complain(kExitFailed, e.what());
  }
  if (files.empty()) return Complain(kExitFailed, "no JPEG that can be decoded");
  WallReport report{.files = files.size()};
  for (const Jpeg& file : files) report.bytes += file.bytes.size();

  const auto begin = Clock::now();
  auto walled = WalledHasher::Start({.workers = static_cast<size_t>(flags.threads)}, SystemClock());
  if (!walled.ok()) return Complain(kExitFailed, std::string(MessageOf(walled.status())));
  report.start_ms = SecondsSince(begin) * 1e3;
  MeasureIdle(**walled, &report);

  const InProcessHasher in_process(SystemClock());
  bool all_right = true;
  for (const Jpeg& file : files) {
    if (SameAnswer((*walled)->Hash(file.bytes, kAsChecks, kForever),
                   in_process.Hash(file.bytes, kAsChecks, kForever))) {
      continue;
    }
    std::fprintf(stderr, "vigie-bench: %s: another answer behind the wall\n", file.name.c_str());
    all_right = false;
  }
  if (!all_right) return kExitSomeFailed;
  for (int threads = 1; threads <= flags.threads; ++threads) {
    report.rows.push_back(Measure(in_process, **walled, files, threads, flags.rounds));
  }
  const auto smallest = std::min_element(
      files.begin(), files.end(),
      [](const Jpeg& a, const Jpeg& b) { return a.bytes.size() < b.bytes.size(); });
  MeasureKills(**walled, *smallest, flags.kills, &report);
  Print(report);
  if (!flags.json.empty() && !WriteJson(report, flags.json)) {
    return Complain(kExitFailed, "cannot write " + flags.json);
  }
  return kExitOk;
}

}  // namespace

void AddWall(CLI::App& app, int* exit_code) {
  CLI::App* command = app.add_subcommand(
      "wall", "Decoding in processes behind a wall against decoding in this one");
  auto flags = std::make_shared<WallFlags>();
  command->add_option("--images", flags->images, "JPEG files below this folder; default: generated")
      ->type_name("DIR");
  command->add_option("--json", flags->json, "also write the results here")->type_name("FILE");
  command->add_option("--rounds", flags->rounds, "all files, so many times each way; default: 5")
      ->check(CLI::Range(1, 1000).description(""));
  command
      ->add_option("--threads", flags->threads,
                   "callers, 1 to so many, and as many workers; default: 2")
      ->check(CLI::Range(1, 256).description(""));
  command->add_option("--kills", flags->kills, "workers that are killed; default: 200")
      ->check(CLI::Range(0, 1'000'000).description(""));
  command->footer(
      "Every file's answer is compared first: exit code 1 when one differs. Both ways take turns;\n"
      "figures are medians of the rounds.");
  command->callback([flags, exit_code] { *exit_code = RunWall(*flags); });
}

}  // namespace vigie::bench
