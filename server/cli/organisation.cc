// vigie organisation: what an organisation may do, written straight into the data folder of a
// server on this machine.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/app/config.h"
#include "server/cli/cli.h"
#include "server/cli/data_folder.h"
#include "server/cli/dates.h"

namespace vigie {
namespace {

using Json = nlohmann::ordered_json;

struct OrganisationFlags {
  std::string data_dir = Config{}.data_dir;
  std::string name;
  DesignationFlags designation;
  bool no_designation = false;
  std::optional<int64_t> daily_entries;
  std::optional<int64_t> checks_per_second;
  std::optional<int64_t> images_per_second;
  bool json = false;
};

Json NumberOrNull(int64_t number) { return number == 0 ? Json(nullptr) : Json(number); }

std::string NumberOrDash(int64_t number) { return number == 0 ? "-" : std::to_string(number); }

Json TimeOrNull(TimeUs us) { return us == 0 ? Json(nullptr) : Json(ToText(us)); }

Json ToJsonLine(const OrganisationRecord& organisation) {
  Json line = {{"organisation", organisation.id}};
  const std::optional<Designation>& designation = organisation.designation;
  line["designation"] = designation.has_value() ? Json(designation->id) : Json(nullptr);
  line["categories"] = designation.has_value() ? Json(ToText(designation->categories)) : Json("");
  line["valid_from"] = TimeOrNull(designation.has_value() ? designation->from_us : 0);
  line["valid_until"] = TimeOrNull(designation.has_value() ? designation->until_us : 0);
  line["daily_entries"] = NumberOrNull(organisation.daily_entries);
  line["checks_per_second"] = NumberOrNull(organisation.checks_per_second);
  line["images_per_second"] = NumberOrNull(organisation.images_per_second);
  line["created"] = ToText(organisation.created_us);
  line["updated"] = ToText(organisation.updated_us);
  return line;
}

absl::Status Set(const OrganisationFlags& options) {
  VIGIE_RETURN_IF_ERROR(CheckOrganisationName("NAME", options.name));
  std::unique_ptr<Store> store;
  VIGIE_ASSIGN_OR_RETURN(store, OpenDataFolder(options.data_dir, /*make=*/true));
  OrganisationRecord organisation;
  VIGIE_ASSIGN_OR_RETURN(organisation, FindOrganisation(*store, options.name));
  if (options.no_designation) organisation.designation.reset();
  VIGIE_ASSIGN_OR_RETURN(organisation.designation,
                         Apply(options.designation, organisation.designation));
  const auto keep = [](const std::optional<int64_t>& given, int64_t* value) {
    *value = given.value_or(*value);
  };
  keep(options.daily_entries, &organisation.daily_entries);
  keep(options.checks_per_second, &organisation.checks_per_second);
  keep(options.images_per_second, &organisation.images_per_second);
  organisation.updated_us = SystemClock().Now();
  if (organisation.created_us == 0) organisation.created_us = organisation.updated_us;
  VIGIE_RETURN_IF_ERROR(store->SetOrganisation(organisation));
  std::puts(ToJsonLine(organisation).dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
  return absl::OkStatus();
}

absl::Status List(const OrganisationFlags& options) {
  std::unique_ptr<Store> store;
  VIGIE_ASSIGN_OR_RETURN(store, OpenDataFolder(options.data_dir, /*make=*/false));
  std::vector<OrganisationRecord> organisations;
  VIGIE_ASSIGN_OR_RETURN(organisations, store->ReadOrganisations());
  if (!options.json) {
    std::puts(
        "organisation\tdesignation\tcategories\tvalid_from\tvalid_until\tdaily_entries\t"
        "checks_per_second\timages_per_second");
  }
  for (const OrganisationRecord& organisation : organisations) {
    if (options.json) {
      std::puts(
          ToJsonLine(organisation).dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
      continue;
    }
    const Designation designation = organisation.designation.value_or(Designation{.id = "-"});
    std::printf("%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", organisation.id.c_str(), designation.id.c_str(),
                organisation.designation.has_value() ? ToText(designation.categories).c_str() : "-",
                ToText(designation.from_us).c_str(), ToText(designation.until_us).c_str(),
                NumberOrDash(organisation.daily_entries).c_str(),
                NumberOrDash(organisation.checks_per_second).c_str(),
                NumberOrDash(organisation.images_per_second).c_str());
  }
  return absl::OkStatus();
}

int Run(absl::Status (*command)(const OrganisationFlags&), const OrganisationFlags& options) {
  const absl::Status status = command(options);
  return status.ok() ? kExitOk : Fail(status);
}

}  // namespace

void AddOrganisation(CLI::App& app, int* exit_code) {
  CLI::App* command =
      app.add_subcommand("organisation", "Say what organisations may do, on the server's machine");
  command->require_subcommand(1);
  auto options = std::make_shared<OrganisationFlags>();

  CLI::App* set = command->add_subcommand(
      "set", "Set what is given and keep the rest; counts in a running server at once");
  AddDataDirOption(*set, &options->data_dir);
  set->add_option("NAME", options->name, "the organisation (a-z, 0-9, -)")->required();
  CLI::Option* designation = set->add_option("--designation", options->designation.id,
                                             "what designates it as a trusted flagger");
  set->add_option("--categories", options->designation.categories,
                  "it may submit: all, or some of " + Names<Category>());
  set->add_option("--valid_from", options->designation.valid_from,
                  "first day (or moment) of the designation, UTC; none: no beginning");
  set->add_option("--valid_until", options->designation.valid_until,
                  "last day (or end) of the designation, UTC; none: no end");
  set->add_flag("--no_designation", options->no_designation, "it is not designated any more")
      ->excludes(designation);
  const auto number = [&](const char* flag, std::optional<int64_t>* value, const char* what) {
    set->add_option(flag, *value, what)->check(CLI::Range(int64_t{0}, int64_t{1'000'000'000}));
  };
  number("--daily_entries", &options->daily_entries,
         "new entries that it may submit in 24 hours; 0: any number");
  number("--checks_per_second", &options->checks_per_second,
         "hashes that it may have checked a second; 0: what the server allows everybody");
  number("--images_per_second", &options->images_per_second,
         "pictures that it may have checked a second; 0: what the server allows everybody");
  set->callback([options, exit_code] { *exit_code = Run(Set, *options); });

  CLI::App* list = command->add_subcommand("list", "List what is set");
  AddDataDirOption(*list, &options->data_dir);
  list->add_flag("--json", options->json, "one JSON object a line");
  list->callback([options, exit_code] { *exit_code = Run(List, *options); });
}

}  // namespace vigie
