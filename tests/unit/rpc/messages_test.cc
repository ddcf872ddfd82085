#include "server/rpc/messages.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "vigie/v1/lists.pb.h"
#include "vigie/v1/match.pb.h"

namespace vigie {
namespace {

// In slices of `piece` bytes, as a connection brings them.
grpc::ByteBuffer BytesOf(const std::string& text, size_t piece = 1 << 20) {
  std::vector<grpc::Slice> slices;
  for (size_t at = 0; at < text.size(); at += piece) slices.emplace_back(text.substr(at, piece));
  return {slices.data(), slices.size()};
}

absl::StatusOr<MessageContents> Read(const std::string& text,
                                     const google::protobuf::Descriptor& type,
                                     size_t piece = 1 << 20) {
  grpc::ByteBuffer bytes = BytesOf(text, piece);
  return ReadContents(bytes, type);
}

std::string Repeat(const std::string& item, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += item;
  return all;
}

TEST(ReadContents, CountsItemsAndWhatTheyHold) {
  v1::CheckHashesRequest request;
  for (int i = 0; i < 3; ++i) {
    v1::HashedPicture& picture = *request.add_pictures();
    for (int j = 0; j <= i; ++j) picture.add_fingerprints()->set_hex("0f");
  }
  request.mutable_settings()->add_lists("lists/a");
  const std::string text = request.SerializeAsString();
  for (const size_t piece : {1, 2, 7, 1000}) {
    const auto contents = Read(text, *request.descriptor(), piece);
    ASSERT_TRUE(contents.ok()) << contents.status();
    EXPECT_EQ(contents->bytes, text.size());
    EXPECT_EQ(contents->items, 3);
    EXPECT_EQ(contents->sub_items, 6);
    EXPECT_EQ(contents->fields, 3 + 6 + 6 + 2);
    EXPECT_TRUE(contents->Has(v1::CheckHashesRequest::kSettingsFieldNumber));
    EXPECT_FALSE(contents->Has(3));
  }
}

TEST(ReadContents, AQuestionOfAStreamHasNoItemsButItsFingerprints) {
  v1::StreamCheckRequest request;
  request.mutable_hashes()->add_fingerprints()->set_hex("0f");
  const auto contents = Read(request.SerializeAsString(), *request.descriptor());
  ASSERT_TRUE(contents.ok());
  EXPECT_EQ(contents->items, 0);
  EXPECT_EQ(contents->sub_items, 1);
  EXPECT_EQ(contents->sub_sub_items, 0);
}

TEST(ReadContents, ABatchOfAStreamHasItsPicturesAndTheirs) {
  v1::StreamCheckRequest request;
  for (int i = 0; i < 3; ++i) {
    v1::HashedPicture& picture = *request.mutable_batch()->add_pictures();
    for (int j = 0; j <= i; ++j) picture.add_fingerprints()->set_hex("0f");
  }
  const auto contents = Read(request.SerializeAsString(), *request.descriptor());
  ASSERT_TRUE(contents.ok());
  EXPECT_EQ(contents->items, 0);
  EXPECT_EQ(contents->sub_items, 3);
  EXPECT_EQ(contents->sub_sub_items, 6);
}

TEST(ReadContents, TakesAsMuchAsMayBeAndNoMore) {
  v1::UploadEntriesRequest upload;
  for (size_t i = 0; i < MessageContents::kMaxItems; ++i) upload.add_entries();
  EXPECT_TRUE(Read(upload.SerializeAsString(), *upload.descriptor()).ok());
  upload.add_entries();
  const absl::Status many = Read(upload.SerializeAsString(), *upload.descriptor()).status();
  EXPECT_EQ(ReasonOf(many), "OUT_OF_RANGE");
  EXPECT_EQ(many.message(), "send at most 1000 entries in a message");

  const std::string unknown = "\x7a";  // field 15, and its empty content
  const std::string most = Repeat(unknown + '\0', MessageContents::kMaxFields);
  EXPECT_TRUE(Read(most, *upload.descriptor()).ok());
  EXPECT_EQ(ReasonOf(Read(most + unknown + '\0', *upload.descriptor()).status()), "OUT_OF_RANGE");
}

TEST(ReadContents, SaysWhatIsNoMessage) {
  using namespace std::string_literals;
  for (const std::string& bad : {"\xff\xff\xff"s,          // a number without an end
                                 "\x0a\x7f\x01"s,          // longer than what is there
                                 "\x0a\x03\x0a\x05\x01"s,  // longer than what it is in
                                 "\x0a\x01\x0a"s,          // ends inside of a field
                                 "\x00"s,                  // there is no field 0
                                 "\x0e"s,                  // nor a seventh kind
                                 "\x7b\x7c"s,              // a group
                                 "\x7c"s}) {               // the end of one
    for (const size_t piece : {1, 1000}) {
      EXPECT_EQ(ReasonOf(Read(bad, *v1::CheckHashesRequest::descriptor(), piece).status()),
                "REQUEST_MALFORMED")
          << testing::PrintToString(bad);
    }
  }
}

TEST(ReadContents, LeavesTheBytesToTheParser) {
  v1::CheckHashesRequest request;
  request.add_pictures()->add_fingerprints()->set_hex("0f");
  grpc::ByteBuffer bytes = BytesOf(request.SerializeAsString(), 2);
  ASSERT_TRUE(ReadContents(bytes, *request.descriptor()).ok());
  v1::CheckHashesRequest parsed;
  ASSERT_TRUE(ParseMessage(bytes, &parsed).ok());
  EXPECT_EQ(parsed.SerializeAsString(), request.SerializeAsString());
}

TEST(WriteMessage, ReplacesWhatWasThere) {
  v1::WatchResponse message;
  grpc::ByteBuffer bytes;
  for (const uint64_t revision : {7, 8}) {
    message.set_revision(revision);
    ASSERT_TRUE(WriteMessage(message, &bytes).ok());
  }
  v1::WatchResponse read;
  ASSERT_TRUE(ParseMessage(bytes, &read).ok());
  EXPECT_EQ(read.revision(), 8);
}

}  // namespace
}  // namespace vigie
