// Resource names (AIP-122): "lists/{list}" and "lists/{list}/entries/{entry}".
#pragma once

#include <string>
#include <string_view>

#include "engine/base/status.h"

namespace vigie {

std::string ListName(std::string_view list_id);
std::string EntryName(std::string_view list_id, std::string_view entry_id);

// The id in a list's name. INVALID_ARGUMENT, reason NAME_INVALID, for another form.
absl::StatusOr<std::string> ListIdOf(std::string_view name);

struct EntryIds {
  std::string list;
  std::string entry;
};
absl::StatusOr<EntryIds> EntryIdsOf(std::string_view name);

}  // namespace vigie
