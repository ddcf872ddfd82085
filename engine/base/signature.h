// Ed25519 signatures (RFC 8032). libsodium inside.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "engine/base/digest.h"
#include "engine/base/status.h"

namespace vigie {

using PublicKey = std::array<uint8_t, 32>;
using Signature = std::array<uint8_t, 64>;

// A key pair that lives in a file. The secret is never logged and never leaves the object but to
// its file.
class SigningKey {
 public:
  // Reads the key of `path`, or makes one and writes it there (mode 0600, on the disk when this
  // returns). FILE_FAILED when the file cannot be read or made, FILE_UNUSABLE when it holds
  // something else, NO_ENTROPY.
  static absl::StatusOr<SigningKey> LoadOrMake(const std::string& path);

  SigningKey(const SigningKey&) = default;
  SigningKey& operator=(const SigningKey&) = default;
  ~SigningKey();

  const PublicKey& public_key() const { return public_; }
  Signature Sign(Bytes message) const;

 private:
  using Seed = std::array<uint8_t, 32>;
  explicit SigningKey(const Seed& seed);

  PublicKey public_{};
  std::array<uint8_t, 64> secret_{};
};

// True when `signature` was made of `message` with the secret that belongs to `key`.
bool VerifySignature(const PublicKey& key, Bytes message, const Signature& signature);

}  // namespace vigie
