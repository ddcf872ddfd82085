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

class FloorLoad final : public Workload {
 public:
  FloorLoad(Callers callers, double deadline_s)
      : Workload(1), callers_(std::move(callers)), deadline_s_(deadline_s) {
    for (const auto& caller : callers_) stubs_.emplace_back(caller->channel());
  }

  void Ask(std::function<void(Answer)> done) override {
    struct Call {
      std::unique_ptr<grpc::ClientContext> context;
      grpc::ByteBuffer request;
      grpc::ByteBuffer response;
    };
    const size_t which = next_++ % callers_.size();
    const auto call = std::make_shared<Call>();
    call->context = callers_[which]->NewContext(deadline_s_);
    const grpc::Slice empty("");
    call->request = grpc::ByteBuffer(&empty, 1);
    stubs_[which].UnaryCall(call->context.get(), "/grpc.health.v1.Health/Check", {}, &call->request,
                            &call->response, [call, done](const grpc::Status& status) {
                              const bool right = status.ok() && call->response.Length() == 2;
                              done(right ? Answer::kRight : AnswerOf(status));
                            });
  }

 private:
  const Callers callers_;
  const double deadline_s_;
  std::vector<grpc::GenericStub> stubs_;
  std::atomic<size_t> next_{0};
};

class HashesLoad final : public Workload {
 public:
  HashesLoad(Callers callers, const HashLoad& load)
      : Workload(load.batch), callers_(std::move(callers)), deadline_s_(load.deadline_s) {
    const std::vector<HashQuestion> questions = MakeQuestions(load);
    for (size_t i = 0; i < questions.size(); i += load.batch) {
      Request request;
      for (size_t k = 0; k < load.batch; ++k) {
        const HashQuestion& question = questions[(i + k) % questions.size()];
        *request.message.add_pictures() = question.picture;
        request.known.push_back(question.known);
      }
      requests_.push_back(std::move(request));
    }
  }

  void Ask(std::function<void(Answer)> done) override {
    struct Call {
      std::unique_ptr<grpc::ClientContext> context;
      v1::CheckHashesResponse response;
    };
    const size_t number = next_++;
    Caller& caller = *callers_[number % callers_.size()];
    const Request& request = requests_[number % requests_.size()];
    const auto call = std::make_shared<Call>();
    call->context = caller.NewContext(deadline_s_);
    caller.match().async()->CheckHashes(
        call->context.get(), &request.message, &call->response,
        [call, &request, done](const grpc::Status& status) {
          bool right = call->response.verdicts_size() == static_cast<int>(request.known.size());
          for (size_t i = 0; right && i < request.known.size(); ++i) {
            right = IsRight(call->response.verdicts(static_cast<int>(i)), request.known[i]);
          }
          done(status.ok() && !right ? Answer::kWrong : AnswerOf(status));
        });
  }

 private:
  struct Request {
    v1::CheckHashesRequest message;
    std::vector<bool> known;  // of each picture
  };

  const Callers callers_;
  const double deadline_s_;
  std::vector<Request> requests_;
  std::atomic<size_t> next_{0};
};

bool IsOfABenignPicture(const v1::Verdict& verdict) {
  // A picture without features is answered so, which is right too.
  return verdict.outcome() == v1::Verdict::NO_MATCH ||
         verdict.not_scanned() == v1::Verdict::FEATURELESS;
}

bool IsAny(const v1::Verdict& verdict) {
  return verdict.outcome() != v1::Verdict::OUTCOME_UNSPECIFIED;
}

class ImageLoad final : public Workload {
 public:
  using Judge = bool (*)(const v1::Verdict&);

  ImageLoad(Callers callers, std::vector<std::string> pictures, Judge is_right, double deadline_s)
      : Workload(1), callers_(std::move(callers)), is_right_(is_right), deadline_s_(deadline_s) {
    for (std::string& picture : pictures) {
      requests_.emplace_back().set_image(std::move(picture));
    }
  }

  void Ask(std::function<void(Answer)> done) override {
    struct Call {
      std::unique_ptr<grpc::ClientContext> context;
      v1::CheckImageResponse response;
    };
    const size_t number = next_++;
    Caller& caller = *callers_[number % callers_.size()];
    const auto call = std::make_shared<Call>();
    call->context = caller.NewContext(deadline_s_);
    caller.match().async()->CheckImage(
        call->context.get(), &requests_[number % requests_.size()], &call->response,
        [this, call, done](const grpc::Status& status) {
          const bool right = is_right_(call->response.verdict());
          done(status.ok() && !right ? Answer::kWrong : AnswerOf(status));
        });
  }

 private:
  const Callers callers_;
  const Judge is_right_;
  const double deadline_s_;
  std::vector<v1::CheckImageRequest> requests_;
  std::atomic<size_t> next_{0};
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

std::unique_ptr<Workload> MakeImageLoad(Callers callers, std::vector<std::string> pictures,
                                        double deadline_s) {
  return std::make_unique<ImageLoad>(std::move(callers), std::move(pictures), IsOfABenignPicture,
                                     deadline_s);
}

std::unique_ptr<Workload> MakeHostileLoad(Callers callers, std::vector<std::string> files,
                                          double deadline_s) {
  return std::make_unique<ImageLoad>(std::move(callers), std::move(files), IsAny, deadline_s);
}

}  // namespace vigie::bench
