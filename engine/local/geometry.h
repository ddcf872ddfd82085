// Whether places that look alike also lie alike: one affine map from the known picture to the
// upload.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/local/local_fingerprint.h"

namespace vigie {

// A place of the upload that looks like a place of a known picture.
struct Pairing {
  uint16_t upload = 0;  // number of the keypoint
  uint16_t known = 0;
  uint16_t distance = 0;  // of the descriptors
  bool common = false;    // many entries have a place that looks like it
};

// x' = a x + b y + c, y' = d x + e y + f; pixels of the reduced pictures.
struct AffineMap {
  double a = 1, b = 0, c = 0;
  double d = 0, e = 1, f = 0;
};

// One of the two sides of a comparison.
struct PlacesView {
  int width = 0;
  int height = 0;
  std::span<const LocalKeypoint> keypoints;
  std::span<const Pdq256> descriptors;  // one a keypoint; Align() needs none
};

struct Alignment {
  int inliers = 0;          // pairs of places that follow the map, no two at one place
  int rare = 0;             // of them: not `common`
  AffineMap map;            // from the known picture to the upload
  double known_share = 0;   // of the known picture's area, within the hull of the inliers, 0 to 1
  double upload_share = 0;  // of the upload's
  // Standard deviation of the inliers across their longest extent, the smaller of both pictures',
  // in pixels: near 0, they lie on a line.
  double width = 0;
};

// At most so many pairings are looked at, the nearest ones; each of the first kMaxProposals of them
// proposes a map. So the time is bounded: about 0.1 ms.
inline constexpr size_t kMaxPairings = 256;
inline constexpr size_t kMaxProposals = 96;

// The map that most of `pairings` follow; no inliers when fewer than 4 do, or when it is not one
// that pictures undergo: mirrored, stretched by more than 2, scaled by more than 8. Changes the
// order of `pairings`. Deterministic, thread-safe.
Alignment Align(const PlacesView& upload, const PlacesView& known, std::vector<Pairing>& pairings);

// Two descriptors of one place, where one expects them, are within so many bits; two others are not
// (they differ in 100 to 150).
inline constexpr int kSeenAgainDistance = 56;

// Of the known places that `map` puts where the upload would have to show them, within its edges
// and at a size that is looked at, the share that has a place of the upload there, of the size and
// direction that the map says, alike within kSeenAgainDistance. A copy shows most of them again;
// two pictures of other things on the same floor show those of the floor. A share of 16 when fewer
// are due, for these may be the very ones that the map was made of. 0.1 to 1 ms. Thread-safe.
double SeenAgain(const PlacesView& upload, const PlacesView& known, const AffineMap& map);

}  // namespace vigie
