// What a server is loaded with: calls of one kind, each answer checked. Requests are written
// beforehand: the client takes its part of the cores here, which is to be as small as it can be.
#pragma once

#include <google/protobuf/arena.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/load.h"

namespace vigie::bench {

enum class Answer {
  kRight,
  kWrong,    // another verdict than the one that is known to be right
  kRefused,  // RESOURCE_EXHAUSTED: the server has no room
  kFailed,   // any other error
};

// Calls of one kind over the connections it was made with. Thread-safe.
class Workload {
 public:
  virtual ~Workload() = default;

  // Makes one call, the next of a fixed sequence. `done` is called once, by any thread, also by
  // the calling one.
  virtual void Ask(std::function<void(Answer)> done) = 0;
};

using Callers = std::vector<std::unique_ptr<Caller>>;

struct HashLoad {
  size_t batch = 1;         // pictures a call, or a message of a stream
  size_t hashes = 1;        // a picture: 1, or the 8 of its orientations
  size_t entries = 0;       // that the server has: UniformHash(0), UniformHash(1)...
  double deadline_s = 600;  // of a call
};

// An empty unary method of the same server, grpc.health.v1.Health/Check: what gRPC costs alone.
std::unique_ptr<Workload> MakeFloorLoad(Callers callers, double deadline_s);

// CheckHashes. One picture in kKnownEvery is near an entry and must match, the others are random.
inline constexpr size_t kKnownEvery = 64;
std::unique_ptr<Workload> MakeHashLoad(Callers callers, const HashLoad& load);

// The same questions as messages of StreamCheck, one stream a caller.
std::unique_ptr<Workload> MakeStreamLoad(Callers callers, const HashLoad& load);

// CheckImage. None of the pictures is near an entry.
std::unique_ptr<Workload> MakeImageLoad(Callers callers, const std::vector<std::string>& pictures,
                                        double deadline_s);

// CheckImage, of files that no decoder need like: every verdict is right.
std::unique_ptr<Workload> MakeHostileLoad(Callers callers, const std::vector<std::string>& files,
                                          double deadline_s);

// Inside bench/workload*.cc: the pictures that a hash load asks about, and what is right of them.
struct HashQuestion {
  v1::HashedPicture picture;
  bool known = false;
};
std::vector<HashQuestion> MakeQuestions(const HashLoad& load);
bool IsRight(const v1::Verdict& verdict, bool known);
// As many as were asked for, each right.
bool AreRight(const google::protobuf::RepeatedPtrField<v1::Verdict>& verdicts,
              const std::vector<bool>& known);
Answer AnswerOf(const grpc::Status& status);
// nullptr: it is no such message.
template <typename Message>
const Message* ReadMessage(grpc::ByteBuffer& bytes, google::protobuf::Arena* arena) {
  auto* message = google::protobuf::Arena::CreateMessage<Message>(arena);
  using Traits = grpc::SerializationTraits<google::protobuf::MessageLite>;
  return Traits::Deserialize(&bytes, message).ok() ? message : nullptr;
}

}  // namespace vigie::bench
