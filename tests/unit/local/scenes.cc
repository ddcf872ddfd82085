#include "tests/unit/local/scenes.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace vigie::testing {

Picture Scene(int width, int height, uint32_t seed) {
  Picture scene = Flat(width, height, 128, ChannelOrder::kGray);
  std::mt19937 random(seed);
  const auto below = [&random](int limit) {
    return static_cast<int>(random() % static_cast<uint32_t>(limit));
  };
  const int longest = std::max(width, height);
  for (int shape = 0; shape < 400; ++shape) {
    const int size = 4 + longest / (8 + shape / 8);
    const int w = size / 2 + below(size);
    const int h = size / 2 + below(size);
    const int left = below(width) - w / 2;
    const int top = below(height) - h / 2;
    const auto shade = static_cast<uint8_t>(below(256));
    const bool disc = below(3) == 0;
    for (int y = std::max(0, top); y < std::min(height, top + h); ++y) {
      for (int x = std::max(0, left); x < std::min(width, left + w); ++x) {
        const double dx = (2.0 * (x - left) - w) / w;
        const double dy = (2.0 * (y - top) - h) / h;
        if (disc && dx * dx + dy * dy > 1) continue;
        scene.data[static_cast<size_t>(y * width + x)] = shade;
      }
    }
  }
  return scene;
}

Picture Warped(const Picture& picture, const AffineMap& map, int width, int height) {
  Picture out = Flat(width, height, 128, ChannelOrder::kGray);
  const double det = map.a * map.e - map.b * map.d;
  const auto at = [&picture](int x, int y) {
    return static_cast<double>(picture.data[static_cast<size_t>(y * picture.width + x)]);
  };
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double u = x + 0.5 - map.c;
      const double v = y + 0.5 - map.f;
      const double from_x = (map.e * u - map.b * v) / det - 0.5;
      const double from_y = (map.a * v - map.d * u) / det - 0.5;
      const int x0 = static_cast<int>(std::floor(from_x));
      const int y0 = static_cast<int>(std::floor(from_y));
      if (x0 < 0 || y0 < 0 || x0 + 1 >= picture.width || y0 + 1 >= picture.height) continue;
      const double fx = from_x - x0;
      const double fy = from_y - y0;
      const double value = (1 - fy) * ((1 - fx) * at(x0, y0) + fx * at(x0 + 1, y0)) +
                           fy * ((1 - fx) * at(x0, y0 + 1) + fx * at(x0 + 1, y0 + 1));
      out.data[static_cast<size_t>(y * width + x)] = static_cast<uint8_t>(std::lround(value));
    }
  }
  return out;
}

Picture MirroredPicture(const Picture& picture) {
  Picture out = picture;
  for (int y = 0; y < picture.height; ++y) {
    const auto row = out.data.begin() + y * picture.width;
    std::reverse(row, row + picture.width);
  }
  return out;
}

LocalFingerprint NearlyIdentical(LocalFingerprint local, std::mt19937& random) {
  for (Pdq256& code : local.descriptors) {
    for (int flip = 0; flip < 8; ++flip) {
      uint8_t& byte = code.bytes[random() % 32];
      byte = static_cast<uint8_t>(byte ^ 1U << random() % 8);
    }
  }
  return local;
}

Picture Wall(const Picture& tile, int columns, int rows) {
  Picture wall = Flat(tile.width * columns, tile.height * rows, 0, ChannelOrder::kGray);
  for (int y = 0; y < wall.height; ++y) {
    for (int x = 0; x < wall.width; ++x) {
      wall.data[static_cast<size_t>(y * wall.width + x)] =
          tile.data[static_cast<size_t>(y % tile.height * tile.width + x % tile.width)];
    }
  }
  return wall;
}

}  // namespace vigie::testing
