// A pipeline over a catalogue, and pictures to check with it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "engine/match/pipeline.h"
#include "tests/support/engine_fixtures.h"
#include "tests/support/pictures.h"

namespace vigie::testing {

using Encoded = std::vector<uint8_t>;

inline std::string AsText(const Encoded& bytes) { return {bytes.begin(), bytes.end()}; }

// A smooth random scene: as photographs do, it has its energy in the low frequencies that PDQ
// reads, so that copies of it stay near and other scenes are far.
inline Picture Scene(int width, int height, uint64_t seed) {
  Random random(seed);
  struct Wave {
    double x, y, phase, amplitude[3];
  };
  std::vector<Wave> waves(40);
  const auto uniform = [&] { return static_cast<double>(random.Below(10'000)) / 10'000; };
  for (Wave& wave : waves) {
    wave.x = 16 * uniform() - 8;
    wave.y = 16 * uniform() - 8;
    wave.phase = 6.283 * uniform();
    for (double& amplitude : wave.amplitude) amplitude = 10 + 15 * uniform();
  }
  Picture picture{.width = width, .height = height, .order = ChannelOrder::kBgr, .data = {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      double channels[3] = {128, 128, 128};
      for (const Wave& wave : waves) {
        const double value =
            std::cos(wave.phase + 6.283 * (wave.x * x / width + wave.y * y / height));
        for (int c = 0; c < 3; ++c) channels[c] += wave.amplitude[c] * value;
      }
      for (const double value : channels) {
        picture.data.push_back(static_cast<uint8_t>(std::clamp(value, 0.0, 255.0)));
      }
    }
  }
  return picture;
}

// The pixel (x, y) of the result is the pixel `from(x, y)` of `picture`, whose result is
// `width` x `height`.
template <typename From>
Picture Rearranged(const Picture& picture, int width, int height, From from) {
  const size_t channels = picture.order == ChannelOrder::kGray ? 1 : 3;
  Picture result{.width = width, .height = height, .order = picture.order, .data = {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const auto [from_x, from_y] = from(x, y);
      const auto at = static_cast<size_t>(from_y * picture.width + from_x) * channels;
      for (size_t c = 0; c < channels; ++c) result.data.push_back(picture.data[at + c]);
    }
  }
  return result;
}

inline Picture Mirrored(const Picture& p) {
  return Rearranged(p, p.width, p.height,
                    [&](int x, int y) { return std::pair(p.width - 1 - x, y); });
}
inline Picture UpsideDown(const Picture& p) {
  return Rearranged(p, p.width, p.height,
                    [&](int x, int y) { return std::pair(p.width - 1 - x, p.height - 1 - y); });
}
inline Picture QuarterTurnClockwise(const Picture& p) {
  return Rearranged(p, p.height, p.width,
                    [&](int x, int y) { return std::pair(y, p.height - 1 - x); });
}
inline Picture QuarterTurnAnticlockwise(const Picture& p) {
  return Rearranged(p, p.height, p.width,
                    [&](int x, int y) { return std::pair(p.width - 1 - y, x); });
}
// Half the size, by taking every second pixel.
inline Picture Halved(const Picture& p) {
  return Rearranged(p, p.width / 2, p.height / 2,
                    [](int x, int y) { return std::pair(2 * x, 2 * y); });
}

class PipelineTest : public ::testing::Test {
 protected:
  PipelineTest() : PipelineTest(CatalogOptions{}) {}
  explicit PipelineTest(CatalogOptions options) : world_(options) {
    world_.MakeList(flagger_, "known");
  }

  Pipeline pipeline(PipelineOptions options = {}) {
    // On a slow machine the usual budget would end what a test is about.
    if (options.thorough_us != 0) options.thorough_us = 600 * kSecondUs;
    return {world_.catalog(), world_.clock(), options};
  }
  static CheckOptions From(std::string organisation) {
    CheckOptions options;
    options.organisation = std::move(organisation);
    return options;
  }
  Verdict Check(const Encoded& bytes, const CheckOptions& options = From("forum")) {
    return Take(pipeline().CheckImage(bytes, options));
  }
  // The PDQ fingerprint of `bytes`, as a flagger would submit it.
  Fingerprint PdqOfImage(const Encoded& bytes) {
    return Take(pipeline().Hash(bytes, Profile::kReference, /*local=*/false)).fingerprints.at(0);
  }
  EntryRecord Know(const Encoded& bytes, std::string_view list = "known") {
    return world_.Submit(flagger_, list, EntryOf({PdqOfImage(bytes)}));
  }

  const Principal flagger_ = Flagger("org-a");
  World world_;
  static const Picture& KnownScene() {
    static const Picture picture = Scene(320, 240, 7);
    return picture;
  }
  static const Picture& OtherScene() {
    static const Picture picture = Scene(320, 240, 99);
    return picture;
  }

  const Picture& picture_ = KnownScene();
  const Encoded original_ = Encode(picture_, ".jpg");
  const Encoded innocent_ = Encode(OtherScene(), ".jpg");
};

}  // namespace vigie::testing
