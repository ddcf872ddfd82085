#include "engine/base/sealer.h"

#include <openssl/evp.h>

#include <cstring>
#include <memory>

#include "engine/base/digest.h"

namespace vigie {
namespace {

using Block = std::array<uint8_t, 16>;

// One block of AES-128: `encrypt` or the reverse. A block cipher on one block that never repeats
// needs no mode; ECB of a single block is the cipher itself.
// Cipher and context are kept: making them costs ten times the block.
Block Crypt(const Sealer::Key& key, const Block& in, bool encrypt) {
  Block out{};
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-128-ECB", nullptr);
  thread_local const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(
      EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  int size = 0;
  EVP_CipherInit_ex(context.get(), cipher, nullptr, key.data(), nullptr, encrypt);
  EVP_CIPHER_CTX_set_padding(context.get(), 0);
  EVP_CipherUpdate(context.get(), out.data(), &size, in.data(), static_cast<int>(in.size()));
  return out;
}

}  // namespace

std::string Sealer::Seal(uint64_t number, std::string_view context) const {
  Block block{};
  const auto check = Sha256(AsBytes(context));
  std::memcpy(block.data(), &number, 8);
  std::memcpy(block.data() + 8, check.data(), 8);
  return ToBase32(Crypt(key_, block, true));
}

std::optional<uint64_t> Sealer::Open(std::string_view token, std::string_view context) const {
  const auto bytes = FromBase32(token);
  if (!bytes.has_value() || bytes->size() != 16) return std::nullopt;
  Block block{};
  std::memcpy(block.data(), bytes->data(), 16);
  block = Crypt(key_, block, false);
  const auto check = Sha256(AsBytes(context));
  if (!EqualInConstantTime({block.data() + 8, 8}, {check.data(), 8})) return std::nullopt;
  uint64_t number = 0;
  std::memcpy(&number, block.data(), 8);
  return number;
}

}  // namespace vigie
