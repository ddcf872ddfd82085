#include "server/rpc/messages.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/grpcpp.h>

#include "absl/strings/str_cat.h"

namespace vigie {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::MessageLite;
using google::protobuf::io::CodedInputStream;
using WireFormat = google::protobuf::internal::WireFormatLite;

absl::Status Malformed() {
  return Error(absl::StatusCode::kInvalidArgument, "REQUEST_MALFORMED",
               "the message is not of the contract's form");
}

absl::Status TooMany(size_t most, const std::string& what) {
  return Error(absl::StatusCode::kInvalidArgument, "OUT_OF_RANGE",
               absl::StrCat("send at most ", most, " ", what, " in a message"));
}

class ContentsReader {
 public:
  ContentsReader(CodedInputStream& input, MessageContents& contents)
      : input_(input), contents_(contents) {}

  // One message of `type`, to the end of the input or its limit.
  absl::Status Read(const Descriptor& type, int depth) {
    while (const uint32_t tag = input_.ReadTag()) {
      if (++contents_.fields > MessageContents::kMaxFields) {
        return TooMany(MessageContents::kMaxFields, "fields");
      }
      const int number = WireFormat::GetTagFieldNumber(tag);
      if (depth == 0 && number < 64) contents_.numbers |= uint64_t{1} << number;
      const FieldDescriptor* field = type.FindFieldByNumber(number);
      VIGIE_RETURN_IF_ERROR(ReadField(tag, field, depth));
    }
    return input_.ConsumedEntireMessage() ? absl::OkStatus() : Malformed();
  }

 private:
  // nullptr: unknown to this version.
  absl::Status ReadField(uint32_t tag, const FieldDescriptor* field, int depth) {
    const auto wire = WireFormat::GetTagWireType(tag);
    // Groups are of an older language, and would hold fields that are not counted.
    if (wire == WireFormat::WIRETYPE_START_GROUP) return Malformed();
    if (wire != WireFormat::WIRETYPE_LENGTH_DELIMITED || field == nullptr ||
        field->type() != FieldDescriptor::TYPE_MESSAGE) {
      return WireFormat::SkipField(&input_, tag) ? absl::OkStatus() : Malformed();
    }
    if (field->is_repeated()) VIGIE_RETURN_IF_ERROR(CountItem(*field, depth));
    int length = 0;
    if (!input_.ReadVarintSizeAsInt(&length)) return Malformed();
    const auto [limit, depth_left] = input_.IncrementRecursionDepthAndPushLimit(length);
    if (depth_left < 0) return Malformed();
    VIGIE_RETURN_IF_ERROR(Read(*field->message_type(), depth + 1));
    return input_.DecrementRecursionDepthAndPopLimit(limit) ? absl::OkStatus() : Malformed();
  }

  absl::Status CountItem(const FieldDescriptor& field, int depth) {
    if (depth == 1) ++contents_.sub_items;
    if (depth != 0) return absl::OkStatus();
    return ++contents_.items <= MessageContents::kMaxItems
               ? absl::OkStatus()
               : TooMany(MessageContents::kMaxItems, field.name());
  }

  CodedInputStream& input_;
  MessageContents& contents_;
};

}  // namespace

absl::StatusOr<MessageContents> ReadContents(grpc::ByteBuffer& bytes, const Descriptor& type) {
  MessageContents contents;
  contents.bytes = bytes.Length();
  grpc::ProtoBufferReader reader(&bytes);  // reads, and leaves them as they are
  if (!reader.status().ok()) return Malformed();
  CodedInputStream input(&reader);
  VIGIE_RETURN_IF_ERROR(ContentsReader(input, contents).Read(type, /*depth=*/0));
  return contents;
}

absl::Status ParseMessage(grpc::ByteBuffer& bytes, MessageLite* message) {
  return grpc::SerializationTraits<MessageLite>::Deserialize(&bytes, message).ok()
             ? absl::OkStatus()
             : Malformed();
}

absl::Status WriteMessage(const MessageLite& message, grpc::ByteBuffer* bytes) {
  bytes->Clear();  // gRPC does not write to what holds something
  bool own_buffer = false;
  return grpc::SerializationTraits<MessageLite>::Serialize(message, bytes, &own_buffer).ok()
             ? absl::OkStatus()
             : absl::InternalError("an answer cannot be written");
}

}  // namespace vigie
