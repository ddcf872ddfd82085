#include "server/auth/key_ring.h"

#include <array>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/certificate.h"
#include "engine/base/digest.h"

namespace vigie {
namespace {

constexpr std::string_view kPrefix = "vgk_";

absl::Status Unauthenticated(std::string_view reason, std::string_view message) {
  return Error(absl::StatusCode::kUnauthenticated, reason, message);
}

absl::Status NoEntropy() {
  return Error(absl::StatusCode::kInternal, "NO_ENTROPY",
               "the operating system gives no random numbers");
}

std::string DigestOf(std::string_view shown) {
  const auto digest = Sha256(AsBytes(shown));
  return {digest.begin(), digest.end()};
}

// Who the key is of, without what is shown.
absl::StatusOr<KeyRecord> MakeRecord(std::string_view organisation, Role role,
                                     std::string_view label, TimeUs now) {
  if (!IsName(organisation)) {
    return Error(absl::StatusCode::kInvalidArgument, "KEY_INVALID",
                 "an organisation's name has 1 to 63 characters a-z, 0-9 and '-', begins with a "
                 "letter and does not end with '-'");
  }
  std::array<uint8_t, 10> id{};
  if (!FillRandom(id)) return NoEntropy();
  return KeyRecord{.id = ToBase32(id),
                   .digest = {},
                   .organisation = std::string(organisation),
                   .role = role,
                   .label = std::string(label),
                   .created_us = now};
}

}  // namespace

absl::StatusOr<NewKey> MakeKey(std::string_view organisation, Role role, std::string_view label,
                               TimeUs now) {
  NewKey key;
  VIGIE_ASSIGN_OR_RETURN(key.record, MakeRecord(organisation, role, label, now));
  std::string secret(32, '\0');
  if (!FillRandom({reinterpret_cast<uint8_t*>(secret.data()), secret.size()})) return NoEntropy();
  key.record.digest = DigestOf(secret);
  key.text = absl::StrCat(ToAbsl(kPrefix), key.record.id, "_", ToBase32(AsBytes(secret)));
  return key;
}

absl::StatusOr<KeyRecord> MakeCertificateKey(std::string_view pem, std::string_view organisation,
                                             Role role, std::string_view label, TimeUs now) {
  const auto der = CertificateFromPem(pem);
  if (!der.has_value() || !IsCertificate(*der)) {
    return Error(absl::StatusCode::kInvalidArgument, "CERTIFICATE_INVALID",
                 "the file is not one certificate in PEM: give the client's alone, not its chain");
  }
  KeyRecord record;
  VIGIE_ASSIGN_OR_RETURN(record, MakeRecord(organisation, role, label, now));
  record.credential = Credential::kCertificate;
  record.digest = DigestOf(*der);
  return record;
}

absl::StatusOr<std::shared_ptr<const KeyRing::Keys>> KeyRing::ReadKeys() {
  std::vector<KeyRecord> records;
  VIGIE_ASSIGN_OR_RETURN(records, store_.ReadKeys());
  std::vector<OrganisationRecord> organisations;
  VIGIE_ASSIGN_OR_RETURN(organisations, store_.ReadOrganisations());
  auto keys = std::make_shared<Keys>();
  for (KeyRecord& record : records) {
    const auto at = keys->by_id.emplace(record.id, std::move(record)).first;
    const KeyRecord& key = at->second;
    if (key.credential == Credential::kCertificate) keys->by_certificate.emplace(key.digest, &key);
  }
  for (OrganisationRecord& organisation : organisations) {
    keys->organisations.emplace(organisation.id, std::move(organisation));
  }
  return keys;
}

absl::StatusOr<std::shared_ptr<const KeyRing::Keys>> KeyRing::CurrentKeys(TimeUs age) {
  const std::lock_guard lock(mutex_);
  const TimeUs now = clock_.Now();
  // A clock that was set back must not stop the refreshing.
  if (keys_ != nullptr && std::llabs(now - checked_us_) < age) return keys_;
  uint64_t version = 0;  // of before they are read: a change meanwhile is seen the next time
  VIGIE_ASSIGN_OR_RETURN(version, store_.KeysVersion());
  if (keys_ == nullptr || version != version_) {
    VIGIE_ASSIGN_OR_RETURN(keys_, ReadKeys());
    version_ = version;
  }
  checked_us_ = now;
  return keys_;
}

absl::StatusOr<Principal> KeyRing::PrincipalOf(const KeyRecord& key, const Keys& keys) const {
  if (key.revoked_us != 0) return Unauthenticated("KEY_REVOKED", "this key was revoked");
  if (key.until_us != 0 && clock_.Now() >= key.until_us) {
    return Unauthenticated("KEY_EXPIRED", "this key's time is over: ask for a new one");
  }
  Principal principal{.key_id = key.id, .organisation = key.organisation, .role = key.role};
  if (const auto it = keys.organisations.find(key.organisation); it != keys.organisations.end()) {
    principal.designation = it->second.designation;
    principal.daily_entries = it->second.daily_entries;
    principal.checks_per_second = it->second.checks_per_second;
    principal.images_per_second = it->second.images_per_second;
  }
  return principal;
}

absl::StatusOr<Principal> KeyRing::Authenticate(std::string_view key_text) {
  if (key_text.empty()) {
    return Unauthenticated("KEY_MISSING",
                           "send your key as metadata \"authorization: Bearer <key>\"");
  }
  const auto invalid = [] { return Unauthenticated("KEY_INVALID", "this key is not known"); };
  if (!key_text.starts_with(kPrefix)) return invalid();
  key_text.remove_prefix(kPrefix.size());
  const size_t separator = key_text.find('_');
  if (separator == std::string_view::npos) return invalid();
  const auto secret = FromBase32(key_text.substr(separator + 1));
  std::shared_ptr<const Keys> keys;
  VIGIE_ASSIGN_OR_RETURN(keys, CurrentKeys(kRefreshUs));
  auto it = keys->by_id.find(key_text.substr(0, separator));
  if (it == keys->by_id.end()) {
    VIGIE_ASSIGN_OR_RETURN(keys, CurrentKeys(kLookAgainUs));
    it = keys->by_id.find(key_text.substr(0, separator));
  }
  if (!secret.has_value() || it == keys->by_id.end()) return invalid();
  const KeyRecord& key = it->second;
  // A certificate is no secret: whoever has seen it could say its bytes.
  if (key.credential != Credential::kSecret) return invalid();
  if (!EqualInConstantTime(Sha256(AsBytes(*secret)), AsBytes(key.digest))) return invalid();
  return PrincipalOf(key, *keys);
}

absl::StatusOr<Principal> KeyRing::AuthenticateCertificate(std::string_view pem) {
  std::shared_ptr<const Keys> keys;
  VIGIE_ASSIGN_OR_RETURN(keys, CurrentKeys(kRefreshUs));
  const auto der = CertificateFromPem(pem);
  const std::string digest = der.has_value() ? DigestOf(*der) : std::string();
  auto it = keys->by_certificate.find(digest);
  if (it == keys->by_certificate.end()) {
    VIGIE_ASSIGN_OR_RETURN(keys, CurrentKeys(kLookAgainUs));
    it = keys->by_certificate.find(digest);
  }
  if (it == keys->by_certificate.end()) {
    return Unauthenticated("CERTIFICATE_UNKNOWN",
                           "your certificate is valid and registered for nobody: ask the operator, "
                           "or send a key");
  }
  return PrincipalOf(*it->second, *keys);
}

}  // namespace vigie
