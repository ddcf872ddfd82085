// AVIF and HEIC pictures, for tests of their decoders.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/support/pictures.h"

namespace vigie::testing {

struct AvifOptions {
  bool ten_bits = false;
  // How opaque every pixel is; 255: no alpha channel is written.
  uint8_t alpha = 255;
  // The part that is shown, from the centre; 0: all.
  int shown_width = 0;
  int shown_height = 0;
};

// The pictures (kBgr, of one size) as AVIF, nearly lossless: a still picture, or a sequence with
// 100 ms a frame. Throws std::runtime_error.
std::vector<uint8_t> EncodeAvif(const std::vector<Picture>& pictures,
                                const AvifOptions& options = {});

// `picture` (kBgr) as HEIC. `turn`: shown turned clockwise by 90 degrees. Empty when this machine's
// libheif cannot write HEVC. Throws std::runtime_error.
std::vector<uint8_t> EncodeHeic(const Picture& picture, bool turn = false);

}  // namespace vigie::testing
