// vigie-bench trust: submission to block, expiry, upload and audit, at the size of a large list.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "bench/bench.h"
#include "bench/server_process.h"
#include "bench/trust.h"

namespace vigie::bench {
namespace {

using OrderedJson = nlohmann::ordered_json;

struct TrustFlags {
  TrustOptions trust;
  std::vector<std::string> parts = {"submit", "expiry", "upload", "audit"};
  std::string json;
};

void Print(const char* name, const LatencySummary& latencies) {
  std::printf("  %-34s p50 %8.2f ms  p99 %8.2f ms  max %8.2f ms  (%zu)\n", name,
              latencies.p50_us / 1e3, latencies.p99_us / 1e3, latencies.max_us / 1e3,
              latencies.count);
}

OrderedJson JsonOf(const LatencySummary& latencies) {
  return {{"count", latencies.count},
          {"p50_us", latencies.p50_us},
          {"p99_us", latencies.p99_us},
          {"max_us", latencies.max_us}};
}

// Each prints, adds to `json`, and returns true when every answer was right.
bool Submit(const TrustOptions& options, OrderedJson& json) {
  const SubmitResult result = MeasureSubmit(options);
  std::printf("submit: %zu entries, %.0f checks/s beside\n", options.entries, options.checks);
  Print("upload acknowledged", result.acknowledged);
  Print("PROVISIONAL_BLOCK elsewhere", result.blocked);
  Print("the checks beside", result.checks.latencies);
  std::printf(
      "  %zu rounds without the block at the first try; checks: %llu failed, %llu matched\n",
      result.missed, static_cast<unsigned long long>(result.checks.failed + result.checks.refused),
      static_cast<unsigned long long>(result.checks.wrong));
  json["submit"] = {{"acknowledged", JsonOf(result.acknowledged)},
                    {"blocked", JsonOf(result.blocked)},
                    {"checks", JsonOf(result.checks.latencies)},
                    {"missed", result.missed},
                    {"checks_failed", result.checks.failed + result.checks.refused},
                    {"checks_matched", result.checks.wrong}};
  return result.missed == 0 &&
         result.checks.failed + result.checks.refused + result.checks.wrong == 0;
}

bool Expiry(const TrustOptions& options, OrderedJson& json) {
  const ExpiryResult result = MeasureExpiry(options);
  const double ratio = result.during.p99_us / result.idle.p99_us;
  std::printf("expiry: %zu of %zu entries in one second\n", options.expiring,
              std::max(options.entries, options.expiring));
  Print("queries, idle", result.idle);
  Print("queries, while they expire", result.during);
  std::printf("  p99 x %.2f; written down in %.2f s; %zu still matched, %zu not written down\n",
              ratio, result.written_s, result.found_after, result.not_written);
  json["expiry"] = {{"expiring", options.expiring},     {"idle", JsonOf(result.idle)},
                    {"during", JsonOf(result.during)},  {"p99_ratio", ratio},
                    {"written_s", result.written_s},    {"still_matched", result.found_after},
                    {"not_written", result.not_written}};
  return result.found_after == 0 && result.not_written == 0;
}

bool Upload(const TrustOptions& options, OrderedJson& json) {
  const UploadRates rates = MeasureUpload(options);
  std::printf("upload: %zu entries\n", options.entries);
  bool right = true;
  for (const auto& [name, rate] :
       {std::pair("engine", rates.engine), std::pair("stream", rates.stream),
        std::pair("named", rates.named), std::pair("import", rates.import)}) {
    std::printf(
        "  %-8s %9.0f entries/s  %8.2f s  cpu: server %6.2f us, client %6.2f us an entry; "
        "%zu not found\n",
        name, rate.per_second, rate.seconds, rate.server_cpu_us, rate.client_cpu_us, rate.missing);
    json["upload"][name] = {{"per_s", rate.per_second},
                            {"s", rate.seconds},
                            {"server_cpu_us", rate.server_cpu_us},
                            {"client_cpu_us", rate.client_cpu_us},
                            {"missing", rate.missing}};
    right = right && rate.missing == 0;
  }
  return right;
}

bool Audit(const TrustOptions& options, OrderedJson& json) {
  const AuditResult result = MeasureAudit(options);
  std::printf("audit: %llu events appended in %.2f s, verified in %.2f s; a changed event was %s\n",
              static_cast<unsigned long long>(result.events), result.append_s, result.verify_s,
              result.found_edit ? "found" : "NOT FOUND");
  json["audit"] = {{"events", result.events},
                   {"append_s", result.append_s},
                   {"verify_s", result.verify_s},
                   {"found_edit", result.found_edit}};
  return result.found_edit && result.events == options.entries + 1;  // and the genesis
}

int RunTrust(TrustFlags options) {
  const std::map<std::string, bool (*)(const TrustOptions&, OrderedJson&)> parts = {
      {"submit", Submit}, {"expiry", Expiry}, {"upload", Upload}, {"audit", Audit}};
  options.trust.program = FindProgram(options.trust.program);
  OrderedJson json = {{"entries", options.trust.entries},
                      {"cores", std::thread::hardware_concurrency()}};
  bool right = true;
  for (const std::string& part : options.parts) {
    right = parts.at(part)(options.trust, json) && right;
    std::fflush(stdout);
  }
  if (!options.json.empty()) {
    std::ofstream out(options.json, std::ios::trunc);
    out << json.dump(2) << "\n";
    out.close();
    if (out.fail()) throw std::runtime_error("cannot write " + options.json);
  }
  if (!right) std::fprintf(stderr, "vigie-bench: an answer was wrong\n");
  return right ? kExitOk : kExitSomeFailed;
}

CLI::Validator Counts() {
  static const std::map<std::string, size_t> units = {{"k", 1000}, {"M", 1'000'000}};
  return CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::CASE_INSENSITIVE).description("");
}

}  // namespace

