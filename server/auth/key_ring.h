// Access keys and client certificates: made, kept as digests, and turned into principals.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "engine/base/clock.h"
#include "engine/base/status.h"
#include "engine/base/types.h"
#include "engine/store/store.h"

namespace vigie {

// A new key for `organisation` (a name, see IsName). The text is shown once and stored nowhere: it
// is "vgk_<id>_<secret>" with 80 random bits of id and 256 of secret, so a plain SHA-256 of the
// secret is enough to keep. INVALID_ARGUMENT, reason KEY_INVALID; INTERNAL, reason NO_ENTROPY.
struct NewKey {
  std::string text;
  KeyRecord record;
};
absl::StatusOr<NewKey> MakeKey(std::string_view organisation, Role role, std::string_view label,
                               TimeUs now);
// The record of a client certificate, in PEM, that stands for a key. Errors as MakeKey(), and
// INVALID_ARGUMENT, reason CERTIFICATE_INVALID, for anything but one certificate.
absl::StatusOr<KeyRecord> MakeCertificateKey(std::string_view pem, std::string_view organisation,
                                             Role role, std::string_view label, TimeUs now);

// Thread-safe. Sees changes of keys and organisations by other processes within kRefreshUs, and a
// key that it does not know as of kLookAgainUs ago: who has just made one may use it.
class KeyRing {
 public:
  static constexpr TimeUs kRefreshUs = 100'000;
  // Bounds what calls with made-up keys cost: one read each so often.
  static constexpr TimeUs kLookAgainUs = 1000;

  KeyRing(Store& store, const Clock& clock) : store_(store), clock_(clock) {}

  // The principal of a key as MakeKey() wrote it. UNAUTHENTICATED with reason KEY_MISSING (empty),
  // KEY_INVALID, KEY_REVOKED or KEY_EXPIRED; store errors when the keys cannot be read.
  absl::StatusOr<Principal> Authenticate(std::string_view key_text);
  // The principal of a certificate, in PEM, that TLS has verified. UNAUTHENTICATED with reason
  // CERTIFICATE_UNKNOWN, KEY_REVOKED or KEY_EXPIRED; store errors.
  absl::StatusOr<Principal> AuthenticateCertificate(std::string_view pem);

 private:
  struct Keys {
    std::map<std::string, KeyRecord, std::less<>> by_id;
    std::map<std::string, const KeyRecord*, std::less<>> by_certificate;  // by digest
    std::map<std::string, OrganisationRecord, std::less<>> organisations;
  };

  absl::StatusOr<std::shared_ptr<const Keys>> ReadKeys();
  // As of at most `age` ago.
  absl::StatusOr<std::shared_ptr<const Keys>> CurrentKeys(TimeUs age);
  absl::StatusOr<Principal> PrincipalOf(const KeyRecord& key, const Keys& keys) const;

  Store& store_;
  const Clock& clock_;
  std::mutex mutex_;
  std::shared_ptr<const Keys> keys_;
  uint64_t version_ = 0;
  TimeUs checked_us_ = 0;
};

}  // namespace vigie
