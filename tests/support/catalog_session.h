// A session with every kind of change, and what there must be after each: for tests of what a crash
// or a failing disk leaves.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/store/store.h"

namespace vigie::testing {

using Change = std::function<absl::Status(Catalog&)>;

// Every kind of change, one after the other, for a new database.
std::vector<Change> Script();

// Everything that the changes leave, in words; fails when the chain or the index do not agree.
std::string Everything(Store& store, Catalog& catalog);
// The same of a database that nobody has open.
std::string EverythingIn(const std::string& file);

}  // namespace vigie::testing
