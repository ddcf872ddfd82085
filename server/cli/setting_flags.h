// The server's settings as flags and environment variables of a subcommand.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/base/status.h"
#include "server/app/config.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace vigie {

// Adds --config and one flag a setting. What counts, strongest first: flag, environment variable,
// file, default.
class SettingFlags {
 public:
  explicit SettingFlags(CLI::App& command);

  // After parsing: the effective configuration. Reason CONFIG_INVALID.
  absl::StatusOr<Config> Read() const;

 private:
  std::string config_file_;
  std::map<std::string, std::string> texts_;  // by key
  std::map<std::string, CLI::Option*> options_;
};

}  // namespace vigie
