#include "server/rpc/convert.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <string>

#include "server/rpc/resource_names.h"
#include "server/rpc/status_map.h"

namespace vigie {
namespace {

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// Every value but the unspecified one has the engine's number and its word.
template <typename Enum>
void ExpectSameWords(const google::protobuf::EnumDescriptor& descriptor) {
  EXPECT_EQ(descriptor.FindValueByNumber(0)->name().find("UNSPECIFIED") == std::string::npos,
            false);
  for (int i = 0; i < descriptor.value_count(); ++i) {
    const int number = descriptor.value(i)->number();
    if (number == 0) continue;
    std::string word = Lower(descriptor.value(i)->name());
    if (word == "unknown_subject") word = "unknown";
    EXPECT_EQ(word, Name(static_cast<Enum>(number))) << descriptor.full_name();
  }
  EXPECT_EQ(Name(static_cast<Enum>(descriptor.value_count())), "invalid")
      << descriptor.full_name() << " lacks a value of the engine";
}

TEST(Convert, TheContractAndTheEngineMeanTheSameByEveryNumber) {
  ExpectSameWords<Algorithm>(*v1::Algorithm_descriptor());
  ExpectSameWords<Profile>(*v1::Profile_descriptor());
  ExpectSameWords<DecodeMode>(*v1::DecodeMode_descriptor());
  ExpectSameWords<ListKind>(*v1::List::Kind_descriptor());
  ExpectSameWords<Category>(*v1::Category_descriptor());
  ExpectSameWords<Action>(*v1::Action_descriptor());
  ExpectSameWords<EntryState>(*v1::EntryState_descriptor());
  ExpectSameWords<Subject>(*v1::Subject_descriptor());
  ExpectSameWords<Outcome>(*v1::Verdict::Outcome_descriptor());
  ExpectSameWords<NotScanned>(*v1::Verdict::NotScanned_descriptor());
  // Orientations are one higher; these engine words are the reference's.
  const char* const words[] = {"ORIGINAL", "ROTATE_90", "ROTATE_180",  "ROTATE_270",
                               "FLIP_X",   "FLIP_Y",    "FLIP_PLUS_1", "FLIP_MINUS_1"};
  for (int i = 0; i < kOrientations; ++i) {
    EXPECT_EQ(v1::Orientation_Name(static_cast<v1::Orientation>(i + 1)), words[i]);
  }
}

TEST(Convert, AFingerprintComesBackAsItWent) {
  v1::Fingerprint message;
  message.set_algorithm(v1::PDQ);
  message.set_hex(std::string(32, '0') + std::string(32, 'f'));
  message.set_quality(77);
  message.set_profile(v1::FULL);
  message.set_decode_mode(v1::FAST);
  const auto fingerprint = FromProto(message);
  ASSERT_TRUE(fingerprint.ok());
  EXPECT_EQ(ToProto(*fingerprint).SerializeAsString(), message.SerializeAsString());
  message.set_hex(std::string(64, 'g'));
  const absl::Status bad = FromProto(message).status();
  EXPECT_EQ(ReasonOf(bad), "HASH_MALFORMED");
  EXPECT_EQ(std::string(bad.message()).find("gg"), std::string::npos);
}

TEST(Convert, UnknownNumbersAreRefusedAndUnsetOnesHaveTheirDefault) {
  EXPECT_EQ(FromProto(v1::PROFILE_UNSPECIFIED).value(), Profile::kReference);
  for (const int number : {-1, 3, 1 << 30}) {
    EXPECT_EQ(ReasonOf(FromProto(static_cast<v1::Profile>(number)).status()), "ENUM_INVALID");
    EXPECT_EQ(ReasonOf(WithFingerprints(static_cast<v1::EntryView>(number)).status()),
              "ENUM_INVALID");
  }
  EXPECT_FALSE(WithFingerprints(v1::ENTRY_VIEW_UNSPECIFIED).value());
  EXPECT_FALSE(WithFingerprints(v1::BASIC).value());
  EXPECT_TRUE(WithFingerprints(v1::WITH_FINGERPRINTS).value());
}

TEST(Convert, PageSizes) {
  EXPECT_EQ(PageSizeOf(0).value(), 50);
  EXPECT_EQ(PageSizeOf(1).value(), 1);
  EXPECT_EQ(PageSizeOf(1000).value(), 1000);
  for (const int size : {-1, 1001, INT32_MAX, INT32_MIN}) {
    EXPECT_EQ(ReasonOf(PageSizeOf(size).status()), "OUT_OF_RANGE");
  }
}

TEST(Convert, OnlyTheFieldsOfTheMaskAreTakenOver) {
  v1::UpdateListRequest request;
  request.mutable_list()->set_display_name("x");
  request.mutable_list()->set_max_distance(3);
  request.mutable_update_mask()->add_paths("max_distance");
  const auto settings = FromProto(request);
  ASSERT_TRUE(settings.ok());
  EXPECT_EQ(settings->max_distance, 3);
  EXPECT_FALSE(settings->display_name.has_value());
  EXPECT_FALSE(settings->audience.has_value());
}

TEST(ResourceNames, AreReadAsTheyAreWritten) {
  EXPECT_EQ(ListIdOf(ListName("known")).value(), "known");
  const auto ids = EntryIdsOf(EntryName("known", "abc"));
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ(ids->list, "known");
  EXPECT_EQ(ids->entry, "abc");
  for (const char* bad : {"", "/", "lists", "lists/", "lists//", "/lists/a", "lists/a/", "List/a",
                          "lists/a/entries", "lists/a/entries/", "lists//entries/b", "a"}) {
    EXPECT_EQ(ReasonOf(ListIdOf(bad).status()), "NAME_INVALID") << bad;
    EXPECT_EQ(ReasonOf(EntryIdsOf(bad).status()), "NAME_INVALID") << bad;
  }
  EXPECT_FALSE(ListIdOf("lists/a/entries/b").ok());
  EXPECT_FALSE(EntryIdsOf("lists/a").ok());
  EXPECT_FALSE(EntryIdsOf("lists/a/entries/b/c").ok());
}

TEST(StatusMap, ReasonsTravelAsErrorInfo) {
  const grpc::Status status =
      ToGrpc(Error(absl::StatusCode::kNotFound, "LIST_NOT_FOUND", "no such list"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "no such list");
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.code(), 5);
  google::rpc::ErrorInfo info;
  ASSERT_EQ(details.details_size(), 1);
  ASSERT_TRUE(details.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "LIST_NOT_FOUND");
  EXPECT_EQ(info.domain(), "vigie");
  EXPECT_TRUE(ToGrpc(absl::OkStatus()).ok());
}

TEST(StatusMap, AStatusWithoutAReasonHasItsCodesName) {
  const v1::Problem problem = ToProblem(absl::CancelledError("gone"));
  EXPECT_EQ(problem.code(), 1);
  EXPECT_EQ(problem.reason(), "CANCELLED");
  EXPECT_EQ(problem.message(), "gone");
}

}  // namespace
}  // namespace vigie
