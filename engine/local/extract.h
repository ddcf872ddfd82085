// Pixels -> local fingerprint.
#pragma once

#include <cstddef>

#include "engine/base/pixels.h"
#include "engine/local/local_fingerprint.h"

namespace vigie {

// At most `most` places of `pixels` (at most kMaxLocalKeypoints), spread over the picture and over
// sizes; none of a picture without corners. The same pixels give the same result on every machine:
// integer arithmetic only. Any thread; throws std::bad_alloc. Sets OpenCV to one thread,
// process-wide.
LocalFingerprint ExtractLocal(const PixelView& pixels, size_t most);

}  // namespace vigie
