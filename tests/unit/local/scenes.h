// Pictures with corners, and what becomes of them: made by arithmetic, the same in every run.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "engine/local/geometry.h"
#include "tests/support/pictures.h"

namespace vigie::testing {

// Overlapping rectangles and discs of many sizes and shades. Other seeds have nothing in common.
Picture Scene(int width, int height, uint32_t seed);

// `picture` (kGray) seen through `map`, which takes its pixels to those of the result; what lies
// outside is grey. Bilinear.
Picture Warped(const Picture& picture, const AffineMap& map, int width, int height);

Picture MirroredPicture(const Picture& picture);

// `local` with up to 8 bits of each descriptor changed.
LocalFingerprint NearlyIdentical(LocalFingerprint local, std::mt19937& random);

// A wall of `columns` x `rows` copies of `tile`.
Picture Wall(const Picture& tile, int columns, int rows);

}  // namespace vigie::testing
