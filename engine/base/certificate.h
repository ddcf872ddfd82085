// Client certificates as bytes. OpenSSL's libcrypto inside. What a certificate is worth (who signed
// it, when it is valid) is for TLS to say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/status.h"

namespace vigie {

// The bytes (DER) of the one certificate that `pem` holds; text around it is passed over. nullopt
// for none, for more than one, for anything else in PEM beside it, for one that is encrypted or
// longer than 64 KiB. The bytes are not looked into.
std::optional<std::string> CertificateFromPem(std::string_view pem);

// True when `der` is a certificate and nothing else, in the one form that it has in DER.
bool IsCertificate(std::string_view der);

// When a chain is valid: all of its certificates, seconds since 1970.
struct CertificateDates {
  int64_t from = 0;
  int64_t until = 0;
};
// Of the PEM certificates in `chain`, the server's own first. With a `key` (PEM, not encrypted;
// empty: not looked at) that is the first one's. FAILED_PRECONDITION, reason CERTIFICATE_INVALID,
// says what is wrong; dates in the past are not. Nothing of the key is ever in a message.
absl::StatusOr<CertificateDates> CheckCertificateChain(std::string_view chain,
                                                       std::string_view key);

}  // namespace vigie
