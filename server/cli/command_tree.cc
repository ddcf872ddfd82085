#include "server/cli/command_tree.h"

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/app/config.h"

namespace vigie {
namespace {

OptionFacts Describe(const CLI::Option& option) {
  OptionFacts facts;
  facts.positional = option.get_positional();
  if (facts.positional) {
    facts.names.push_back(option.get_name(true));
  } else {
    for (const std::string& name : option.get_snames()) facts.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) facts.names.push_back("--" + name);
  }
  facts.help = option.get_description();
  facts.default_value = option.get_default_str();
  facts.environment = option.get_envname();
  facts.required = option.get_required();
  facts.repeated = option.get_items_expected_max() > 1;
  if (option.get_items_expected_max() == 0) return facts;
  // The parser joins the type and the conditions on it: "TEXT:{block,allow}".
  const std::string type = option.get_type_name();
  const size_t open = type.find('{');
  const size_t close = type.find('}');
  if (open != std::string::npos && close != std::string::npos && close > open) {
    facts.choices = absl::StrSplit(type.substr(open + 1, close - open - 1), ',');
  }
  facts.value = type.substr(0, type.find_first_of(":{ "));
  if (facts.value.empty()) facts.value = "VALUE";
  for (const std::string& name : facts.names) {
    for (const Setting& setting : Settings()) {
      if (setting.flag() == name) facts.choices = setting.accepted;
    }
  }
  return facts;
}

CommandFacts Describe(const CLI::App& app, const std::string& above) {
  CommandFacts facts;
  facts.path = above.empty() ? app.get_name() : absl::StrCat(above, " ", app.get_name());
  facts.help = app.get_description();
  facts.footer = app.get_footer();
  for (const CLI::Option* option :
       app.get_options([](const CLI::Option* each) { return !each->get_group().empty(); })) {
    facts.options.push_back(Describe(*option));
  }
  for (const CLI::App* command :
       app.get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); })) {
    facts.commands.push_back(Describe(*command, facts.path));
  }
  return facts;
}

}  // namespace

CommandFacts Describe(const CLI::App& app) { return Describe(app, ""); }

}  // namespace vigie
