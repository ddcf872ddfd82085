#include "server/cli/data_folder.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/store/sqlite_store.h"
#include "server/app/backup.h"
#include "server/app/instance.h"
#include "server/cli/cli.h"
#include "server/cli/dates.h"

namespace vigie {
namespace {

// Of a designation's id: it is part of an event.
constexpr size_t kMaxDesignation = 128;

absl::StatusOr<CategorySet> ParseCategories(const std::string& text) {
  if (text == "all") return kAllCategories;
  CategorySet set = 0;
  for (const std::string& word : std::vector<std::string>(absl::StrSplit(text, ','))) {
    const auto category = Parse<Category>(ToStd(absl::StripAsciiWhitespace(word)));
    if (!category.has_value()) {
      return UsageError(absl::StrCat("--categories is all, or some of: ", Names<Category>()));
    }
    set |= CategorySet{1} << static_cast<unsigned>(*category);
  }
  return set;
}

absl::Status SetEnd(std::string_view flag, const std::string& text, bool end_of_day, TimeUs* time) {
  if (text == "none") {
    *time = 0;
  } else if (!text.empty()) {
    VIGIE_ASSIGN_OR_RETURN(*time, ParseTime(flag, text, end_of_day));
  }
  return absl::OkStatus();
}

}  // namespace

void AddDataDirOption(CLI::App& command, std::string* data_dir) {
  command.add_option("--data_dir", *data_dir, "the server's data folder")
      ->envname("VIGIE_DATA_DIR")
      ->capture_default_str();
}

absl::StatusOr<std::unique_ptr<Store>> OpenDataFolder(const std::string& data_dir, bool make) {
  if (make) {
    VIGIE_RETURN_IF_ERROR(EnsureDataDir(data_dir));
    // A new database would hide that the one that is to come back is not there.
    VIGIE_RETURN_IF_ERROR(CheckNoUnfinishedRestore(data_dir));
  } else if (access(DatabasePath(data_dir).c_str(), F_OK) != 0) {
    return Error(absl::StatusCode::kNotFound, "DATA_DIR_FAILED",
                 absl::StrCat("there is no database in ", data_dir));
  }
  return OpenSqliteStore(DatabasePath(data_dir));
}

absl::StatusOr<std::optional<Designation>> Apply(const DesignationFlags& flags,
                                                 std::optional<Designation> before) {
  const bool more =
      !flags.categories.empty() || !flags.valid_from.empty() || !flags.valid_until.empty();
  if (flags.id.empty() && !before.has_value()) {
    if (!more) return before;
    return UsageError(
        "categories and dates are those of a designation: give its --designation too");
  }
  Designation designation = before.value_or(Designation{});
  if (!flags.id.empty()) {
    const bool clean = std::all_of(flags.id.begin(), flags.id.end(), [](char c) {
      return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
    });
    if (flags.id.size() > kMaxDesignation || !clean) {
      return UsageError(absl::StrCat("--designation has at most ", kMaxDesignation,
                                     " bytes and no control characters"));
    }
    designation.id = flags.id;
  }
  if (!flags.categories.empty()) {
    VIGIE_ASSIGN_OR_RETURN(designation.categories, ParseCategories(flags.categories));
  }
  VIGIE_RETURN_IF_ERROR(
      SetEnd("--valid_from", flags.valid_from, /*end_of_day=*/false, &designation.from_us));
  VIGIE_RETURN_IF_ERROR(
      SetEnd("--valid_until", flags.valid_until, /*end_of_day=*/true, &designation.until_us));
  if (designation.until_us != 0 && designation.until_us <= designation.from_us) {
    return UsageError("a designation ends after it begins");
  }
  return designation;
}

absl::StatusOr<OrganisationRecord> FindOrganisation(Store& store, const std::string& name) {
  std::vector<OrganisationRecord> organisations;
  VIGIE_ASSIGN_OR_RETURN(organisations, store.ReadOrganisations());
  for (OrganisationRecord& organisation : organisations) {
    if (organisation.id == name) return std::move(organisation);
  }
  return OrganisationRecord{.id = name};
}

absl::Status CheckOrganisationName(const std::string& flag, const std::string& name) {
  if (IsName(name)) return absl::OkStatus();
  return UsageError(
      absl::StrCat(flag,
                   " has 1 to 63 characters a-z, 0-9 and '-', begins with a letter and "
                   "does not end with '-'"));
}

std::string ToText(CategorySet categories) {
  if (categories == kAllCategories) return "all";
  std::string text;
  for (int i = 1; i <= static_cast<int>(Category::kOther); ++i) {
    const auto category = static_cast<Category>(i);
    if (!Contains(categories, category)) continue;
    absl::StrAppend(&text, text.empty() ? "" : ",", ToAbsl(Name(category)));
  }
  return text;
}

}  // namespace vigie
