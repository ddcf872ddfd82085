#include "server/rpc/status_map.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace vigie {

namespace {

constexpr char kRetryUrl[] = "vigie/retry_us";

TimeUs RetryOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kRetryUrl);
  TimeUs after = 0;
  return payload.has_value() && absl::SimpleAtoi(std::string(*payload), &after) ? after : 0;
}

}  // namespace

absl::Status WithRetry(absl::Status status, TimeUs after) {
  status.SetPayload(kRetryUrl, absl::Cord(absl::StrCat(after)));
  return status;
}

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
  if (const TimeUs after = RetryOf(status); after > 0) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(after / kSecondUs);
    retry.mutable_retry_delay()->set_nanos(static_cast<int32_t>(after % kSecondUs) * 1000);
    details.add_details()->PackFrom(retry);
  }
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
