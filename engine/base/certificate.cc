#include "engine/base/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

namespace vigie {
namespace {

constexpr size_t kMaxPemBytes = 64 << 10;

struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct OpenSslFree {
  template <typename T>
  void operator()(T* memory) const {
    OPENSSL_free(memory);
  }
};
struct X509Free {
  void operator()(X509* certificate) const { X509_free(certificate); }
};

// One block of PEM: its name, its headers and its bytes.
struct Block {
  std::string name;
  std::string headers;
  std::string bytes;
};

// The next block; nullopt at the end, and for a block that cannot be read. PEM_read_bio alone
// decrypts nothing, so it never asks for a pass phrase.
std::optional<Block> ReadBlock(BIO* bio) {
  char* name = nullptr;
  char* headers = nullptr;
  unsigned char* bytes = nullptr;
  long size = 0;
  if (PEM_read_bio(bio, &name, &headers, &bytes, &size) != 1) return std::nullopt;
  const std::unique_ptr<char, OpenSslFree> own_name(name);
  const std::unique_ptr<char, OpenSslFree> own_headers(headers);
  const std::unique_ptr<unsigned char, OpenSslFree> own_bytes(bytes);
  return Block{
      .name = name,
      .headers = headers,
      .bytes = std::string(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size))};
}

}  // namespace

std::optional<std::string> CertificateFromPem(std::string_view pem) {
  if (pem.empty() || pem.size() > kMaxPemBytes) return std::nullopt;
  const std::unique_ptr<BIO, BioFree> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (bio == nullptr) return std::nullopt;
  ERR_clear_error();
  std::optional<Block> block = ReadBlock(bio.get());
  bool alone = block.has_value();
  if (alone) {
    const bool another = ReadBlock(bio.get()).has_value();
    // Anything but the end of the text means a block that is damaged.
    alone = !another && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  }
  ERR_clear_error();
  if (!alone || block->name != PEM_STRING_X509 || !block->headers.empty()) return std::nullopt;
  return std::move(block->bytes);
}

bool IsCertificate(std::string_view der) {
  if (der.empty() || der.size() > kMaxPemBytes) return false;
  const auto* begin = reinterpret_cast<const unsigned char*>(der.data());
  const auto* at = begin;
  const std::unique_ptr<X509, X509Free> certificate(
      d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  unsigned char* written = nullptr;
  const int size = certificate == nullptr ? -1 : i2d_X509(certificate.get(), &written);
  const std::unique_ptr<unsigned char, OpenSslFree> own_written(written);
  ERR_clear_error();
  return size > 0 && at == begin + der.size() &&
         der == std::string_view(reinterpret_cast<const char*>(written), static_cast<size_t>(size));
}

}  // namespace vigie
