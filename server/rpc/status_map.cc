#include "server/rpc/status_map.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

namespace vigie {

std::string ReasonOrCode(const absl::Status& status) {
  std::string reason = ReasonOf(status);
  return reason.empty() ? absl::StatusCodeToString(status.code()) : reason;
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  google::rpc::ErrorInfo info;
  info.set_reason(ReasonOrCode(status));
  info.set_domain("vigie");
  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(std::string(status.message()));
  details.add_details()->PackFrom(info);
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message()),
          details.SerializeAsString()};
}

v1::Problem ToProblem(const absl::Status& status) {
  v1::Problem problem;
  problem.set_code(static_cast<int>(status.code()));
  problem.set_reason(ReasonOrCode(status));
  problem.set_message(std::string(status.message()));
  return problem;
}

}  // namespace vigie
