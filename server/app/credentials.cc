#include "server/app/credentials.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <spdlog/spdlog.h>

#include <utility>

namespace vigie {
namespace {

constexpr TimeUs kExpiresSoonUs = 14 * kDayUs;
constexpr TimeUs kTryAgainUs = 60 * kSecondUs;  // what was of no use

}  // namespace

// gRPC's C++ credentials hold one certificate for ever, and its replaceable ones are experimental.
// Its C interface has asked a callback for the certificate of each new connection for years.
class ServerTls::PortCredentials final : public grpc::ServerCredentials {
 public:
  explicit PortCredentials(ServerTls& tls)
      : credentials_(grpc_ssl_server_credentials_create_with_options(
            grpc_ssl_server_credentials_create_options_using_config_fetcher(
                // With an authority of clients: a certificate is asked for, and one that is shown
                // must be its.
                tls.identity_.client_ca.empty() ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                                : GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY,
                &PortCredentials::Fetch, &tls))) {}
  ~PortCredentials() override { grpc_server_credentials_release(credentials_); }

  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {}

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  // gRPC asks at the start and before each handshake, one at a time. These credentials are gone by
  // then: gRPC keeps only what they made.
  static grpc_ssl_certificate_config_reload_status Fetch(
      void* self, grpc_ssl_server_certificate_config** config) {
    auto& tls = *static_cast<ServerTls*>(self);
    const std::lock_guard lock(tls.mutex_);
    if (tls.given_ == tls.version_) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    const TlsIdentity& identity = tls.identity_;
    const grpc_ssl_pem_key_cert_pair pair = {identity.key.c_str(), identity.certificate.c_str()};
    // gRPC insists on authorities of clients, also when it asks clients for nothing.
    const std::string& authorities =
        identity.client_ca.empty() ? identity.certificate : identity.client_ca;
    *config = grpc_ssl_server_certificate_config_create(authorities.c_str(), &pair, 1);
    tls.given_ = tls.version_;
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  grpc_server_credentials* const credentials_;
};

absl::StatusOr<std::unique_ptr<ServerTls>> ServerTls::Open(const TlsFiles& files,
                                                           const Clock& clock) {
  std::unique_ptr<ServerTls> tls(new ServerTls(files, clock));
  const std::lock_guard lock(tls->mutex_);
  tls->seen_ = tls->tried_ = StateOf(files);
  absl::StatusOr<TlsIdentity> identity = ReadTlsFiles(files, clock.Now());
  if (!identity.ok()) return identity.status();
  tls->Install(*std::move(identity));
  return tls;
}

std::shared_ptr<grpc::ServerCredentials> ServerTls::Credentials() {
  return std::make_shared<PortCredentials>(*this);
}

absl::Status ServerTls::Use(const TlsFiles& files) {
  const std::lock_guard lock(mutex_);
  const std::string state = StateOf(files);
  absl::StatusOr<TlsIdentity> identity = ReadTlsFiles(files, clock_.Now());
  if (!identity.ok()) return identity.status();
  files_ = files;
  seen_ = tried_ = state;
  Install(*std::move(identity));
  return absl::OkStatus();
}

void ServerTls::Look() {
  const std::lock_guard lock(mutex_);
  WarnOfExpiry();
  const std::string state = StateOf(files_);
  const bool settled = state == seen_;
  seen_ = state;
  const TimeUs now = clock_.Now();
  if (!settled || (state == tried_ && now < try_again_)) return;
  const bool told = state == tried_;
  tried_ = state;
  try_again_ = std::numeric_limits<TimeUs>::max();
  absl::StatusOr<TlsIdentity> identity = ReadTlsFiles(files_, clock_.Now());
  if (identity.ok()) {
    Install(*std::move(identity));
    return;
  }
  // What is not valid yet, or cannot be read just now, may be of use later as it is.
  try_again_ = now + kTryAgainUs;
  if (!told) {
    spdlog::error("the TLS files have changed and are of no use, what was read before stays: {}",
                  MessageOf(identity.status()));
  }
}

void ServerTls::Install(TlsIdentity identity) {
  if (identity == identity_) return;
  identity_ = std::move(identity);
  ++version_;
  next_warning_ = 0;
  spdlog::info("new connections are shown the certificate {} of {}, valid until {}",
               identity_.serial, files_.certificate, UtcText(identity_.not_after));
  WarnOfExpiry();
}

void ServerTls::WarnOfExpiry() {
  const TimeUs now = clock_.Now();
  if (now < next_warning_ || identity_.not_after - now > kExpiresSoonUs) return;
  next_warning_ = now + kDayUs;
  if (identity_.not_after <= now) {
    spdlog::error("the certificate of {} expired at {}: clients refuse to connect",
                  files_.certificate, UtcText(identity_.not_after));
  } else {
    spdlog::warn("the certificate of {} expires at {}", files_.certificate,
                 UtcText(identity_.not_after));
  }
}

}  // namespace vigie
