// Writes the pictures that the server's tests send into a folder: make_pictures FOLDER
//
// "scene-N" are different pictures; "scene-1-..." are copies of the first: smaller, larger,
// recompressed, turned, mirrored. "detailed-N" have places that stand out, which scenes have not.
#include <cmath>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "tests/support/animations.h"
#include "tests/support/bmff_pictures.h"
#include "tests/support/composites.h"
#include "tests/support/pictures.h"
#include "tests/unit/image/samples.h"

namespace vigie::testing {
namespace {

constexpr int kWidth = 480;
constexpr int kHeight = 360;
constexpr int kGrid = 12;  // random colours a side, blended in between

// The same content at every size, so that sizes are resized copies of each other.
Picture Scene(int width, int height, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<double> grid(static_cast<size_t>((kGrid + 1) * (kGrid + 1) * 3));
  for (double& value : grid) value = static_cast<double>(random() % 256);
  const auto at = [&grid](int x, int y, int channel) {
    return grid[static_cast<size_t>((y * (kGrid + 1) + x) * 3 + channel)];
  };
  Picture picture{.width = width, .height = height, .order = ChannelOrder::kBgr, .data = {}};
  for (int y = 0; y < height; ++y) {
    const double v = (y + 0.5) * kGrid / height;
    const int row = static_cast<int>(v);
    for (int x = 0; x < width; ++x) {
      const double u = (x + 0.5) * kGrid / width;
      const int column = static_cast<int>(u);
      for (int c = 0; c < 3; ++c) {
        const double above = std::lerp(at(column, row, c), at(column + 1, row, c), u - column);
        const double below =
            std::lerp(at(column, row + 1, c), at(column + 1, row + 1, c), u - column);
        picture.data.push_back(static_cast<uint8_t>(std::lerp(above, below, v - row)));
      }
    }
  }
  return picture;
}

// Overlapping boxes of many sizes and shades.
Picture Detailed(uint32_t seed) {
  std::mt19937 random(seed);
  const auto below = [&random](int end) {
    return static_cast<int>(random() % static_cast<uint32_t>(end));
  };
  Picture picture = Flat(kWidth, kHeight, 128);
  for (int i = 0; i < 400; ++i) {
    const int width = 8 + below(60);
    const int height = 8 + below(60);
    PasteAt(Flat(width, height, static_cast<uint8_t>(below(256))), below(kWidth - width),
            below(kHeight - height), &picture);
  }
  return picture;
}

// What is left without a fifth at each side.
Picture Cropped(const Picture& picture) {
  Picture cropped{.width = picture.width * 3 / 5,
                  .height = picture.height * 3 / 5,
                  .order = picture.order,
                  .data = {}};
  for (int y = 0; y < cropped.height; ++y) {
    const auto row =
        picture.data.begin() + ((y + picture.height / 5) * picture.width + picture.width / 5) * 3;
    cropped.data.insert(cropped.data.end(), row, row + cropped.width * 3);
  }
  return cropped;
}

// The picture whose pixel (x, y) is the pixel `from(x, y)` of `picture`.
Picture Moved(const Picture& picture, bool sides_swapped,
              const std::function<std::pair<int, int>(int, int)>& from) {
  Picture moved{.width = sides_swapped ? picture.height : picture.width,
                .height = sides_swapped ? picture.width : picture.height,
                .order = picture.order,
                .data = {}};
  for (int y = 0; y < moved.height; ++y) {
    for (int x = 0; x < moved.width; ++x) {
      const auto [sx, sy] = from(x, y);
      const auto pixel = picture.data.begin() + (sy * picture.width + sx) * 3;
      moved.data.insert(moved.data.end(), pixel, pixel + 3);
    }
  }
  return moved;
}

void Write(const std::filesystem::path& path, const std::vector<uint8_t>& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

void WriteTurned(const std::filesystem::path& folder, const Picture& scene) {
  const int right = scene.width - 1;
  const int bottom = scene.height - 1;
  const auto write = [&](const char* name, bool swapped, auto from) {
    Write(folder / (std::string("scene-1-") + name + ".png"),
          Encode(Moved(scene, swapped, from), ".png"));
  };
  const auto pair = [](int x, int y) { return std::pair(x, y); };
  write("clockwise", true, [=](int x, int y) { return pair(y, bottom - x); });
  write("half-turn", false, [=](int x, int y) { return pair(right - x, bottom - y); });
  write("counterclockwise", true, [=](int x, int y) { return pair(right - y, x); });
  write("upside-down", false, [=](int x, int y) { return pair(x, bottom - y); });
  write("mirrored", false, [=](int x, int y) { return pair(right - x, y); });
  write("diagonal", true, [=](int x, int y) { return pair(y, x); });
  write("antidiagonal", true, [=](int x, int y) { return pair(right - y, bottom - x); });
}

void WriteAll(const std::filesystem::path& folder) {
  for (uint32_t seed = 1; seed <= 6; ++seed) {
    for (const char* extension : {".png", ".jpg"}) {
      Write(folder / ("scene-" + std::to_string(seed) + extension),
            Encode(Scene(kWidth, kHeight, seed), extension));
    }
  }
  const Picture scene = Scene(kWidth, kHeight, 1);
  for (const char* extension : kExtensions) {
    Write(folder / (std::string("scene-1-same") + extension), Encode(scene, extension));
  }
  Write(folder / "scene-1-coarse.jpg", Encode(scene, ".jpg", {.quality = 30}));
  Write(folder / "scene-1-small.jpg", Encode(Scene(200, 150, 1), ".jpg"));
  Write(folder / "scene-1-large.jpg", Encode(Scene(960, 720, 1), ".jpg"));
  Write(folder / "scene-1-16-bit.png", EncodePng16(scene));
  Write(folder / "scene-1-alpha.png", EncodePngWithAlpha(scene, 255));
  WriteTurned(folder, scene);
  Write(folder / "scene-1-framed.jpg", Encode(Framed(scene, 60, 255), ".jpg"));
  const Picture two = Scene(kWidth, kHeight, 2);
  const Picture three = Scene(kWidth, kHeight, 3);
  Write(folder / "animation-2-1-3.webp", EncodeAnimatedWebp({two, scene, three}));
  Write(folder / "animation-2-1-3.avif", EncodeAvif({two, scene, three}));
  Write(folder / "scene-1-same.avif", EncodeAvif({scene}));
  for (uint32_t seed = 1; seed <= 3; ++seed) {
    Write(folder / ("detailed-" + std::to_string(seed) + ".png"), Encode(Detailed(seed), ".png"));
  }
  Write(folder / "detailed-1-cropped.jpg", Encode(Cropped(Detailed(1)), ".jpg", {.quality = 80}));
  Write(folder / "flat.png", Encode(Flat(256, 256, 90), ".png"));
  Write(folder / "1x1.png", Encode(Flat(1, 1, 200), ".png"));
  Write(folder / "4x4.png", Encode(Pattern(4, 4, 3), ".png"));
  Write(folder / "cmyk.jpg", CmykJpeg());
  Write(folder / "palette.png", PalettePngWithTransparency());
}

}  // namespace
}  // namespace vigie::testing

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_pictures FOLDER\n");
    return 2;
  }
  try {
    vigie::testing::WriteAll(argv[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "make_pictures: %s\n", error.what());
    return 1;
  }
  return 0;
}
