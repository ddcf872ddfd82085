// From 64x64 pixels to 256 bits: the cosine transform, the eight orientations of its result, and
// the comparison with the median. The bits are those of the reference.
#pragma once

#include <array>

#include "engine/base/fingerprint.h"
#include "engine/base/types.h"
#include "engine/hash/reduced.h"

namespace vigie {

// B = D * A * D^T where D holds the first 16 cosines after the constant one.
void Dct64To16(const Reduced& pixels, Frequencies& out);

// How much the picture has to tell, 0 to 100: the gradients of its 64x64 form, saturated.
int Quality(const Reduced& pixels);

// Bit 16 * i + j is set where in.at[i][j] is above the median: the 128th smallest of the 256
// values.
Pdq256 AboveMedian(const Frequencies& in);

// The same of all orientations of the picture, in the order of vigie::Orientation.
std::array<Pdq256, kOrientations> AboveMedianOfAll(const Frequencies& in);

}  // namespace vigie
