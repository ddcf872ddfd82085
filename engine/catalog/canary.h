// The server's own list, with one benign picture that it checks now and then to see that it would
// find one.
#pragma once

#include <string_view>

namespace vigie {

// Neither is a name by IsName(): no key is made for this organisation, no caller makes or names the
// list, and none of either can have been there before.
inline constexpr std::string_view kServerOrganisation = "vigie:server";
inline constexpr std::string_view kCanaryList = "vigie:canary";
// Of the entry. Another picture has another one.
inline constexpr std::string_view kCanaryReference = "canary-1";
// The list's max_distance. The picture is always decoded the same way: 0 unless something is wrong.
inline constexpr int kCanaryDistance = 8;

}  // namespace vigie