void AddTrust(CLI::App& app, int* exit_code) {
  CLI::App* command = app.add_subcommand(
      "trust", "Time submission to block, expiry, upload and audit on a large list");
  auto options = std::make_shared<TrustFlags>();
  TrustOptions& trust = options->trust;
  const CLI::Range counts(size_t{1000}, size_t{100'000'000});
  command->add_option("--entries", trust.entries, "entries, or events; default: 1M")
      ->transform(Counts())
      ->check(CLI::Range(counts).description(""));
  command->add_option("--part", options->parts, "some of submit, expiry, upload, audit")
      ->delimiter(',')
      ->check(CLI::IsMember({"submit", "expiry", "upload", "audit"}).description(""));
  command->add_option("--program", trust.program, "the program `vigie`; default: beside this one")
      ->type_name("FILE");
  command->add_option("--rounds", trust.rounds, "submit: uploads, 20 a second; default: 500")
      ->check(CLI::Range(size_t{1}, size_t{1'000'000}).description(""));
  command->add_option("--checks", trust.checks, "submit: checks a second beside; default: 1000")
      ->check(CLI::Range(1.0, 1e6).description(""));
  command->add_option("--expiring", trust.expiring, "expiry: of the entries; default: 100k")
      ->transform(Counts())
      ->check(CLI::Range(size_t{1000}, size_t{10'000'000}).description(""));
  command->add_option("--seconds", trust.seconds, "expiry: of queries before; default: 5")
      ->check(CLI::Range(0.1, 3600.0).description(""));
  command->add_option("--json", options->json, "also write the results here")->type_name("FILE");
  command->footer(
      "Databases lie where TMPDIR says: on a memory disk a durable write is free. Exit code 1: an\n"
      "answer was wrong.");
  command->callback([options, exit_code] {
    try {
      *exit_code = RunTrust(*options);
    } catch (const std::exception& e) {
      *exit_code = Complain(kExitFailed, e.what());
    }
  });
}

}  // namespace vigie::bench
