// Bytes that a submitter sends as a local fingerprint: what is read writes back as the same bytes,
// and lining it up with itself and its mirrored self stays within it.
#include <cstdlib>
#include <string>
#include <vector>

#include "engine/local/geometry.h"
#include "engine/local/local_fingerprint.h"

namespace {

constexpr size_t kMost = 64;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  // So that anything gets past the first check: its beginning, and its length as it says.
  if (size > 12 && data[0] % 2 == 1) {
    const size_t count = data[1] % kMost;
    bytes.resize(10 + 37 * count, static_cast<char>(data[2]));
    bytes.replace(0, 4, {'V', 'L', vigie::kLocalVersion, 0});
    bytes[5] &= 1;
    bytes[7] &= 1;
    bytes[8] = static_cast<char>(count);
    bytes[9] = 0;
    for (size_t i = 0; i < count; ++i) {
      bytes[10 + 37 * i + 3] &= 7;
      if (data[3] % 2 == 1) bytes[10 + 37 * i + 1] = bytes[10 + 37 * i + 2] = 0;
    }
  }
  const auto local = vigie::DecodeLocal(bytes);
  if (!local.ok()) {
    if (vigie::ReasonOf(local.status()) != "HASH_MALFORMED") std::abort();
    return 0;
  }
  if (vigie::EncodeLocal(*local) != bytes) std::abort();
  const vigie::LocalFingerprint mirrored = vigie::Mirrored(*local);
  for (const auto* other : {&*local, &mirrored}) {
    std::vector<vigie::Pairing> pairings;
    for (size_t i = 0; i < local->keypoints.size() && i < kMost; ++i) {
      const auto number = static_cast<uint16_t>(i);
      pairings.push_back(
          {.upload = number, .known = number, .distance = static_cast<uint16_t>(number % 29)});
    }
    const vigie::PlacesView upload = {local->width, local->height, local->keypoints,
                                      local->descriptors};
    const vigie::PlacesView known = {other->width, other->height, other->keypoints,
                                     other->descriptors};
    const vigie::Alignment a = vigie::Align(upload, known, pairings);
    if (a.inliers < 0 || a.rare > a.inliers || !(a.known_share >= 0) || a.known_share > 1) {
      std::abort();
    }
    const double seen = vigie::SeenAgain(upload, known, a.map);
    if (!(seen >= 0) || seen > 1) std::abort();
  }
  return 0;
}
