// PDQ (Meta, 2019): 256 bits that stay nearly the same when a picture is scaled or re-encoded.
// The bits are those of the C++ reference, identical for identical pixels.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "engine/base/fingerprint.h"
#include "engine/base/pixels.h"
#include "engine/base/types.h"
#include "engine/hash/jarosz.h"

namespace vigie {

// Pictures with a side under this many pixels have no fingerprint: all bits zero, quality 0.
inline constexpr int kPdqMinSide = 5;

struct PdqResult {
  Pdq256 hash;
  int quality = 0;  // 0 to 100
};

struct PdqOrientations {
  std::array<Pdq256, kOrientations> hashes;  // in the order of vigie::Orientation
  int quality = 0;                           // 0 to 100, the same for all orientations
};

// Working memory of the functions below, reused from one picture to the next: nothing is allocated
// once it has grown to the largest picture seen. One per thread. It grows to 2 MiB with
// Profile::kReference, and to 8 bytes a pixel of the largest picture with Profile::kFull. What the
// last picture left in it stays until the next one or its destruction.
class PdqScratch {
 public:
  PdqScratch() = default;
  PdqScratch(const PdqScratch&) = delete;
  PdqScratch& operator=(const PdqScratch&) = delete;

 private:
  friend class PdqHasher;
  JaroszScratch jarosz_;
  std::vector<size_t> columns_;  // byte offset in a row of the pixels that are read
};

// The fingerprint of `pixels`, whose rows are readable during the call. A 64x64 picture is hashed
// unfiltered here and filtered by ComputePdqOrientations(), as the reference does. Thread-safe
// for different scratches; throws std::bad_alloc when the scratch cannot grow.
PdqResult ComputePdq(const PixelView& pixels, Profile profile, PdqScratch& scratch);

// The fingerprints of all 8 orientations of `pixels` from one transform. They are close to, not
// identical with, those of the turned picture. Same contract as ComputePdq().
PdqOrientations ComputePdqOrientations(const PixelView& pixels, Profile profile,
                                       PdqScratch& scratch);

}  // namespace vigie
