// What the local tier keeps of a picture: places that stand out, each with 256 bits that describe
// its surroundings. It says far more of the picture than one hash does: never logged, never put in
// an error message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/fingerprint.h"
#include "engine/base/status.h"

namespace vigie {

// Of the bytes, and of what the bits mean.
inline constexpr char kLocalVersion = 1;
// The longer side that pictures are reduced to before places are looked for, pixels.
inline constexpr int kLocalSide = 512;
// Sizes at which places are looked for; each is kLocalStep times smaller than the one before.
inline constexpr int kLocalLevels = 8;
inline constexpr double kLocalStep = 1.2;
// The most places a fingerprint may have.
inline constexpr size_t kMaxLocalKeypoints = 1024;
// Of a known picture, and of an upload.
inline constexpr size_t kKnownKeypoints = 180;
inline constexpr size_t kUploadKeypoints = 800;

// In the reduced picture, from its upper left corner.
struct LocalKeypoint {
  static constexpr int kSubpixels = 8;  // x and y are in eighths of a pixel

  uint16_t x = 0;
  uint16_t y = 0;
  uint8_t level = 0;  // 0 to kLocalLevels - 1
  uint8_t angle = 0;  // in 1/256 turn, from right to down

  friend bool operator==(const LocalKeypoint&, const LocalKeypoint&) = default;
};

struct LocalFingerprint {
  int width = 0;  // of the picture that places were looked for in, 1 to kLocalSide; 0: none
  int height = 0;
  std::vector<LocalKeypoint> keypoints;
  std::vector<Pdq256> descriptors;  // one a keypoint

  friend bool operator==(const LocalFingerprint&, const LocalFingerprint&) = default;
};

// What the mirrored picture (left and right exchanged) has, but for rounding.
LocalFingerprint Mirrored(const LocalFingerprint& local);

// INVALID_ARGUMENT, reason HASH_MALFORMED, for what ExtractLocal() never gives: too large, places
// outside, another number of descriptors than of keypoints.
absl::Status ValidateLocal(const LocalFingerprint& local);

// The length of a fingerprint with so many keypoints, as bytes.
constexpr size_t LocalBytes(size_t keypoints) { return 10 + 37 * keypoints; }

// `local`, which is valid, as LocalBytes() bytes.
std::string EncodeLocal(const LocalFingerprint& local);

// INVALID_ARGUMENT, reason HASH_MALFORMED, when `bytes` are not what EncodeLocal() writes of some
// fingerprint; nothing is read beyond them.
absl::StatusOr<LocalFingerprint> DecodeLocal(std::string_view bytes);

}  // namespace vigie
