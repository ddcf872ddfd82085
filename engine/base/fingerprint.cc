#include "engine/base/fingerprint.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace vigie {
namespace {

absl::Status Malformed(std::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, "HASH_MALFORMED", message);
}

}  // namespace

size_t ValueSize(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kMd5:
      return 16;
    case Algorithm::kSha1:
      return 20;
    case Algorithm::kLocal:
      break;
    case Algorithm::kPdq:
    case Algorithm::kSha256:
      return 32;
  }
  return 0;
}

Fingerprint MakePdqFingerprint(const Pdq256& hash, int quality, Profile profile, DecodeMode mode) {
  return {.algorithm = Algorithm::kPdq,
          .value = std::string(hash.bytes.begin(), hash.bytes.end()),
          .quality = quality,
          .profile = profile,
          .decode_mode = mode};
}

Pdq256 PdqOf(const Fingerprint& fingerprint) {
  Pdq256 hash;
  std::copy_n(fingerprint.value.begin(), std::min<size_t>(32, fingerprint.value.size()),
              hash.bytes.begin());
  return hash;
}

absl::Status Validate(const Fingerprint& fingerprint) {
  const size_t expected = ValueSize(fingerprint.algorithm);
  if (expected == 0) return Malformed("the algorithm of this value is unknown");
  if (fingerprint.value.size() != expected) {
    return Malformed(absl::StrCat("a ", ToAbsl(Name(fingerprint.algorithm)), " value has ",
                                  expected, " bytes, this one has ", fingerprint.value.size()));
  }
  if (fingerprint.quality < 0 || fingerprint.quality > 100) {
    return Malformed(absl::StrCat("quality is 0 to 100, not ", fingerprint.quality));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ValueFromHex(Algorithm algorithm, std::string_view hex) {
  const size_t digits = 2 * ValueSize(algorithm);
  if (hex.size() != digits) {
    return Malformed(absl::StrCat("a ", ToAbsl(Name(algorithm)), " value has ", digits,
                                  " hex digits, this one has ", hex.size(), " characters"));
  }
  auto bytes = FromHex(hex);
  if (!bytes.has_value()) return Malformed("only hex digits (0-9, a-f) are allowed in a hash");
  return *std::move(bytes);
}

}  // namespace vigie
