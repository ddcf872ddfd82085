#include "server/app/tls_files.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <ctime>
#include <fstream>
#include <memory>
#include <sstream>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace vigie {
namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(char* text) const { OPENSSL_free(text); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

absl::Status Invalid(const std::string& path, std::string_view what) {
  return Error(absl::StatusCode::kInvalidArgument, "CONFIG_INVALID",
               absl::StrCat(path, ToAbsl(what)));
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  if (!file || content.str().empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "CONFIG_INVALID",
                 absl::StrCat("cannot read ", path));
  }
  return content.str();
}

Owned<BIO> Memory(const std::string& text) {
  return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// A pass phrase is never asked for: a server starts with nobody there.
int NoPassPhrase(char*, int, int, void*) { return -1; }

// The first certificate. All that follow must be readable too: nullptr otherwise, and for none.
Owned<X509> FirstCertificate(const std::string& pem) {
  ERR_clear_error();
  const Owned<BIO> bio = Memory(pem);
  Owned<X509> first(PEM_read_bio_X509(bio.get(), nullptr, NoPassPhrase, nullptr));
  if (first == nullptr) return nullptr;
  while (Owned<X509>(PEM_read_bio_X509(bio.get(), nullptr, NoPassPhrase, nullptr)) != nullptr) {
  }
  // Anything but the end of the text is a certificate that is damaged.
  const bool whole = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  return whole ? std::move(first) : nullptr;
}

Owned<EVP_PKEY> PrivateKey(const std::string& pem) {
  Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(Memory(pem).get(), nullptr, NoPassPhrase, nullptr));
  ERR_clear_error();
  return key;
}

TimeUs TimeOf(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  return int64_t{timegm(&parts)} * kSecondUs;
}

std::string SerialOf(const X509* certificate) {
  const Owned<BIGNUM> number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  const Owned<char> text(number == nullptr ? nullptr : BN_bn2hex(number.get()));
  return text == nullptr ? "" : text.get();
}

}  // namespace

std::string UtcText(TimeUs time) {
  const std::time_t seconds = time / kSecondUs;
  std::tm parts{};
  char text[32] = "";
  gmtime_r(&seconds, &parts);
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

absl::StatusOr<TlsIdentity> ReadTlsFiles(const TlsFiles& files, TimeUs now) {
  TlsIdentity identity;
  VIGIE_ASSIGN_OR_RETURN(identity.certificate, ReadFile(files.certificate));
  VIGIE_ASSIGN_OR_RETURN(identity.key, ReadFile(files.key));
  const Owned<X509> certificate = FirstCertificate(identity.certificate);
  if (certificate == nullptr) {
    return Invalid(files.certificate, " is no certificate in PEM, or one in it is damaged");
  }
  const Owned<EVP_PKEY> key = PrivateKey(identity.key);
  if (key == nullptr) {
    return Invalid(files.key, " is no private key in PEM, or needs a pass phrase");
  }
  const bool belongs = X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  if (!belongs) {
    return Invalid(files.key,
                   absl::StrCat(" is not the key of the certificate in ", files.certificate));
  }
  identity.serial = SerialOf(certificate.get());
  identity.not_after = TimeOf(X509_get0_notAfter(certificate.get()));
  if (identity.not_after <= now) {
    return Invalid(files.certificate, absl::StrCat(" expired at ", UtcText(identity.not_after)));
  }
  const TimeUs not_before = TimeOf(X509_get0_notBefore(certificate.get()));
  if (not_before > now) {
    return Invalid(files.certificate, absl::StrCat(" is valid from ", UtcText(not_before),
                                                   " on: is the clock of this machine right?"));
  }
  if (files.client_ca.empty()) return identity;
  VIGIE_ASSIGN_OR_RETURN(identity.client_ca, ReadFile(files.client_ca));
  if (FirstCertificate(identity.client_ca) == nullptr) {
    return Invalid(files.client_ca, " is no certificate in PEM, or one in it is damaged");
  }
  return identity;
}

std::string StateOf(const TlsFiles& files) {
  std::string state;
  for (const std::string& path : {files.certificate, files.key, files.client_ca}) {
    struct stat facts {};
    if (path.empty() || stat(path.c_str(), &facts) != 0) {
      absl::StrAppend(&state, "none;");
      continue;
    }
    absl::StrAppend(&state, facts.st_dev, ":", facts.st_ino, ":", facts.st_size, ":",
                    facts.st_mtim.tv_sec, ".", facts.st_mtim.tv_nsec, ":", facts.st_ctim.tv_sec,
                    ".", facts.st_ctim.tv_nsec, ";");
  }
  return state;
}

}  // namespace vigie
