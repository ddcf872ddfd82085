#include "engine/base/signature.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

#include "absl/strings/str_cat.h"
#include "engine/base/checked_file.h"

namespace vigie {
namespace {

static_assert(crypto_sign_SEEDBYTES == 32 && crypto_sign_SECRETKEYBYTES == 64);

// The file: 64 lower-case hex digits of the seed and a line end.
constexpr size_t kFileSize = 65;

absl::Status Failed(const std::string& path, std::string_view what) {
  return Error(absl::StatusCode::kUnavailable, "FILE_FAILED",
               absl::StrCat("cannot ", ToAbsl(what), " ", path, ": ", strerror(errno)));
}

// nullopt: there is no such file.
absl::StatusOr<std::optional<std::string>> ReadKeyFile(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0 && errno == ENOENT) return std::nullopt;
  if (file < 0) return Failed(path, "open");
  std::string text(kFileSize + 1, '\0');
  const ssize_t size = read(file, text.data(), text.size());
  close(file);
  if (size < 0) return Failed(path, "read");
  text.resize(static_cast<size_t>(size));
  return text;
}

// Under another name first: a crash leaves no key, never half of one.
absl::Status WriteKeyFile(const std::string& path, const std::string& text) {
  const std::string part = path + ".tmp";
  unlink(part.c_str());
  const int file = open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return Failed(part, "make");
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       fsync(file) == 0;
  const int error = errno;
  close(file);
  errno = error;
  if (!written || rename(part.c_str(), path.c_str()) != 0) return Failed(part, "write");
  return SyncFolder(std::filesystem::path(path).parent_path().string());
}

}  // namespace

SigningKey::SigningKey(const Seed& seed) {
  crypto_sign_seed_keypair(public_.data(), secret_.data(), seed.data());
}

SigningKey::~SigningKey() { sodium_memzero(secret_.data(), secret_.size()); }

absl::StatusOr<SigningKey> SigningKey::LoadOrMake(const std::string& path) {
  if (sodium_init() < 0) {
    return Error(absl::StatusCode::kInternal, "NO_ENTROPY", "libsodium cannot be used here");
  }
  std::optional<std::string> text;
  VIGIE_ASSIGN_OR_RETURN(text, ReadKeyFile(path));
  Seed seed{};
  if (!text.has_value()) {
    randombytes_buf(seed.data(), seed.size());
    VIGIE_RETURN_IF_ERROR(WriteKeyFile(path, ToHex(seed) + "\n"));
    return SigningKey(seed);
  }
  const auto bytes = text->size() == kFileSize && text->back() == '\n'
                         ? FromHex(std::string_view(*text).substr(0, kFileSize - 1))
                         : std::nullopt;
  if (!bytes.has_value()) {
    return Error(absl::StatusCode::kDataLoss, "FILE_UNUSABLE",
                 absl::StrCat(path, " is not a signing key: restore it from a backup; moved away, ",
                              "a new one is made at the next start"));
  }
  std::memcpy(seed.data(), bytes->data(), seed.size());
  return SigningKey(seed);
}

Signature SigningKey::Sign(Bytes message) const {
  Signature signature{};
  crypto_sign_detached(signature.data(), nullptr, message.data(), message.size(), secret_.data());
  return signature;
}

bool VerifySignature(const PublicKey& key, Bytes message, const Signature& signature) {
  return crypto_sign_verify_detached(signature.data(), message.data(), message.size(),
                                     key.data()) == 0;
}

}  // namespace vigie
