// Values computed from a picture. They are sensitive personal data (a picture can be partly
// reconstructed from a perceptual hash): never logged, never put in an error message.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "engine/base/digest.h"
#include "engine/base/status.h"
#include "engine/base/types.h"

namespace vigie {

// 256 bits, most significant first: byte 0 holds bits 255..248, as the text form writes them.
struct Pdq256 {
  std::array<uint8_t, 32> bytes{};
  friend bool operator==(const Pdq256&, const Pdq256&) = default;
};
static_assert(sizeof(Pdq256) == 32, "arrays of Pdq256 are handed to FAISS as packed codes");

// Number of bits in which `a` and `b` differ, 0 to 256.
inline int HammingDistance(const Pdq256& a, const Pdq256& b) {
  int distance = 0;
  for (size_t i = 0; i < 32; i += 8) {
    uint64_t x = 0;
    uint64_t y = 0;
    std::memcpy(&x, &a.bytes[i], 8);
    std::memcpy(&y, &b.bytes[i], 8);
    distance += std::popcount(x ^ y);
  }
  return distance;
}

// Largest distance a list or a request may ask for. Beyond it unrelated pictures match.
inline constexpr int kMaxDistanceLimit = 47;
// The field's customary radius (inclusive).
inline constexpr int kDefaultMaxDistance = 31;
// PDQ fingerprints below this quality are not used for matching by the field.
inline constexpr int kDefaultMinQuality = 50;

// Length in bytes of a value of `algorithm`: 32, 16, 20 or 32; 0 when it is none of ours.
size_t ValueSize(Algorithm algorithm);

// One value with where it comes from. quality, profile and decode_mode mean something for PDQ only.
struct Fingerprint {
  Algorithm algorithm = Algorithm::kPdq;
  std::string value;  // ValueSize(algorithm) bytes, most significant first
  int quality = 0;    // 0 to 100
  Profile profile = Profile::kReference;
  DecodeMode decode_mode = DecodeMode::kExact;

  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

Fingerprint MakePdqFingerprint(const Pdq256& hash, int quality, Profile profile, DecodeMode mode);

// The PDQ bits of `fingerprint`, whose algorithm is PDQ and whose value has 32 bytes.
Pdq256 PdqOf(const Fingerprint& fingerprint);

// INVALID_ARGUMENT, reason HASH_MALFORMED, when the value has another length than its algorithm's
// or the quality is outside 0 to 100.
absl::Status Validate(const Fingerprint& fingerprint);

// Reads hex digits as a value of `algorithm`. INVALID_ARGUMENT, reason HASH_MALFORMED, for a wrong
// length or any other character; the message says which, without the value.
absl::StatusOr<std::string> ValueFromHex(Algorithm algorithm, std::string_view hex);

}  // namespace vigie
