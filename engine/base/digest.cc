#include "engine/base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <memory>
#include <new>

namespace vigie {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";
constexpr std::string_view kBase32Digits = "abcdefghijklmnopqrstuvwxyz234567";

// Fetched once: EVP_sha256() and the like are looked up again by every use, which costs more than
// the digest of a few bytes.
const EVP_MD* FetchedSha256() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return algorithm;
}

struct FreeState {
  void operator()(EVP_MD_CTX* state) const { EVP_MD_CTX_free(state); }
};

template <size_t kSize>
std::array<uint8_t, kSize> Digest(Bytes data, const EVP_MD* algorithm) {
  // One a thread: making it takes as long as the digest of a few bytes.
  static thread_local const std::unique_ptr<EVP_MD_CTX, FreeState> state(EVP_MD_CTX_new());
  if (state == nullptr) throw std::bad_alloc();
  std::array<uint8_t, kSize> out{};
  EVP_DigestInit_ex(state.get(), algorithm, nullptr);
  EVP_DigestUpdate(state.get(), data.data(), data.size());
  EVP_DigestFinal_ex(state.get(), out.data(), nullptr);
  return out;
}

// By character; -1 for what is no hex digit.
constexpr std::array<int8_t, 256> kHexValues = [] {
  std::array<int8_t, 256> values{};
  for (size_t i = 0; i < values.size(); ++i) {
    const char c = static_cast<char>(i);
    int value = -1;
    if (c >= '0' && c <= '9') value = c - '0';
    if (c >= 'a' && c <= 'f') value = c - 'a' + 10;
    if (c >= 'A' && c <= 'F') value = c - 'A' + 10;
    values[i] = static_cast<int8_t>(value);
  }
  return values;
}();

}  // namespace

std::array<uint8_t, 16> Md5(Bytes data) { return Digest<16>(data, EVP_md5()); }
std::array<uint8_t, 20> Sha1(Bytes data) { return Digest<20>(data, EVP_sha1()); }
std::array<uint8_t, 32> Sha256(Bytes data) { return Digest<32>(data, FetchedSha256()); }

Sha256Stream::Sha256Stream() : state_(EVP_MD_CTX_new()) {
  if (state_ == nullptr) throw std::bad_alloc();
  EVP_DigestInit_ex(static_cast<EVP_MD_CTX*>(state_), FetchedSha256(), nullptr);
}

Sha256Stream::~Sha256Stream() { EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(state_)); }

void Sha256Stream::Add(Bytes data) {
  EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(state_), data.data(), data.size());
}

std::array<uint8_t, 32> Sha256Stream::Finish() {
  std::array<uint8_t, 32> out{};
  EVP_DigestFinal_ex(static_cast<EVP_MD_CTX*>(state_), out.data(), nullptr);
  return out;
}

std::array<uint8_t, 32> HmacSha256(Bytes key, Bytes data) {
  std::array<uint8_t, 32> out{};
  unsigned int size = 0;
  HMAC(FetchedSha256(), key.data(), static_cast<int>(key.size()), data.data(), data.size(),
       out.data(), &size);
  return out;
}

bool EqualInConstantTime(Bytes a, Bytes b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool FillRandom(std::span<uint8_t> out) {
  return RAND_bytes(out.data(), static_cast<int>(out.size())) == 1;
}

std::string ToHex(Bytes data) {
  std::string text;
  text.reserve(data.size() * 2);
  for (const uint8_t byte : data) {
    text += kHexDigits[byte >> 4];
    text += kHexDigits[byte & 15];
  }
  return text;
}

std::optional<std::string> FromHex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes(text.size() / 2, '\0');
  // Looked at once, at the end: hashes are read by the million, and are almost never malformed.
  int all = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const int high = kHexValues[static_cast<unsigned char>(text[2 * i])];
    const int low = kHexValues[static_cast<unsigned char>(text[2 * i + 1])];
    all |= high | low;
    bytes[i] = static_cast<char>(high * 16 + low);
  }
  if (all < 0) return std::nullopt;
  return bytes;
}

std::string ToBase32(Bytes data) {
  std::string text;
  text.reserve((data.size() * 8 + 4) / 5);
  uint32_t buffer = 0;
  int bits = 0;
  for (const uint8_t byte : data) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += kBase32Digits[(buffer >> bits) & 31];
    }
  }
  if (bits > 0) text += kBase32Digits[(buffer << (5 - bits)) & 31];
  return text;
}

std::optional<std::string> FromBase32(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() * 5 / 8);
  uint32_t buffer = 0;
  int bits = 0;
  for (const char c : text) {
    const size_t value = kBase32Digits.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    buffer = (buffer << 5) | static_cast<uint32_t>(value);
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>((buffer >> bits) & 255);
    }
  }
  // One text per value: no surplus character, no bits that decoding would drop.
  if (bits >= 5 || (buffer & ((1U << bits) - 1)) != 0) return std::nullopt;
  return bytes;
}

}  // namespace vigie
