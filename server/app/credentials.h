// What the server shows to those who connect: its certificate, which can be replaced while it
// serves, and the authority by which it checks the certificates of clients.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <limits>
#include <memory>
#include <mutex>
#include <string>

#include "server/app/tls_files.h"

namespace vigie {

// Connections that begin take the newest identity; those that are open go on with theirs. Must
// outlive the server that uses its credentials. Thread-safe.
class ServerTls {
 public:
  // Reason CONFIG_INVALID, as ReadTlsFiles() says.
  static absl::StatusOr<std::unique_ptr<ServerTls>> Open(const TlsFiles& files, const Clock& clock);

  // For one listening port, once.
  std::shared_ptr<grpc::ServerCredentials> Credentials();

  // Takes up what `files` hold from now on. CONFIG_INVALID: the identity in use stays, and so do
  // the files that are watched. `files.client_ca` is empty if and only if it was at the start.
  absl::Status Use(const TlsFiles& files);

  // Takes up files that have been replaced, once they are the same in two looks one after the
  // other, so that a pair which is being written is not read half. One that is not of use is an
  // error in the log, once until the files change again, and the identity in use stays; it is tried
  // again every minute. Also warns, once a day, of a certificate that expires soon. Call it about
  // once a second.
  void Look();

 private:
  class PortCredentials;

  ServerTls(const TlsFiles& files, const Clock& clock) : clock_(clock), files_(files) {}

  void Install(TlsIdentity identity);  // holds mutex_
  void WarnOfExpiry();                 // holds mutex_

  const Clock& clock_;
  std::mutex mutex_;
  TlsFiles files_;
  TlsIdentity identity_;
  uint64_t given_ = 0;    // the version that gRPC has
  uint64_t version_ = 0;  // of identity_
  std::string seen_;      // state of the files at the last look
  std::string tried_;     // state at which they were read last
  // When to read them again although they have not changed: they were of no use.
  TimeUs try_again_ = std::numeric_limits<TimeUs>::max();
  TimeUs next_warning_ = 0;
};

}  // namespace vigie
