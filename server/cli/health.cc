// vigie health: is a server serving? For probes: no key, one question, an exit code.
#include <google/protobuf/io/coded_stream.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/app/config.h"
#include "server/cli/cli.h"
#include "server/cli/client.h"

namespace vigie {
namespace {

constexpr uint64_t kServing = 1;  // HealthCheckResponse.ServingStatus

struct HealthFlags {
  std::string server = ClientOptions{}.server;
  std::string service;
  std::string ca;
  bool tls = false;
  bool any_certificate = false;
  std::string config_file;
  int timeout_seconds = 5;
};

// The server that the file and the environment configure, as seen from its own machine.
absl::Status ReadAddress(HealthFlags* options) {
  Config config;
  VIGIE_RETURN_IF_ERROR(ReadConfigFile(options->config_file, &config));
  for (const Setting& setting : Settings()) {
    const char* value = std::getenv(setting.environment().c_str());
    if (value != nullptr) VIGIE_RETURN_IF_ERROR(setting.set(config, value));
  }
  const std::string port = config.listen.substr(config.listen.rfind(':') + 1);
  const std::string host = config.listen.substr(0, config.listen.rfind(':'));
  options->server = host == "0.0.0.0" || host.empty() ? "127.0.0.1:" + port
                    : host == "[::]"                  ? "[::1]:" + port
                                                      : config.listen;
  // It is whatever answers here: no name is checked.
  options->any_certificate = !config.tls_certificate.empty();
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> CredentialsOf(
    const HealthFlags& options) {
  if (options.any_certificate) {
    grpc::experimental::TlsChannelCredentialsOptions tls;
    tls.set_verify_server_certs(false);
    tls.set_check_call_host(false);
    tls.set_certificate_verifier(std::make_shared<grpc::experimental::NoOpCertificateVerifier>());
    return grpc::experimental::TlsCredentials(tls);
  }
  if (!options.tls && options.ca.empty()) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions ssl;
  if (!options.ca.empty()) {
    const auto text = ReadWholeFile(options.ca);
    if (!text.ok()) {
      return UsageError(MessageOf(text.status()));
    }
    ssl.pem_root_certs = *text;
  }
  return grpc::SslCredentials(ssl);
}

// grpc.health.v1.HealthCheckRequest { string service = 1; }
grpc::ByteBuffer Question(const std::string& service) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream memory(&bytes);
    google::protobuf::io::CodedOutputStream out(&memory);
    out.WriteTag(1 << 3 | 2);
    out.WriteVarint32(static_cast<uint32_t>(service.size()));
    out.WriteString(service);
  }
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

// grpc.health.v1.HealthCheckResponse { ServingStatus status = 1; }
bool SaysServing(const grpc::ByteBuffer& answer) {
  grpc::Slice slice;
  if (!answer.DumpToSingleSlice(&slice).ok()) return false;
  google::protobuf::io::CodedInputStream in(slice.begin(), static_cast<int>(slice.size()));
  uint64_t status = 0;
  return in.ReadTag() == 1 << 3 && in.ReadVarint64(&status) && status == kServing;
}

absl::StatusOr<bool> Ask(const HealthFlags& options) {
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  VIGIE_ASSIGN_OR_RETURN(credentials, CredentialsOf(options));
  grpc::ChannelArguments arguments;
  if (IsLoopback(options.server)) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  grpc::GenericStub stub(grpc::CreateCustomChannel(options.server, credentials, arguments));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::seconds(options.timeout_seconds));
  const grpc::ByteBuffer question = Question(options.service);
  grpc::CompletionQueue queue;
  const auto call =
      stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", question, &queue);
  call->StartCall();
  grpc::ByteBuffer answer;
  grpc::Status status;
  call->Finish(&answer, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);  // the deadline ends it
  if (!status.ok()) return FromGrpc(status);
  return SaysServing(answer);
}

}  // namespace

void AddHealth(CLI::App& app, int* exit_code) {
  CLI::App* command = app.add_subcommand("health", "Ask a server whether it serves; for probes");
  auto options = std::make_shared<HealthFlags>();
  CLI::Option* server =
      command->add_option("--server", options->server, "address and port of the server")
          ->envname("VIGIE_SERVER")
          ->capture_default_str();
  command
      ->add_option("--config", options->config_file,
                   "the server that this file configures, on this machine (TOML)")
      ->excludes(server);
  command->add_option("--service", options->service,
                      "of this service, for instance vigie.v1.MatchService; default: all");
  command->add_flag("--tls", options->tls, "connect with TLS, trusting the system's authorities");
  command->add_option("--ca", options->ca, "connect with TLS, trusting this authority (PEM file)")
      ->envname("VIGIE_CA");
  command->add_flag("--any-certificate", options->any_certificate,
                    "connect with TLS, whoever answers: for a probe on the server's own machine");
  command->add_option("--timeout", options->timeout_seconds, "seconds to wait")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  command->footer("Exit code 0: it serves. 1: it says that it does not. 3: it does not answer.");
  command->callback([options, exit_code] {
    absl::StatusOr<bool> serving = false;
    const absl::Status found =
        options->config_file.empty() ? absl::OkStatus() : ReadAddress(options.get());
    serving = found.ok() ? Ask(*options) : found;
    if (!serving.ok()) {
      *exit_code = Fail(serving.status());
      return;
    }
    std::puts(*serving ? "serving" : "not serving");
    *exit_code = *serving ? kExitOk : kExitSomeFailed;
  });
}

}  // namespace vigie
