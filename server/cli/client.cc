#include "server/cli/client.h"

#include <google/protobuf/util/json_util.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "server/app/config.h"
#include "server/cli/cli.h"

namespace vigie {
namespace {

constexpr int kMaxMessageBytes = 1 << 30;

// No key is no error with a certificate.
absl::StatusOr<std::string> ReadKey(const ClientOptions& options) {
  std::string key;
  if (const char* text = std::getenv("VIGIE_KEY"); text != nullptr) key = text;
  if (!options.key_file.empty()) {
    const auto text = ReadWholeFile(options.key_file);
    if (!text.ok()) return UsageError(MessageOf(text.status()));
    key = *text;
  }
  while (!key.empty() && std::isspace(static_cast<unsigned char>(key.back()))) key.pop_back();
  if (key.empty() && options.certificate.empty()) {
    return UsageError("give your key with --key-file or in VIGIE_KEY, or a --certificate");
  }
  // Anything else cannot travel as metadata, and gRPC would abort.
  if (!std::all_of(key.begin(), key.end(), [](unsigned char c) { return c > 0x20 && c < 0x7f; })) {
    return UsageError("a key is one word of letters, digits and '_'");
  }
  return key;
}

absl::Status ReadInto(const std::string& path, std::string* content) {
  if (path.empty()) return absl::OkStatus();
  const auto text = ReadWholeFile(path);
  if (!text.ok()) return UsageError(MessageOf(text.status()));
  *content = *text;
  return absl::OkStatus();
}

}  // namespace

void AddClientOptions(CLI::App& command, ClientOptions* options) {
  command.add_option("--server", options->server, "address and port of the server")
      ->envname("VIGIE_SERVER")
      ->capture_default_str();
  command
      .add_option("--key-file", options->key_file,
                  "file that holds your key (or set VIGIE_KEY to the key)")
      ->envname("VIGIE_KEY_FILE");
  command.add_flag("--tls", options->tls, "connect with TLS, trusting the system's authorities");
  command.add_option("--ca", options->ca, "connect with TLS, trusting this authority (PEM file)")
      ->envname("VIGIE_CA");
  CLI::Option* certificate = command.add_option(
      "--certificate", options->certificate,
      "connect with TLS, showing this client certificate in the place of a key (PEM file)");
  command.add_option("--certificate-key", options->certificate_key, "its private key (PEM file)")
      ->needs(certificate);
  command.add_flag("--allow-plaintext", options->allow_plaintext,
                   "send the key without TLS to an address that is not loopback");
  command.add_option("--timeout", options->timeout_seconds, "seconds to wait for one answer")
      ->check(CLI::Range(1, 86400))
      ->capture_default_str();
}

absl::StatusOr<Client> Client::Connect(const ClientOptions& options) {
  Client client;
  client.timeout_seconds_ = options.timeout_seconds;
  VIGIE_ASSIGN_OR_RETURN(client.key_, ReadKey(options));
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  // What is sent to this machine stays on it, whatever http_proxy says.
  if (IsLoopback(options.server)) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  auto credentials = grpc::InsecureChannelCredentials();
  if (options.tls || !options.ca.empty() || !options.certificate.empty()) {
    grpc::SslCredentialsOptions ssl;
    VIGIE_RETURN_IF_ERROR(ReadInto(options.ca, &ssl.pem_root_certs));
    VIGIE_RETURN_IF_ERROR(ReadInto(options.certificate, &ssl.pem_cert_chain));
    VIGIE_RETURN_IF_ERROR(ReadInto(options.certificate_key, &ssl.pem_private_key));
    if (ssl.pem_cert_chain.empty() != ssl.pem_private_key.empty()) {
      return UsageError("--certificate and --certificate-key come together");
    }
    credentials = grpc::SslCredentials(ssl);
  } else if (!IsLoopback(options.server) && !options.allow_plaintext) {
    return UsageError(absl::StrCat("your key would be sent to ", options.server,
                                   " in the clear: use --tls or --ca"));
  }
  client.channel_ = grpc::CreateCustomChannel(options.server, credentials, arguments);
  return client;
}

void Client::Prepare(grpc::ClientContext& context, bool endless) const {
  if (!key_.empty()) context.AddMetadata("authorization", absl::StrCat("Bearer ", key_));
  if (!endless) {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(timeout_seconds_));
  }
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  std::string reason;
  google::rpc::Status details;
  if (details.ParseFromString(status.error_details())) {
    for (const auto& detail : details.details()) {
      google::rpc::ErrorInfo info;
      if (detail.UnpackTo(&info)) reason = info.reason();
    }
  }
  const auto code = static_cast<absl::StatusCode>(status.error_code());
  if (reason.empty()) reason = absl::StatusCodeToString(code);
  return Error(code, reason, status.error_message());
}

std::string ToJson(const google::protobuf::Message& message, bool pretty) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = pretty;
  std::string json;
  (void)google::protobuf::util::MessageToJsonString(message, &json, options);
  return json;
}

}  // namespace vigie
