#include "engine/base/status.h"

#include <gtest/gtest.h>

#include <string>

namespace vigie {
namespace {

TEST(Error, CarriesCodeReasonAndMessage) {
  const absl::Status status = Error(absl::StatusCode::kNotFound, "LIST_UNKNOWN", "no such list");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReasonOf(status), "LIST_UNKNOWN");
  EXPECT_EQ(MessageOf(status), "no such list");
}

TEST(Error, HasNoReasonWhenMadeElsewhere) {
  EXPECT_EQ(ReasonOf(absl::OkStatus()), "");
  EXPECT_EQ(ReasonOf(absl::InternalError("x")), "");
}

absl::StatusOr<int> Half(int number) {
  if (number % 2 != 0) return Error(absl::StatusCode::kInvalidArgument, "ODD", "odd");
  return number / 2;
}

absl::StatusOr<int> Quarter(int number) {
  VIGIE_ASSIGN_OR_RETURN(const int half, Half(number));
  VIGIE_ASSIGN_OR_RETURN(const int quarter, Half(half));
  return quarter;
}

absl::Status CheckEven(int number) {
  VIGIE_RETURN_IF_ERROR(Half(number).status());
  return absl::OkStatus();
}

TEST(StatusMacros, PassErrorsOnWithTheirReason) {
  EXPECT_EQ(Quarter(12).value(), 3);
  EXPECT_EQ(ReasonOf(Quarter(6).status()), "ODD");
  EXPECT_EQ(ReasonOf(Quarter(3).status()), "ODD");
  EXPECT_TRUE(CheckEven(4).ok());
  EXPECT_EQ(ReasonOf(CheckEven(5)), "ODD");
}

}  // namespace
}  // namespace vigie
