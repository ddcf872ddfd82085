// Client certificates as bytes. OpenSSL's libcrypto inside. What a certificate is worth (who signed
// it, when it is valid) is for TLS to say.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vigie {

// The bytes (DER) of the one certificate that `pem` holds; text around it is passed over. nullopt
// for none, for more than one, for anything else in PEM beside it, for one that is encrypted or
// longer than 64 KiB. The bytes are not looked into.
std::optional<std::string> CertificateFromPem(std::string_view pem);

// True when `der` is a certificate and nothing else, in the one form that it has in DER.
bool IsCertificate(std::string_view der);

}  // namespace vigie
