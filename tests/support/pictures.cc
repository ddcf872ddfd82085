#include "tests/support/pictures.h"

#include <cstdlib>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>

namespace vigie::testing {
namespace {

uint32_t Triangle(uint32_t t, uint32_t period) {
  const int64_t m = t % (2 * period);
  return static_cast<uint32_t>(std::abs(m - static_cast<int64_t>(period)) * 255 / period);
}

uint32_t Noise(uint32_t x, uint32_t y, uint32_t channel, uint32_t seed) {
  uint32_t n = (x * 73856093U) ^ (y * 19349663U) ^ (seed * 83492791U) ^ (channel * 2654435761U);
  n ^= n >> 15;
  n *= 2246822519U;
  n ^= n >> 13;
  return n & 255;
}

uint8_t PatternPixel(uint32_t x, uint32_t y, uint32_t channel, uint32_t seed) {
  const uint32_t p1 = 11 + (seed * 37) % 89;
  const uint32_t p2 = 17 + (seed * 53) % 101;
  const uint32_t p3 = 23 + (seed * 71) % 67;
  const uint32_t sum = 3 * Triangle(x + 29 * channel, p1) + 3 * Triangle(y + 31 * channel, p2) +
                       3 * Triangle(x + y, p3) + Noise(x, y, channel, seed);
  return static_cast<uint8_t>(sum / 10);
}

cv::Mat Wrap(const Picture& picture) {
  const int type = picture.order == ChannelOrder::kGray ? CV_8UC1 : CV_8UC3;
  return {picture.height, picture.width, type, const_cast<uint8_t*>(picture.data.data())};
}

cv::Mat WithAlpha(const Picture& picture, uint8_t alpha) {
  cv::Mat planes[2] = {Wrap(picture), cv::Mat(picture.height, picture.width, CV_8UC1, alpha)};
  cv::Mat joined(picture.height, picture.width, CV_8UC4);
  const int pairs[] = {0, 0, 1, 1, 2, 2, 3, 3};
  cv::mixChannels(planes, 2, &joined, 1, pairs, 4);
  return joined;
}

}  // namespace

PixelView Picture::view() const {
  const size_t channels = order == ChannelOrder::kGray ? 1 : 3;
  return {.data = data.data(),
          .width = width,
          .height = height,
          .stride_bytes = static_cast<size_t>(width) * channels,
          .order = order};
}

Picture Pattern(int width, int height, uint32_t seed, ChannelOrder order) {
  const uint32_t channels = order == ChannelOrder::kGray ? 1 : 3;
  Picture picture{.width = width, .height = height, .order = order, .data = {}};
  picture.data.reserve(static_cast<size_t>(width) * static_cast<size_t>(height) * channels);
  for (uint32_t y = 0; y < static_cast<uint32_t>(height); ++y) {
    for (uint32_t x = 0; x < static_cast<uint32_t>(width); ++x) {
      for (uint32_t c = 0; c < channels; ++c) {
        picture.data.push_back(PatternPixel(x, y, order == ChannelOrder::kBgr ? 2 - c : c, seed));
      }
    }
  }
  return picture;
}

Picture Flat(int width, int height, uint8_t value, ChannelOrder order) {
  Picture picture{.width = width, .height = height, .order = order, .data = {}};
  const size_t channels = order == ChannelOrder::kGray ? 1 : 3;
  picture.data.assign(static_cast<size_t>(width) * static_cast<size_t>(height) * channels, value);
  return picture;
}

std::vector<uint8_t> Encode(const Picture& picture, const std::string& extension,
                            const EncodeOptions& options) {
  std::vector<int> parameters;
  if (extension == ".jpg") {
    parameters = {cv::IMWRITE_JPEG_QUALITY,      options.quality,
                  cv::IMWRITE_JPEG_PROGRESSIVE,  options.progressive ? 1 : 0,
                  cv::IMWRITE_JPEG_RST_INTERVAL, options.restart_interval};
  } else if (extension == ".webp") {
    parameters = {cv::IMWRITE_WEBP_QUALITY, options.quality};
  }
  std::vector<uint8_t> bytes;
  cv::imencode(extension, Wrap(picture), bytes, parameters);
  return bytes;
}

std::vector<uint8_t> EncodePng16(const Picture& picture) {
  cv::Mat wide;
  Wrap(picture).convertTo(wide, CV_16U, 257);
  std::vector<uint8_t> bytes;
  cv::imencode(".png", wide, bytes);
  return bytes;
}

std::vector<uint8_t> EncodePngWithAlpha(const Picture& picture, uint8_t alpha) {
  std::vector<uint8_t> bytes;
  cv::imencode(".png", WithAlpha(picture, alpha), bytes);
  return bytes;
}

std::vector<uint8_t> EncodePngWithAlpha16(const Picture& picture, uint8_t alpha) {
  cv::Mat wide;
  WithAlpha(picture, alpha).convertTo(wide, CV_16U, 257);
  std::vector<uint8_t> bytes;
  cv::imencode(".png", wide, bytes);
  return bytes;
}

std::vector<uint8_t> EncodeWebpWithAlpha(const Picture& picture, uint8_t alpha) {
  std::vector<uint8_t> bytes;
  cv::imencode(".webp", WithAlpha(picture, alpha), bytes, {cv::IMWRITE_WEBP_QUALITY, 101});
  return bytes;
}

}  // namespace vigie::testing
