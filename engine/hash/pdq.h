// PDQ (Meta, 2019): 256 bits that stay nearly the same when a picture is scaled or re-encoded.
// The bits are those of the C++ reference, identical for identical pixels.
#pragma once

#include <array>

#include "engine/base/fingerprint.h"
#include "engine/base/pixels.h"
#include "engine/base/types.h"
#include "engine/hash/scratch.h"

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

// The fingerprint of `pixels`, whose rows are readable during the call. A 64x64 picture is hashed
// unfiltered here and filtered by ComputePdqOrientations(), as the reference does. Thread-safe
// for different scratches; throws std::bad_alloc when the scratch cannot grow. It grows to half a
// MiB with Profile::kReference, and with Profile::kFull to about 1 KiB a column of the picture and
// 1/20 byte a pixel.
PdqResult ComputePdq(const PixelView& pixels, Profile profile, PdqScratch& scratch);

// The fingerprints of all 8 orientations of `pixels` from one transform. They are close to, not
// identical with, those of the turned picture. Same contract as ComputePdq().
PdqOrientations ComputePdqOrientations(const PixelView& pixels, Profile profile,
                                       PdqScratch& scratch);

}  // namespace vigie
