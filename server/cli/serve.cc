// vigie serve: runs the server until SIGTERM or SIGINT. SIGHUP: reads the configuration again.
#include <google/protobuf/stubs/logging.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/app/config.h"
#include "server/app/instance.h"
#include "server/app/service_manager.h"
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

void Reload(const SettingFlags& flags, Instance& instance) {
  TellServiceManager(ReloadingState());
  const auto config = flags.Read();
  const absl::Status status = config.ok() ? instance.Reload(*config) : config.status();
  if (status.ok()) {
    spdlog::info("SIGHUP: the configuration was read again");
  } else {
    spdlog::error("SIGHUP: all that is in force stays, the configuration is not valid: {}",
                  MessageOf(status));
  }
  TellServiceManager("READY=1");
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

// A load may take longer than the service manager waits for a start by itself.
void TellLoading(uint64_t done, uint64_t total) {
  TellServiceManager(absl::StrCat("EXTEND_TIMEOUT_USEC=60000000\nSTATUS=loading: ", done, " of ",
                                  total, " fingerprints"));
}

absl::StatusOr<std::unique_ptr<Instance>> Open(const Config& config) {
  if (config.log_format == "json") return Instance::Open(config, TellLoading);
  Progress progress("loading fingerprints", 0);
  return Instance::Open(config, [&progress](uint64_t done, uint64_t total) {
    progress.Update(done, total);
    TellLoading(done, total);
  });
}

int Serve(const SettingFlags& flags, const Config& config) {
  SetUpLog(config.log_level, config.log_format == "json");
  LogGrpcErrors();
  // A limit of the size of files is a full disk, not the end.
  std::signal(SIGXFSZ, SIG_IGN);
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
  // In one write, so that whoever has seen the first line has the second.
  std::string ready = "vigie: ready on " + (*instance)->address() + "\n";
  if (const std::string metrics = (*instance)->metrics_address(); !metrics.empty()) {
    ready += "vigie: metrics on http://" + metrics + "/metrics\n";
  }
  std::fputs(ready.c_str(), stdout);
  std::fflush(stdout);
  spdlog::info("serving on {} from {}", (*instance)->address(), config.data_dir);
  TellServiceManager(absl::StrCat("READY=1\nSTATUS=serving on ", (*instance)->address()));

  int signal = 0;
  while (sigwait(&signals, &signal) == 0 && signal == SIGHUP) Reload(flags, **instance);
  TellServiceManager("STOPPING=1\nSTATUS=draining");
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
      *exit_code = *check_only ? PrintConfig(*config) : Serve(*flags, *config);
    }
  });
}

}  // namespace vigie
