// Damage of a SQLite database, found before it does harm (docs/decisions/0018-damage.md).
#pragma once

#include <functional>
#include <string>

#include "engine/base/status.h"
#include "engine/store/sqlite.h"
#include "engine/store/store.h"

namespace vigie {

// Store::CheckIntegrity() of the database `path`, on a connection of its own.
absl::Status CheckDatabase(const std::string& path, Access access, Thoroughness thoroughness,
                           const std::function<bool()>& go_on);

}  // namespace vigie
