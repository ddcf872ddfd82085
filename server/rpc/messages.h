// Messages as the bytes that gRPC hands us: what one holds is read from its tags and lengths before
// it is parsed, which makes up to a hundred bytes of each two. gRPC itself would parse a unary
// call's message before anybody has asked for a key.
#pragma once

#include <google/protobuf/arena.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message_lite.h>
#include <grpcpp/support/byte_buffer.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/base/status.h"

namespace vigie {

struct MessageContents {
  // What may be in a message. `items`: pictures of a CheckHashes, entries of an upload.
  static constexpr size_t kMaxItems = 1000;
  // Fields that occur, at all depths: of 1000 items with 64 fingerprints each, all their fields.
  // One becomes about 100 bytes at most, so a message at most 50 MiB beside what it was sent as.
  static constexpr size_t kMaxFields = size_t{1} << 19;

  size_t bytes = 0;
  size_t fields = 0;
  size_t items = 0;          // messages in its own repeated fields
  size_t sub_items = 0;      // messages in the repeated fields of its fields
  size_t sub_sub_items = 0;  // and of theirs
  uint64_t numbers = 0;      // bit n: it has a field n, of those below 64

  bool Has(int field_number) const { return ((numbers >> field_number) & 1) != 0; }
};

// Messages in one piece of memory: many small ones would cost more than what is done with them.
class MessageMemory {
 public:
  template <typename Message>
  Message* New() {
    return google::protobuf::Arena::CreateMessage<Message>(&arena_);
  }

 private:
  static constexpr size_t kFirst = 4096;  // bytes, enough for most
  google::protobuf::ArenaOptions Options() {
    google::protobuf::ArenaOptions options;
    options.initial_block = first_.data();
    options.initial_block_size = first_.size();
    return options;
  }

  alignas(8) std::array<char, kFirst> first_;
  google::protobuf::Arena arena_{Options()};
};

// Takes no memory, and time for kMaxFields fields at most. INVALID_ARGUMENT, reason OUT_OF_RANGE:
// it holds more than it may; REQUEST_MALFORMED: it is no message of `type`. Not all of those are
// found here.
absl::StatusOr<MessageContents> ReadContents(grpc::ByteBuffer& bytes,
                                             const google::protobuf::Descriptor& type);

// Consumes the bytes. INVALID_ARGUMENT, reason REQUEST_MALFORMED.
absl::Status ParseMessage(grpc::ByteBuffer& bytes, google::protobuf::MessageLite* message);

// Replaces what `bytes` holds. INTERNAL.
absl::Status WriteMessage(const google::protobuf::MessageLite& message, grpc::ByteBuffer* bytes);

}  // namespace vigie
