#include "server/cli/setting_flags.h"

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"

namespace vigie {

SettingFlags::SettingFlags(CLI::App& command) {
  command.add_option("--config", config_file_, "configuration file (TOML)")
      ->envname("VIGIE_CONFIG")
      ->type_name("FILE");
  const Config defaults;
  for (const Setting& setting : Settings()) {
    const std::string key(setting.key);
    std::string help(setting.help);
    if (const std::string value = setting.get(defaults); !value.empty()) {
      absl::StrAppend(&help, " [", value, "]");
    }
    options_[key] = command.add_option(setting.flag(), texts_[key], help)
                        ->envname(setting.environment())
                        ->type_name("");
  }
}

absl::StatusOr<Config> SettingFlags::Read() const {
  Config config;
  if (!config_file_.empty()) VIGIE_RETURN_IF_ERROR(ReadConfigFile(config_file_, &config));
  for (const Setting& setting : Settings()) {
    const std::string key(setting.key);
    if (options_.at(key)->count() == 0) continue;
    VIGIE_RETURN_IF_ERROR(setting.set(config, texts_.at(key)));
  }
  VIGIE_RETURN_IF_ERROR(CheckConfig(config));
  return config;
}

}  // namespace vigie
