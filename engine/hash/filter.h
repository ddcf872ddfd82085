// Pixels to their filtered 64x64 form: luma, nearest-neighbour sampling, the tent filter of PDQ
// (two passes of a box along rows, then along columns; Jarosz 1986), decimation.
#pragma once

#include <cstddef>

#include "engine/base/pixels.h"
#include "engine/hash/reduced.h"
#include "engine/hash/scratch.h"

namespace vigie {

// Samples `pixels` to width x height (each at least 5 and at most what `pixels` has, unless both
// are 512), filters and decimates. The bits of `out` are those of the reference.
void Reduce(const PixelView& pixels, size_t width, size_t height, PdqScratch& scratch,
            Reduced& out);

// Luma of a 64x64 picture, unfiltered.
void LumaOnly(const PixelView& pixels, PdqScratch& scratch, Reduced& out);

}  // namespace vigie
