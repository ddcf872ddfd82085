#include "server/rpc/runner.h"

#include <grpc/grpc_security_constants.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <optional>
#include <utility>

namespace vigie {
namespace {

constexpr std::string_view kBearer = "Bearer ";

// nullopt: none was sent. Empty: what was sent is no key.
std::optional<std::string_view> KeyTextOf(const grpc::CallbackServerContext& context) {
  const auto& metadata = context.client_metadata();
  const auto it = metadata.find("authorization");
  if (it == metadata.end()) return std::nullopt;
  std::string_view value(it->second.data(), it->second.length());
  if (!value.starts_with(kBearer)) return std::string_view();
  value.remove_prefix(kBearer.size());
  return value;
}

// The certificate that the peer has shown and TLS has verified; empty: none.
std::string_view CertificateOf(const grpc::CallbackServerContext& context) {
  const auto peer = context.auth_context();
  if (peer == nullptr) return {};
  const auto found = peer->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  // The peer's properties live as long as its connection.
  return found.empty() ? std::string_view() : std::string_view(found[0].data(), found[0].length());
}

bool IsRead(Method method) {
  return method == Method::kCheckImage || method == Method::kCheckHashes ||
         method == Method::kStreamCheck;
}

// gRPC's own reactor does not tell when the answer has left.
class UnaryReactor final : public grpc::ServerUnaryReactor {
 public:
  UnaryReactor(const Runner& runner, const grpc::CallbackServerContext& context, Method method)
      : runner_(runner) {
    admitted_ = runner_.Admit(context, method, &call_);
  }
  const absl::Status& admitted() const { return admitted_; }
  const Call& call() const { return call_; }

  void OnDone() override {
    runner_.Done(call_);
    delete this;
  }

 private:
  const Runner& runner_;
  Call call_;
  absl::Status admitted_;
};

}  // namespace

absl::Status Runner::Admit(const grpc::CallbackServerContext& context, Method method,
                           Call* call) const {
  call->method = method;
  call->started_us = clock_.Now();
  call->deadline_us =
      std::chrono::duration_cast<std::chrono::microseconds>(context.deadline().time_since_epoch())
          .count();
  call->counted = calls_.Enter();
  if (!call->counted) return CallsInFlight::Stopping();
  return Authorise(context, call);
}

absl::Status Runner::Authorise(const grpc::CallbackServerContext& context, Call* call) const {
  const auto key = KeyTextOf(context);
  const std::string_view certificate =
      key.has_value() ? std::string_view() : CertificateOf(context);
  VIGIE_ASSIGN_OR_RETURN(call->caller, certificate.empty()
                                           ? keys_.Authenticate(key.value_or(std::string_view()))
                                           : keys_.AuthenticateCertificate(certificate));
  return CheckAccess(call->caller.role, call->method);
}

grpc::ServerUnaryReactor* Runner::Unary(grpc::CallbackServerContext* context, Method method,
                                        std::function<absl::Status(const Call&)> work) const {
  auto* const reactor = new UnaryReactor(*this, *context, method);  // deletes itself
  absl::Status admitted = reactor->admitted();
  if (admitted.ok() && !Submit([this, context, reactor, work = std::move(work)] {
        const Call& call = reactor->call();
        absl::Status status;
        if (context->IsCancelled()) {
          status = absl::CancelledError("the caller gave up");
        } else {
          status = work(call);
        }
        LogEnd(call, status);
        reactor->Finish(ToGrpc(status));
      })) {
    admitted = Busy();
  }
  if (!admitted.ok()) {
    LogEnd(reactor->call(), admitted);
    reactor->Finish(ToGrpc(admitted));
  }
  return reactor;
}

absl::Status Runner::Busy() {
  return Error(absl::StatusCode::kResourceExhausted, "SERVER_BUSY",
               "too many requests are waiting: try again shortly");
}

void Runner::LogEnd(const Call& call, const absl::Status& status) const {
  // Checks are most of the traffic: a line each only when asked for.
  const auto level =
      IsRead(call.method) && status.ok() ? spdlog::level::debug : spdlog::level::info;
  if (!spdlog::should_log(level)) return;
  spdlog::log(level, "call method={} key={} organisation={} code={} reason={} us={}",
              Name(call.method), call.caller.key_id, call.caller.organisation,
              absl::StatusCodeToString(status.code()), status.ok() ? "-" : ReasonOrCode(status),
              clock_.Now() - call.started_us);
}

}  // namespace vigie
