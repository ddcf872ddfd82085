// For the commands that work on the data folder itself, also while a server runs on it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/base/status.h"
#include "engine/store/store.h"

namespace CLI {
class App;
}

namespace vigie {

// Adds --data_dir.
void AddDataDirOption(CLI::App& command, std::string* data_dir);

// The database of the folder. `make`: both may be new. Otherwise a mistyped folder is an error:
// NOT_FOUND, reason DATA_DIR_FAILED.
absl::StatusOr<std::unique_ptr<Store>> OpenDataFolder(const std::string& data_dir, bool make);

// What is said of an organisation on the command line. Empty: as it is.
struct DesignationFlags {
  std::string id;
  std::string categories;   // "ncii,csam", or "all"
  std::string valid_from;   // a date, or "none"
  std::string valid_until;  // likewise
};

// `before` with what the flags say. INVALID_ARGUMENT, reason USAGE, for a bad value, and for flags
// that need an id when there is none.
absl::StatusOr<std::optional<Designation>> Apply(const DesignationFlags& flags,
                                                 std::optional<Designation> before);

// What is known of the organisation `name`; a new record when nothing is.
absl::StatusOr<OrganisationRecord> FindOrganisation(Store& store, const std::string& name);

// INVALID_ARGUMENT, reason USAGE, unless `name` IsName().
absl::Status CheckOrganisationName(const std::string& flag, const std::string& name);

// "ncii, csam", or "all".
std::string ToText(CategorySet categories);

}  // namespace vigie
