// Where a place points, and the 256 bits that describe what surrounds it.
#pragma once

#include <cstdint>

#include "engine/base/fingerprint.h"

namespace vigie {

// Nothing further than this many pixels from a place is looked at, nor is any comparison's end
// further, whichever way it is turned.
inline constexpr int kPatchRadius = 15;
// A place nearer to the edge than this, in pixels of its level, cannot be described.
inline constexpr int kPlaceMargin = kPatchRadius + 1;

// One of kDescriptorPattern's pairs: is the picture darker at the first point than at the second?
struct PointPair {
  int8_t x1, y1, x2, y2;
};

// The direction of the centre of brightness of the disc around `center` (Rublee et al. 2011), in
// 1/256 turn, from right to down. `stride` is the length of a row. All of the disc is readable.
uint8_t OrientationOf(const uint8_t* center, int stride);

// The comparisons of the pattern, turned by `angle`, around `center` of a blurred picture. The
// second 128 pairs are the first, upside down: so the bits of the mirrored picture, whose place
// points the other way, are these with the halves exchanged.
Pdq256 DescribePlace(const uint8_t* center, int stride, uint8_t angle);

// The bits that DescribePlace() gives in the mirrored picture.
Pdq256 MirroredDescriptor(const Pdq256& descriptor);

}  // namespace vigie
