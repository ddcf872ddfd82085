// The bits of a PDQ code in an order in which the hashes of a turned or mirrored picture are alike.
#pragma once

#include <cstdint>

#include "engine/index/substring_table.h"

namespace vigie {

// `words` with its bits in another order; of what it returns it makes `words` again.
//
// Turning or mirroring a picture negates those of its 16 x 16 frequencies whose row, column or both
// are odd (or even), and may transpose them (PDQ's rules for its eight hashes). So among four of
// the eight, bits of one class - by the parity of row and column - are all kept or all turned, but
// for frequencies that lie between the medians of two hashes, about 1 in 23. Here each of the four
// words holds one class: of a substring inside a word the eight hashes have about 5 values, where
// rows of bits, as PDQ numbers them, give nearly 7 for 16 bits and 8 for more.
//
// Bit 16 i + j of PDQ lies at the place whose number is written ~i3 ~i2 ~i1 ~i0 ~j3 j2 j1 j0 in
// binary. Two pairs of these digits change places: the first with the fourth, the second with the
// last. Each exchange swaps two masks of bits between two words.
inline CodeWords InParityOrder(CodeWords words) {
  constexpr uint64_t kEvenLanes = 0x0000FFFF0000FFFF;
  constexpr uint64_t kEvenBits = 0x5555555555555555;
  const auto exchange = [](uint64_t* low, uint64_t* high, int shift, uint64_t mask) {
    const uint64_t both = ((*low >> shift) ^ *high) & mask;
    *high ^= both;
    *low ^= both << shift;
  };
  exchange(&words[0], &words[2], 16, kEvenLanes);
  exchange(&words[1], &words[3], 16, kEvenLanes);
  exchange(&words[0], &words[1], 1, kEvenBits);
  exchange(&words[2], &words[3], 1, kEvenBits);
  return words;
}

}  // namespace vigie
