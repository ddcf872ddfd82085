// A picture of nothing: smooth random colours, the same bytes everywhere.
#pragma once

#include <string>

namespace vigie {

// A BMP of 128 x 128 pixels. Computed in whole numbers, so that it is the same on every machine;
// another picture needs another kCanaryReference.
std::string CanaryPicture();

}  // namespace vigie
