// The names of the pictures that a command is given.
#pragma once

#include <string>
#include <vector>

namespace vigie {

// `names` with every folder replaced by the files below it, sorted. What cannot be listed stays as
// it is, so that reading it says why.
std::vector<std::string> WithFoldersExpanded(const std::vector<std::string>& names);

}  // namespace vigie
