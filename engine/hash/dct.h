// From 64x64 pixels to 256 bits: the cosine transform, the eight orientations of its result, and
// the comparison with the median.
#pragma once

#include "engine/base/fingerprint.h"
#include "engine/base/types.h"
#include "engine/hash/jarosz.h"

namespace vigie {

inline constexpr int kDctSide = 16;

// 16x16 frequencies. Row i belongs to vertical frequency i + 1, column j to horizontal j + 1.
using Frequencies = float[kDctSide][kDctSide];

// B = D * A * D^T where D holds the first 16 cosines after the constant one.
void Dct64To16(const Decimated& pixels, Frequencies& out);

// The frequencies of the picture turned by `orientation`, from those of the picture itself.
// `in` and `out` are different objects.
void Orient(const Frequencies& in, Orientation orientation, Frequencies& out);

// Bit 16 * i + j is set where in[i][j] is above the median: the 128th smallest of the 256 values.
Pdq256 AboveMedian(const Frequencies& in);

// How much the picture has to tell, 0 to 100: the gradients of its 64x64 form, saturated.
int Quality(const Decimated& pixels);

}  // namespace vigie
