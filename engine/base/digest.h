// Digests for exact copies and for secrets, and text forms of bytes. OpenSSL's libcrypto inside.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace vigie {

using Bytes = std::span<const uint8_t>;

inline Bytes AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::array<uint8_t, 16> Md5(Bytes data);
std::array<uint8_t, 20> Sha1(Bytes data);
std::array<uint8_t, 32> Sha256(Bytes data);

// SHA-256 of data that comes in pieces.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(const Sha256Stream&) = delete;
  Sha256Stream& operator=(const Sha256Stream&) = delete;
  void Add(Bytes data);
  // Once, at the end.
  std::array<uint8_t, 32> Finish();

 private:
  void* state_;
};

// HMAC-SHA-256 (RFC 2104).
std::array<uint8_t, 32> HmacSha256(Bytes key, Bytes data);

// True when both hold the same bytes; the time taken tells nothing about where they differ.
bool EqualInConstantTime(Bytes a, Bytes b);

// Fills `out` from the operating system's generator. False when it has no entropy to give.
[[nodiscard]] bool FillRandom(std::span<uint8_t> out);

// Two lower-case hex digits a byte, and back; nullopt for an odd length or any other character.
// Upper-case digits are read too.
std::string ToHex(Bytes data);
std::optional<std::string> FromHex(std::string_view text);

// RFC 4648 base32, lower case, without padding, and back; nullopt for other characters, for a
// length that no bytes have, or for non-zero bits left over.
std::string ToBase32(Bytes data);
std::optional<std::string> FromBase32(std::string_view text);

}  // namespace vigie
