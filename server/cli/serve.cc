// vigie serve: runs the server until SIGTERM or SIGINT. SIGHUP: reads the policy file again.
#include <google/protobuf/stubs/logging.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <memory>

#include "server/app/config.h"
#include "server/app/instance.h"
#include "server/cli/cli.h"
#include "server/cli/progress.h"
#include "server/cli/setting_flags.h"
#include "server/log/log.h"

namespace vigie {
namespace {

int PrintConfig(const Config& config) {
  for (const Setting& setting : Settings()) {
    std::printf("%s = %s\n", std::string(setting.key).c_str(), setting.get(config).c_str());
  }
  return kExitOk;
}

void Reload(const Config& config, Instance& instance) {
  if (config.policy_file.empty()) {
    spdlog::warn("SIGHUP: there is nothing to read again without policy.file");
    return;
  }
  if (const absl::Status status = instance.ReloadPolicy(); !status.ok()) {
    spdlog::error("SIGHUP: the policy in force stays, the new one is not valid: {}",
                  MessageOf(status));
  }
}

// In the log's own form when that is for programs.
int FailToServe(const Config& config, const absl::Status& status) {
  if (config.log_format != "json") return Fail(status);
  LogEvent(LogLevel::kError, "failed")
      .Text("message", MessageOf(status))
      .Text("reason", ReasonOf(status))
      .Write();
  return ExitCodeOf(status);
}

absl::StatusOr<std::unique_ptr<Instance>> Open(const Config& config) {
  if (config.log_format == "json") return Instance::Open(config, [](uint64_t, uint64_t) {});
  Progress progress("loading fingerprints", 0);
  return Instance::Open(
      config, [&progress](uint64_t done, uint64_t total) { progress.Update(done, total); });
}

int Serve(const Config& config) {
  SetUpLog(config.log_level, config.log_format == "json");
  LogGrpcErrors();
  google::protobuf::SetLogHandler(nullptr);  // what it says of a message may quote it
  // Waits for the wait below, also while fingerprints are loaded.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  absl::StatusOr<std::unique_ptr<Instance>> instance = Open(config);
  if (!instance.ok()) return FailToServe(config, instance.status());

  // Until here these end the program at once, which a load survives. From here on they drain:
  // blocked before the first thread starts, so that only the wait below receives them.
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const absl::Status serving = (*instance)->Serve();
  if (!serving.ok()) return FailToServe(config, serving);
  // For people and for scripts that asked for port 0.
  std::printf("vigie: ready on %s\n", (*instance)->address().c_str());
  std::fflush(stdout);
  spdlog::info("serving on {} from {}", (*instance)->address(), config.data_dir);

  int signal = 0;
  while (sigwait(&signals, &signal) == 0 && signal == SIGHUP) Reload(config, **instance);
  spdlog::info("signal {}: draining", signal);
  (*instance)->Drain();
  spdlog::info("stopped");
  return kExitOk;
}

}  // namespace

void AddServe(CLI::App& app, int* exit_code) {
  CLI::App* command = app.add_subcommand("serve", "Serve checks and lists over gRPC");
  auto flags = std::make_shared<SettingFlags>(*command);
  auto check_only = std::make_shared<bool>(false);
  command->add_flag("--check-config", *check_only,
                    "only check the configuration and print the values in effect");
  command->footer(
      "Every value is a key of the TOML file, a flag, and an environment variable\n"
      "(limits.max_distance, --limits.max_distance, VIGIE_LIMITS_MAX_DISTANCE); flags count most,\n"
      "then the environment, then the file.");
  command->callback([flags, check_only, exit_code] {
    const auto config = flags->Read();
    if (!config.ok()) {
      *exit_code = Fail(config.status());
    } else {
      *exit_code = *check_only ? PrintConfig(*config) : Serve(*config);
    }
  });
}

}  // namespace vigie
