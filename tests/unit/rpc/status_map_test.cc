#include "server/rpc/status_map.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <gtest/gtest.h>

namespace vigie {
namespace {

google::rpc::Status DetailsOf(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  return details;
}

TEST(ToGrpc, CarriesTheReason) {
  const grpc::Status status =
      ToGrpc(Error(absl::StatusCode::kNotFound, "LIST_NOT_FOUND", "no such list"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  const google::rpc::Status details = DetailsOf(status);
  ASSERT_EQ(details.details_size(), 1);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(details.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "LIST_NOT_FOUND");
}

TEST(ToGrpc, CarriesWhenToTryAgain) {
  const grpc::Status status = ToGrpc(
      WithRetry(Error(absl::StatusCode::kResourceExhausted, "SERVER_BUSY", "wait"), 2'345'678));
  const google::rpc::Status details = DetailsOf(status);
  ASSERT_EQ(details.details_size(), 2);
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(details.details(1).UnpackTo(&retry));
  EXPECT_EQ(retry.retry_delay().seconds(), 2);
  EXPECT_EQ(retry.retry_delay().nanos(), 345'678'000);
}

}  // namespace
}  // namespace vigie
