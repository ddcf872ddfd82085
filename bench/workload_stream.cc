// Checks as messages of streams, each answered by its id.
#include <google/protobuf/arena.h>
#include <grpcpp/generic/generic_stub.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <iterator>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "bench/workload.h"

namespace vigie::bench {
namespace {

// A question without its id, written beforehand.
struct WrittenQuestion {
  grpc::Slice bytes;
  std::vector<bool> known;  // of each picture
};

// One stream. Messages that cannot be written yet wait here.
class Stream final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  Stream(Caller& caller, const std::vector<WrittenQuestion>& questions, double deadline_s)
      : questions_(questions), stub_(caller.channel()), context_(caller.NewContext(deadline_s)) {
    stub_.PrepareBidiStreamingCall(context_.get(), "/vigie.v1.MatchService/StreamCheck", {}, this);
    StartRead(&response_);
    StartCall();
  }

  ~Stream() override {
    {
      std::unique_lock lock(mutex_);
      closing_ = true;
      if (!writing_) CloseWrites();
      over_.wait(lock, [this] { return ended_; });
    }
  }

  void Ask(size_t number, std::function<void(Answer)> done) {
    {
      const std::lock_guard lock(mutex_);
      if (!ended_ && !broken_) {
        asked_.emplace(number, std::move(done));
        waiting_.push_back(number);
        WriteNext();
        return;
      }
    }
    done(Answer::kFailed);
  }

  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    if (!ok) {
      broken_ = true;
      return;
    }
    WriteNext();
    if (!writing_ && closing_) CloseWrites();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    google::protobuf::Arena arena;
    const auto* response = ReadMessage<v1::StreamCheckResponse>(response_, &arena);
    if (response == nullptr) return context_->TryCancel();
    const size_t number = std::stoull(response->id());
    const std::vector<bool>& known = questions_[number % questions_.size()].known;
    const bool right = response->has_verdict()
                           ? known.size() == 1 && IsRight(response->verdict(), known.front())
                           : AreRight(response->verdicts().verdicts(), known);
    std::function<void(Answer)> done;
    {
      const std::lock_guard lock(mutex_);
      const auto it = asked_.find(number);
      if (it != asked_.end()) {
        done = std::move(it->second);
        asked_.erase(it);
      }
    }
    StartRead(&response_);
    if (done) done(right ? Answer::kRight : Answer::kWrong);
  }

  void OnDone(const grpc::Status& status) override {
    std::unordered_map<size_t, std::function<void(Answer)>> unanswered;
    {
      const std::lock_guard lock(mutex_);
      broken_ = true;
      unanswered.swap(asked_);
    }
    const Answer answer = status.ok() ? Answer::kFailed : AnswerOf(status);
    for (const auto& [number, done] : unanswered) done(answer);
    const std::lock_guard lock(mutex_);
    ended_ = true;
    over_.notify_all();
  }

 private:
  // The functions below hold mutex_.
  void WriteNext() {
    if (writing_ || waiting_.empty() || broken_) return;
    const size_t number = waiting_.front();
    waiting_.pop_front();
    v1::StreamCheckRequest id;
    id.set_id(std::to_string(number));
    // Messages one after the other are one message with the fields of both.
    const grpc::Slice parts[] = {grpc::Slice(id.SerializeAsString()),
                                 questions_[number % questions_.size()].bytes};
    request_ = grpc::ByteBuffer(parts, std::size(parts));
    writing_ = true;
    StartWrite(&request_);
  }

  void CloseWrites() {
    if (closed_) return;
    closed_ = true;
    StartWritesDone();
  }

  const std::vector<WrittenQuestion>& questions_;
  grpc::GenericStub stub_;
  const std::unique_ptr<grpc::ClientContext> context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  std::mutex mutex_;
  std::condition_variable over_;
  std::deque<size_t> waiting_;
  std::unordered_map<size_t, std::function<void(Answer)>> asked_;
  bool writing_ = false;
  bool closing_ = false;
  bool closed_ = false;
  bool broken_ = false;
  bool ended_ = false;
};

class StreamsLoad final : public Workload {
 public:
  StreamsLoad(Callers callers, const HashLoad& load) : callers_(std::move(callers)) {
    const std::vector<HashQuestion> questions = MakeQuestions(load);
    for (size_t i = 0; i < questions.size(); i += load.batch) {
      v1::StreamCheckRequest message;
      std::vector<bool> known;
      for (size_t k = 0; k < load.batch; ++k) {
        const HashQuestion& question = questions[(i + k) % questions.size()];
        known.push_back(question.known);
        if (load.batch == 1) *message.mutable_hashes() = question.picture;
        if (load.batch > 1) *message.mutable_batch()->add_pictures() = question.picture;
      }
      questions_.push_back({.bytes = message.SerializeAsString(), .known = std::move(known)});
    }
    for (const auto& caller : callers_) {
      // A deadline would be the stream's, not a message's.
      streams_.push_back(std::make_unique<Stream>(*caller, questions_, HashLoad{}.deadline_s));
    }
  }

  void Ask(std::function<void(Answer)> done) override {
    const size_t number = next_++;
    streams_[number % streams_.size()]->Ask(number, std::move(done));
  }

 private:
  const Callers callers_;
  std::vector<WrittenQuestion> questions_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::atomic<size_t> next_{0};
};

}  // namespace

std::unique_ptr<Workload> MakeStreamLoad(Callers callers, const HashLoad& load) {
  return std::make_unique<StreamsLoad>(std::move(callers), load);
}

}  // namespace vigie::bench
