// Benign pictures made by arithmetic, and their encoded forms.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/pixels.h"

namespace vigie::testing {

struct Picture {
  int width = 0;
  int height = 0;
  ChannelOrder order = ChannelOrder::kGray;
  std::vector<uint8_t> data;  // rows without padding

  PixelView view() const;
};

// The pattern of the hash vectors: triangle waves that differ by channel and seed, with noise.
// kGray has the pattern's channel 0, which is red in the other orders.
Picture Pattern(int width, int height, uint32_t seed, ChannelOrder order = ChannelOrder::kBgr);

// A picture of one colour.
Picture Flat(int width, int height, uint8_t value, ChannelOrder order = ChannelOrder::kBgr);

struct EncodeOptions {
  int quality = 90;          // JPEG and WebP, 1 to 100; over 100 makes WebP lossless
  bool progressive = false;  // JPEG
  int restart_interval = 0;  // JPEG, in blocks; 0: no restart markers
};

// `picture` (kGray or kBgr) encoded in the format of `extension`: .jpg .png .webp .bmp .tiff.
// Throws cv::Exception for anything else.
std::vector<uint8_t> Encode(const Picture& picture, const std::string& extension,
                            const EncodeOptions& options = {});

// `picture` as a PNG with 16 bits a channel, each sample 257 times the 8-bit one.
std::vector<uint8_t> EncodePng16(const Picture& picture);

// `picture` as a PNG with a fourth channel, all samples `alpha`.
std::vector<uint8_t> EncodePngWithAlpha(const Picture& picture, uint8_t alpha);

// The same with 16 bits a channel, each sample 257 times the 8-bit one.
std::vector<uint8_t> EncodePngWithAlpha16(const Picture& picture, uint8_t alpha);

// `picture` (kBgr) as a lossless WebP, all pixels as opaque as `alpha`.
std::vector<uint8_t> EncodeWebpWithAlpha(const Picture& picture, uint8_t alpha);

}  // namespace vigie::testing
