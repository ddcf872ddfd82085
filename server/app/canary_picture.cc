#include "server/app/canary_picture.h"

#include <array>
#include <cstdint>

namespace vigie {
namespace {

constexpr int kSide = 128;
constexpr int kCell = 16;  // pixels between two random colours
constexpr int kGrid = kSide / kCell + 1;

// Knuth's generator, so that no library's choice matters.
class Numbers {
 public:
  int Next() {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return static_cast<int>(state_ >> 56);
  }

 private:
  uint64_t state_ = 20261122;
};

void Append(std::string& text, uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xff);
}

std::string Header() {
  constexpr uint32_t kHeader = 54;
  constexpr uint32_t kPixels = kSide * kSide * 3;
  std::string header = "BM";
  Append(header, kHeader + kPixels, 4);
  Append(header, 0, 4);
  Append(header, kHeader, 4);
  Append(header, 40, 4);  // of what follows
  Append(header, kSide, 4);
  Append(header, kSide, 4);
  Append(header, 1, 2);        // plane
  Append(header, 24, 2);       // bits a pixel
  Append(header, 0, 4);        // not compressed
  Append(header, kPixels, 4);  // bytes
  for (int i = 0; i < 4; ++i) Append(header, 0, 4);
  return header;
}

}  // namespace

std::string CanaryPicture() {
  Numbers numbers;
  std::array<std::array<std::array<int, 3>, kGrid>, kGrid> grid{};
  for (auto& row : grid) {
    for (auto& colour : row) {
      for (int& channel : colour) channel = numbers.Next();
    }
  }
  std::string picture = Header();
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      const auto row = static_cast<size_t>(y / kCell);
      const auto column = static_cast<size_t>(x / kCell);
      const int v = y % kCell;
      const int u = x % kCell;
      for (size_t c = 0; c < 3; ++c) {
        const int above = grid[row][column][c] * (kCell - u) + grid[row][column + 1][c] * u;
        const int below = grid[row + 1][column][c] * (kCell - u) + grid[row + 1][column + 1][c] * u;
        picture += static_cast<char>((above * (kCell - v) + below * v) / (kCell * kCell));
      }
    }
  }
  return picture;
}

}  // namespace vigie
