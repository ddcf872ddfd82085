// JPEGs of all the kinds that exist, for tests of the decoder; OpenCV writes only some of them.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/support/pictures.h"

namespace vigie::testing {

enum class JpegColors { kGray, kYcc, kRgb, kCmyk, kYcck };

struct JpegOptions {
  JpegColors colors = JpegColors::kYcc;
  int horizontal = 1;  // pixels to one chroma sample, 1, 2 or 4
  int vertical = 1;
  int quality = 90;
  bool progressive = false;
  bool arithmetic = false;
  bool separate_scans = false;  // sequential, one scan a component
  int restart_interval = 0;     // in blocks; 0: none
};

// `picture` (kBgr) as a JPEG. Ink is stored inverted, with black taken from the lightest colour.
// Throws std::runtime_error.
std::vector<uint8_t> EncodeJpeg(const Picture& picture, const JpegOptions& options);

}  // namespace vigie::testing
