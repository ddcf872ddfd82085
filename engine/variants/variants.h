// Where in an upload may another picture be? Lists of hashes alone have one hash a picture, so
// only the upload can be looked at again: without its frame, without bands of text, panel by panel.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/base/pixels.h"

namespace vigie {

// The most rectangles of one picture: 16 that are found, and its middle.
inline constexpr size_t kMaxVariants = 17;
// No rectangle has a shorter side, in pixels of the sample that is looked at.
inline constexpr int kMinVariantSide = 40;

// Rectangles that may be pictures of their own, the likeliest first; at most min(most,
// kMaxVariants), none of those found nearly the whole. The last is the middle. A pure function of the pixels. It looks at a sample
// of at most 512x512 of them, so its time and memory (3 MiB) are bounded. Thread-safe.
std::vector<Variant> FindVariants(const PixelView& pixels, size_t most);

// What it shows.
PixelView Part(const PixelView& pixels, const Rectangle& rectangle);

}  // namespace vigie
