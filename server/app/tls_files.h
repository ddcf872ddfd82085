// The server's certificate and key as files: read, looked into, and watched for changes. OpenSSL's
// libcrypto inside; no gRPC.
#pragma once

#include <string>

#include "engine/base/clock.h"
#include "engine/base/status.h"

namespace vigie {

// Paths of PEM files.
struct TlsFiles {
  std::string certificate;  // the server's own first, then those between it and a known authority
  std::string key;
  std::string client_ca;  // empty: clients are not asked for a certificate

  bool operator==(const TlsFiles&) const = default;
};

// What the files held, found to be of use.
struct TlsIdentity {
  std::string certificate;  // PEM
  std::string key;
  std::string client_ca;
  std::string serial;  // of the server's own certificate, in hex: for the log
  TimeUs not_after = 0;

  bool operator==(const TlsIdentity&) const = default;
};

// INVALID_ARGUMENT, reason CONFIG_INVALID, names the file: one cannot be read, holds no
// certificate or key or one that is encrypted, the key is not the certificate's, or the certificate
// is not valid at `now` (expired, or not yet).
absl::StatusOr<TlsIdentity> ReadTlsFiles(const TlsFiles& files, TimeUs now);

// What the file system says of the files without reading them: differs when one was replaced or
// written to. A file that is not there is a state too.
std::string StateOf(const TlsFiles& files);

// "2027-03-01T12:00:00Z".
std::string UtcText(TimeUs time);

}  // namespace vigie
