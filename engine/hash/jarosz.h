// The tent filter of PDQ: two passes of a box along rows, then along columns (Jarosz 1986).
#pragma once

#include <cstddef>
#include <vector>

namespace vigie {

// Side of the square that the filter is sampled down to.
inline constexpr int kDecimatedSide = 64;

// A 64x64 picture of floats, row after row.
using Decimated = float[kDecimatedSide][kDecimatedSide];

// Buffers of FilterAndDecimate(). They grow to the largest picture seen and are kept.
struct JaroszScratch {
  std::vector<float> plane;  // the picture on entry, width * height floats, row after row
  std::vector<float> other;
  std::vector<float> sums;
};

// One box filter along every one of `lanes` parallel lines of `length` samples each. Sample t of
// line l is in[t * step + l * lane_step]; `out` has the same layout and does not overlap `in`.
// `sums` has room for `lanes` floats. 1 <= window <= length. Every line sees the reference's
// operations in the reference's order, so the lanes may be computed in any grouping.
void BoxLines(const float* in, float* out, size_t length, size_t step, size_t lanes,
              size_t lane_step, size_t window, float* sums);

// Row or column of the filtered picture, `length` long, that sample `i` of the 64x64 one reads.
size_t DecimatedIndex(int i, size_t length);

// Filters scratch.plane (width x height, both at least 1) and samples it into `out`. What the
// buffers hold afterwards is unspecified. Allocates only when a larger picture than before comes.
void FilterAndDecimate(size_t width, size_t height, JaroszScratch& scratch, Decimated& out);

}  // namespace vigie
