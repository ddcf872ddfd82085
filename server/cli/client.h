// How the client commands reach a server: address, key, TLS, and errors in words.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "engine/base/status.h"

namespace CLI {
class App;
}

namespace vigie {

struct ClientOptions {
  std::string server = "127.0.0.1:7443";
  std::string key;       // from VIGIE_KEY only: arguments can be seen by other users
  std::string key_file;  // a file that holds the key
  bool tls = false;
  std::string certificate;  // PEM files: a client certificate that stands for a key
  std::string certificate_key;
  std::string ca;  // PEM file of the authority that signed the server's certificate
  bool allow_plaintext = false;
  int timeout_seconds = 60;
};

// Adds --server, --key-file, --tls, --ca, --certificate, --certificate-key, --allow-plaintext and
// --timeout.
void AddClientOptions(CLI::App& command, ClientOptions* options);

class Client {
 public:
  // Reason USAGE: neither key nor certificate, an unreadable file, or a key that would be sent in
  // the clear.
  static absl::StatusOr<Client> Connect(const ClientOptions& options);

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

  // Prepares a call: the key, and a deadline unless `endless`.
  void Prepare(grpc::ClientContext& context, bool endless = false) const;

 private:
  std::shared_ptr<grpc::Channel> channel_;
  std::string key_;
  int timeout_seconds_ = 0;
};

// A server's answer as our status, with the reason it carries.
absl::Status FromGrpc(const grpc::Status& status);

// A message as JSON (proto3's standard mapping). On one line, or with `pretty` on several, the last
// one ended.
std::string ToJson(const google::protobuf::Message& message, bool pretty);

}  // namespace vigie
