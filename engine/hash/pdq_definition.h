// PDQ in plain C++, one operation after the other: what the kernels are compared with, bit by bit,
// by tests, the fuzz target and the benchmark. Nothing that ships links it.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/base/fingerprint.h"
#include "engine/base/pixels.h"
#include "engine/base/types.h"
#include "engine/hash/pdq.h"
#include "engine/hash/reduced.h"

namespace vigie::definition {

// One box filter along every one of `lanes` parallel lines of `length` samples each. Sample t of
// line l is in[t * step + l * lane_step]; `out` has the same layout and does not overlap `in`.
// `sums` has room for `lanes` floats. 1 <= window <= length. Every line sees the reference's
// operations in the reference's order, so the lanes may be computed in any grouping.
void BoxLines(const float* in, float* out, size_t length, size_t step, size_t lanes,
              size_t lane_step, size_t window, float* sums);

// Whole planes, reused from one picture to the next.
struct Scratch {
  std::vector<float> plane;
  std::vector<float> other;
  std::vector<float> sums;
};

// Filters scratch.plane (width x height, both at least 1) and samples it into `out`. What the
// buffers hold afterwards is unspecified.
void FilterAndDecimate(size_t width, size_t height, Scratch& scratch, Reduced& out);

// Luma of `pixels` sampled by nearest neighbour to width x height, filtered and sampled to 64x64.
// An `unfiltered` picture is 64x64 and is only turned into luma.
void Reduce(const PixelView& pixels, size_t width, size_t height, bool unfiltered, Scratch& scratch,
            Reduced& out);

void Dct64To16(const Reduced& pixels, Frequencies& out);

// The frequencies of the picture turned by `orientation`, from those of the picture itself.
// `in` and `out` are different objects.
void Orient(const Frequencies& in, Orientation orientation, Frequencies& out);

// Bit 16 * i + j is set where in[i][j] is above the median: the 128th smallest of the 256 values.
Pdq256 AboveMedian(const Frequencies& in);

int Quality(const Reduced& pixels);

// As vigie::ComputePdq() and vigie::ComputePdqOrientations().
PdqResult ComputePdq(const PixelView& pixels, Profile profile, Scratch& scratch);
PdqOrientations ComputePdqOrientations(const PixelView& pixels, Profile profile, Scratch& scratch);

}  // namespace vigie::definition
