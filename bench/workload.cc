#include "bench/workload.h"

#include <grpcpp/generic/generic_stub.h>

#include <atomic>
#include <utility>

#include "bench/search_data.h"

namespace vigie::bench {
namespace {

constexpr size_t kQuestions = 4096;  // that a sequence repeats
constexpr size_t kKnown = 64;        // entries that are asked for
constexpr uint64_t kSeed = 61;
constexpr int kTurnedBits = 9;

grpc::ByteBuffer Written(const google::protobuf::MessageLite& message) {
  const grpc::Slice bytes(message.SerializeAsString());
  return {&bytes, 1};
}

// Calls of a unary method.
class UnaryLoad : public Workload {
 public:
  void Ask(std::function<void(Answer)> done) override {
    struct Call {
      std::unique_ptr<grpc::ClientContext> context;
      grpc::ByteBuffer response;
    };
    const size_t number = next_++;
    const size_t which = number % callers_.size();
    const size_t request = number % requests_.size();
    const auto call = std::make_shared<Call>();
    call->context = callers_[which]->NewContext(deadline_s_);
    stubs_[which].UnaryCall(call->context.get(), method_, {}, &requests_[request], &call->response,
                            [this, call, request, done](const grpc::Status& status) {
                              const bool wrong = status.ok() && !IsRight(call->response, request);
                              done(wrong ? Answer::kWrong : AnswerOf(status));
                            });
  }

 protected:
  UnaryLoad(Callers callers, const char* method, double deadline_s)
      : callers_(std::move(callers)), method_(method), deadline_s_(deadline_s) {
    for (const auto& caller : callers_) stubs_.emplace_back(caller->channel());
  }

  void Add(grpc::ByteBuffer request) { requests_.push_back(std::move(request)); }

  // What is answered to that request.
  virtual bool IsRight(grpc::ByteBuffer& response, size_t request) const = 0;

 private:
  const Callers callers_;
  const std::string method_;
  const double deadline_s_;
  std::vector<grpc::GenericStub> stubs_;
  std::vector<grpc::ByteBuffer> requests_;
  std::atomic<size_t> next_{0};
};

class FloorLoad final : public UnaryLoad {
 public:
  FloorLoad(Callers callers, double deadline_s)
      : UnaryLoad(std::move(callers), "/grpc.health.v1.Health/Check", deadline_s) {
    const grpc::Slice empty("");
    Add(grpc::ByteBuffer(&empty, 1));
  }

 private:
  bool IsRight(grpc::ByteBuffer& response, size_t) const override { return response.Length() == 2; }
};

class HashesLoad final : public UnaryLoad {
 public:
  HashesLoad(Callers callers, const HashLoad& load)
      : UnaryLoad(std::move(callers), "/vigie.v1.MatchService/CheckHashes", load.deadline_s) {
    const std::vector<HashQuestion> questions = MakeQuestions(load);
    for (size_t i = 0; i < questions.size(); i += load.batch) {
      v1::CheckHashesRequest message;
      std::vector<bool> known;
      for (size_t k = 0; k < load.batch; ++k) {
        const HashQuestion& question = questions[(i + k) % questions.size()];
        *message.add_pictures() = question.picture;
        known.push_back(question.known);
      }
      Add(Written(message));
      known_.push_back(std::move(known));
    }
  }

 private:
  bool IsRight(grpc::ByteBuffer& response, size_t request) const override {
    google::protobuf::Arena arena;
    const auto* answer = ReadMessage<v1::CheckHashesResponse>(response, &arena);
    return answer != nullptr && AreRight(answer->verdicts(), known_[request]);
  }

  std::vector<std::vector<bool>> known_;  // of each request's pictures
};

bool IsOfABenignPicture(const v1::Verdict& verdict) {
  // A picture without features is answered so, which is right too.
  return verdict.outcome() == v1::Verdict::NO_MATCH ||
         verdict.not_scanned() == v1::Verdict::FEATURELESS;
}

bool IsAny(const v1::Verdict& verdict) {
  return verdict.outcome() != v1::Verdict::OUTCOME_UNSPECIFIED;
}

class ImageLoad final : public UnaryLoad {
 public:
  using Judge = bool (*)(const v1::Verdict&);

  ImageLoad(Callers callers, const std::vector<std::string>& pictures, Judge judge,
            double deadline_s)
      : UnaryLoad(std::move(callers), "/vigie.v1.MatchService/CheckImage", deadline_s),
        judge_(judge) {
    v1::CheckImageRequest message;
    for (const std::string& picture : pictures) {
      message.set_image(picture);
      Add(Written(message));
    }
  }

 private:
  bool IsRight(grpc::ByteBuffer& response, size_t) const override {
    google::protobuf::Arena arena;
    const auto* answer = ReadMessage<v1::CheckImageResponse>(response, &arena);
    return answer != nullptr && judge_(answer->verdict());
  }

  const Judge judge_;
};

}  // namespace

std::vector<HashQuestion> MakeQuestions(const HashLoad& load) {
  FastRandom random(kSeed);
  std::vector<HashQuestion> questions(kQuestions);
  for (size_t i = 0; i < kQuestions; ++i) {
    HashQuestion& question = questions[i];
    question.known = load.entries > 0 && i % kKnownEvery == 0;
    const auto orientations = MakeOrientations(random);
    for (size_t k = 0; k < load.hashes; ++k) {
      Pdq256 hash = orientations[k];
      if (k == 0 && question.known) {
        const size_t entry = (i / kKnownEvery % kKnown) * load.entries / kKnown;
        hash = random.Near(UniformHash(entry), kTurnedBits);
      }
      v1::Fingerprint* fingerprint = question.picture.add_fingerprints();
      *fingerprint = FingerprintOf(hash);
      if (load.hashes > 1) fingerprint->set_orientation(static_cast<v1::Orientation>(k + 1));
    }
  }
  return questions;
}

bool IsRight(const v1::Verdict& verdict, bool known) {
  return known
             ? verdict.outcome() == v1::Verdict::MATCH && verdict.action() == v1::PROVISIONAL_BLOCK
             : verdict.outcome() == v1::Verdict::NO_MATCH;
}

bool AreRight(const google::protobuf::RepeatedPtrField<v1::Verdict>& verdicts,
              const std::vector<bool>& known) {
  if (verdicts.size() != static_cast<int>(known.size())) return false;
  for (size_t i = 0; i < known.size(); ++i) {
    if (!IsRight(verdicts[static_cast<int>(i)], known[i])) return false;
  }
  return true;
}

Answer AnswerOf(const grpc::Status& status) {
  if (status.ok()) return Answer::kRight;
  return status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED ? Answer::kRefused
                                                                     : Answer::kFailed;
}

std::unique_ptr<Workload> MakeFloorLoad(Callers callers, double deadline_s) {
  return std::make_unique<FloorLoad>(std::move(callers), deadline_s);
}

std::unique_ptr<Workload> MakeHashLoad(Callers callers, const HashLoad& load) {
  return std::make_unique<HashesLoad>(std::move(callers), load);
}

std::unique_ptr<Workload> MakeImageLoad(Callers callers, const std::vector<std::string>& pictures,
                                        double deadline_s) {
  return std::make_unique<ImageLoad>(std::move(callers), pictures, IsOfABenignPicture, deadline_s);
}

std::unique_ptr<Workload> MakeHostileLoad(Callers callers, const std::vector<std::string>& files,
                                          double deadline_s) {
  return std::make_unique<ImageLoad>(std::move(callers), files, IsAny, deadline_s);
}

}  // namespace vigie::bench
