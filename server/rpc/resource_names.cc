#include "server/rpc/resource_names.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace vigie {
namespace {

absl::Status Invalid(std::string_view form) {
  return Error(absl::StatusCode::kInvalidArgument, "NAME_INVALID",
               absl::StrCat("a name here has the form ", ToAbsl(form)));
}

}  // namespace

std::string ListName(std::string_view list_id) { return absl::StrCat("lists/", ToAbsl(list_id)); }

std::string EntryName(std::string_view list_id, std::string_view entry_id) {
  return absl::StrCat("lists/", ToAbsl(list_id), "/entries/", ToAbsl(entry_id));
}

absl::StatusOr<std::string> ListIdOf(std::string_view name) {
  const std::vector<std::string> parts = absl::StrSplit(ToAbsl(name), '/');
  if (parts.size() != 2 || parts[0] != "lists" || parts[1].empty()) return Invalid("lists/{list}");
  return parts[1];
}

absl::StatusOr<EntryIds> EntryIdsOf(std::string_view name) {
  const std::vector<std::string> parts = absl::StrSplit(ToAbsl(name), '/');
  if (parts.size() != 4 || parts[0] != "lists" || parts[1].empty() || parts[2] != "entries" ||
      parts[3].empty()) {
    return Invalid("lists/{list}/entries/{entry}");
  }
  return EntryIds{.list = parts[1], .entry = parts[3]};
}

}  // namespace vigie
