#include "server/auth/key_ring.h"

#include <array>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/digest.h"

namespace vigie {
namespace {

constexpr std::string_view kPrefix = "vgk_";

absl::Status Unauthenticated(std::string_view reason, std::string_view message) {
  return Error(absl::StatusCode::kUnauthenticated, reason, message);
}

}  // namespace

absl::StatusOr<NewKey> MakeKey(std::string_view organisation, Role role, std::string_view label,
                               TimeUs now) {
  if (!IsName(organisation)) {
    return Error(absl::StatusCode::kInvalidArgument, "KEY_INVALID",
                 "an organisation's name has 1 to 63 characters a-z, 0-9 and '-', begins with a "
                 "letter and does not end with '-'");
  }
  std::array<uint8_t, 10> id{};
  std::array<uint8_t, 32> secret{};
  if (!FillRandom(id) || !FillRandom(secret)) {
    return Error(absl::StatusCode::kInternal, "NO_ENTROPY",
                 "the operating system gives no random numbers");
  }
  const auto digest = Sha256(secret);
  NewKey key;
  key.record = {.id = ToBase32(id),
                .digest = std::string(digest.begin(), digest.end()),
                .organisation = std::string(organisation),
                .role = role,
                .label = std::string(label),
                .created_us = now};
  key.text = absl::StrCat(ToAbsl(kPrefix), key.record.id, "_", ToBase32(secret));
  return key;
}

absl::StatusOr<std::shared_ptr<const KeyRing::Keys>> KeyRing::CurrentKeys() {
  const std::lock_guard lock(mutex_);
  const TimeUs now = clock_.Now();
  // A clock that was set back must not stop the refreshing.
  if (keys_ != nullptr && std::llabs(now - checked_us_) < kRefreshUs) return keys_;
  uint64_t version = 0;
  VIGIE_ASSIGN_OR_RETURN(version, store_.KeysVersion());
  if (keys_ == nullptr || version != version_) {
    std::vector<KeyRecord> records;
    VIGIE_ASSIGN_OR_RETURN(records, store_.ReadKeys());
    auto keys = std::make_shared<Keys>();
    for (KeyRecord& record : records) keys->emplace(record.id, std::move(record));
    keys_ = std::move(keys);
    version_ = version;
  }
  checked_us_ = now;
  return keys_;
}

absl::StatusOr<Principal> KeyRing::Authenticate(std::string_view key_text) {
  if (key_text.empty()) {
    return Unauthenticated("KEY_MISSING",
                           "send your key as metadata \"authorization: Bearer <key>\"");
  }
  const absl::Status invalid = Unauthenticated("KEY_INVALID", "this key is not known");
  if (!key_text.starts_with(kPrefix)) return invalid;
  key_text.remove_prefix(kPrefix.size());
  const size_t separator = key_text.find('_');
  if (separator == std::string_view::npos) return invalid;
  const auto secret = FromBase32(key_text.substr(separator + 1));
  std::shared_ptr<const Keys> keys;
  VIGIE_ASSIGN_OR_RETURN(keys, CurrentKeys());
  const auto it = keys->find(key_text.substr(0, separator));
  if (!secret.has_value() || it == keys->end()) return invalid;
  const KeyRecord& key = it->second;
  if (!EqualInConstantTime(Sha256(AsBytes(*secret)), AsBytes(key.digest))) return invalid;
  if (key.revoked_us != 0) return Unauthenticated("KEY_REVOKED", "this key was revoked");
  return Principal{.key_id = key.id, .organisation = key.organisation, .role = key.role};
}

}  // namespace vigie
