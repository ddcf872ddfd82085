// The two small squares between pixels and bits.
#pragma once

namespace vigie {

// Side of the square that a filtered picture is sampled down to.
inline constexpr int kReducedSide = 64;
// Side of the square of frequencies taken from it.
inline constexpr int kDctSide = 16;

// A picture of floats, row after row.
struct alignas(64) Reduced {
  float at[kReducedSide][kReducedSide];
};

// Row i belongs to vertical frequency i + 1, column j to horizontal frequency j + 1.
struct alignas(64) Frequencies {
  float at[kDctSide][kDctSide];
};

}  // namespace vigie
