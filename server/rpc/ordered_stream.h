// A bidirectional stream of changes: answered in the order of the requests, and fast. What a
// request needs of its own (parsing, checking, writing the answer) is done for several at once; the
// change itself is made for all that are ready, together and in their order, while the next are
// being prepared.
//
// Messages are read raw and parsed here, for the reason that stream.h gives.
#pragma once

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "server/rpc/runner.h"

namespace vigie {

// Deletes itself when the stream is over. An error of a request ends the stream, after the answers
// to those before it; nothing is done for those after it. So does a message that holds too much or
// cannot be parsed: INVALID_ARGUMENT, reason OUT_OF_RANGE or REQUEST_MALFORMED.
template <typename Request, typename Response, typename Prepared>
class OrderedStreamReactor final
    : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
      public StoppableStream {
 public:
  // Requests that are held, from the first byte to the last of their answer: the next is read when
  // one is answered, so a slow reader or a slow disk slows the sender down.
  static constexpr size_t kMaxHeld = 64;
  static constexpr size_t kMaxHeldBytes = 64 << 20;
  // Requests whose change is made together. Bounds how long others wait for the database.
  static constexpr size_t kMaxTogether = 32;

  struct Steps {
    // Several at once, in any order.
    std::function<absl::StatusOr<Prepared>(const Call&, Request)> prepare;
    // Never two at once. A status each, in their order.
    std::function<std::vector<absl::Status>(std::span<Prepared* const>)> change;
    // Several at once, in any order.
    std::function<Response(const Prepared&)> answer;
  };

  OrderedStreamReactor(const Runner& runner, grpc::CallbackServerContext* context, Method method,
                       Steps steps)
      : runner_(runner), context_(*context), steps_(std::move(steps)) {
    status_ = runner_.Admit(*context, method, &call_);
    if (status_.ok()) {
      status_ = runner_.Enter(call_);
      entered_ = status_.ok();
    }
    if (status_.ok()) runner_.calls().Add(this);
    const std::lock_guard lock(mutex_);
    if (status_.ok()) {
      ReadNext();
    } else {
      reads_done_ = true;
      FinishIfOver();
    }
  }

  void OnReadDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    reading_ = false;
    if (!ok || stopping_ || !status_.ok()) {
      if (!ok) reads_done_ = true;
      FinishIfOver();
      return;
    }
    auto item = std::make_shared<Item>();
    item->message.Swap(&incoming_);
    item->bytes = item->message.Length();
    held_bytes_ += item->bytes;
    items_.push_back(item);
    Start(item->bytes, [this, item] { Prepare(*item); });
    ReadNext();
  }

  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    if (!items_.empty()) {
      held_bytes_ -= items_.front()->bytes;
      items_.pop_front();
    }
    if (!ok) End(absl::CancelledError("the caller went away"));
    WriteNext();
    ReadNext();
    FinishIfOver();
  }

  void OnCancel() override {
    const std::lock_guard lock(mutex_);
    End(absl::CancelledError("the caller gave up"));
  }

  void OnDone() override {
    runner_.calls().Remove(this);
    // Whoever called Finish() may still be about to release the lock.
    { const std::lock_guard lock(mutex_); }
    if (entered_) runner_.Leave(call_);
    runner_.End(call_, status_);
    runner_.Done(call_);
    delete this;
  }

  void StopReading() override {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    FinishIfOver();
  }

 private:
  enum class State { kArrived, kPrepared, kChanging, kAnswered, kFailed };
  struct Item {
    grpc::ByteBuffer message;
    size_t bytes = 0;
    State state = State::kArrived;
    absl::Status status;  // kFailed
    std::optional<Prepared> prepared;
    grpc::ByteBuffer answer;  // kAnswered
  };
  using Items = std::vector<std::shared_ptr<Item>>;

  // Runs `job`, which holds a message of `bytes`, on a worker; the stream lives until it is over.
  // Holds mutex_.
  void Start(size_t bytes, std::function<void()> job) {
    ++jobs_;
    runner_.Submit(call_, Demand{.bytes = bytes}, [this, job = std::move(job)] {
      job();
      const std::lock_guard lock(mutex_);
      --jobs_;
      FinishIfOver();
      return true;
    });
  }

  absl::StatusOr<Prepared> Parse(grpc::ByteBuffer& message) const {
    // The caller as of now: a stream may outlive a key or a designation.
    Call call = call_;
    VIGIE_RETURN_IF_ERROR(runner_.Authorise(context_, &call));
    VIGIE_RETURN_IF_ERROR(ReadContents(message, *Request::descriptor()).status());
    Request request;
    VIGIE_RETURN_IF_ERROR(ParseMessage(message, &request));
    return steps_.prepare(call, std::move(request));
  }

  void Prepare(Item& item) {
    {
      const std::lock_guard lock(mutex_);
      if (!status_.ok()) return;  // nobody waits for the answer
    }
    absl::StatusOr<Prepared> prepared = Parse(item.message);
    {
      const std::lock_guard lock(mutex_);
      item.message.Clear();
      item.status = prepared.status();
      item.state = prepared.ok() ? State::kPrepared : State::kFailed;
      if (prepared.ok()) item.prepared = *std::move(prepared);
      EndAtFailure();
    }
    ChangeReady();
  }

  // Makes the changes that are ready, unless somebody is at it. Then another worker goes on with
  // those that have become ready meanwhile, while this one writes the answers.
  void ChangeReady() {
    while (true) {
      Items ready;
      {
        const std::lock_guard lock(mutex_);
        ready = TakeReady();
        if (ready.empty()) return;
        changing_ = true;
      }
      std::vector<Prepared*> changes;
      for (const auto& item : ready) changes.push_back(&*item->prepared);
      const std::vector<absl::Status> outcomes = steps_.change(changes);
      bool taken_over = false;
      {
        const std::lock_guard lock(mutex_);
        changing_ = false;
        for (size_t i = 0; i < ready.size(); ++i) {
          if (outcomes[i].ok()) continue;
          ready[i]->state = State::kFailed;
          ready[i]->status = outcomes[i];
        }
        taken_over = IsReady();
        if (taken_over) Start(0, [this] { ChangeReady(); });
      }
      AnswerAll(ready);
      if (taken_over) return;
    }
  }

  void AnswerAll(const Items& items) {
    for (const auto& item : items) {
      if (item->state == State::kFailed) continue;  // set by this thread
      const Response response = steps_.answer(*item->prepared);
      grpc::ByteBuffer bytes;
      const absl::Status written = WriteMessage(response, &bytes);
      item->prepared.reset();  // nobody else looks at it
      const std::lock_guard lock(mutex_);
      item->answer.Swap(&bytes);
      item->state = written.ok() ? State::kAnswered : State::kFailed;
      item->status = written;
      WriteNext();
    }
    const std::lock_guard lock(mutex_);
    EndAtFailure();
  }

  // The functions below hold mutex_. gRPC calls the On... functions from its own threads, never
  // from inside StartRead, StartWrite or Finish.
  bool IsReady() const { return !changing_ && !ReadyItems().empty(); }

  // The first that were not changed yet, as far as they are prepared without a gap.
  Items ReadyItems() const {
    Items ready;
    if (!status_.ok()) return ready;
    for (const auto& item : items_) {
      if (item->state == State::kChanging || item->state == State::kAnswered) continue;
      if (item->state != State::kPrepared || ready.size() == kMaxTogether) break;
      ready.push_back(item);
    }
    return ready;
  }

  Items TakeReady() {
    if (changing_) return {};
    Items ready = ReadyItems();
    for (const auto& item : ready) item->state = State::kChanging;
    return ready;
  }

  void ReadNext() {
    if (reading_ || reads_done_ || stopping_ || !status_.ok() || items_.size() >= kMaxHeld ||
        held_bytes_ >= kMaxHeldBytes || (!items_.empty() && !runner_.HasRoom(call_)) ||
        (!items_.empty() && items_.back()->state == State::kFailed)) {
      return;
    }
    reading_ = true;
    this->StartRead(&incoming_);
  }

  void WriteNext() {
    if (writing_ || finished_ || items_.empty() || items_.front()->state != State::kAnswered) {
      EndAtFailure();
      return;
    }
    writing_ = true;
    this->StartWrite(&items_.front()->answer);
  }

  // The stream ends with the error of the first request that is not answered, if it has one.
  void EndAtFailure() {
    if (!items_.empty() && items_.front()->state == State::kFailed) End(items_.front()->status);
  }

  // The first status stays. What was answered before is still written.
  void End(const absl::Status& status) {
    if (status_.ok()) status_ = status;
    FinishIfOver();
  }

  void FinishIfOver() {
    const bool reads_over = reads_done_ || stopping_ || !status_.ok();
    if (finished_ || !reads_over || jobs_ > 0 || writing_) return;
    if (status_.ok() && !items_.empty()) return;
    finished_ = true;
    // A caller that had ended the stream itself has all its answers.
    if (stopping_ && !reads_done_ && status_.ok()) status_ = CallsInFlight::Stopping();
    this->Finish(ToGrpc(status_));
  }

  const Runner& runner_;
  const grpc::CallbackServerContext& context_;
  const Steps steps_;
  Call call_;
  std::mutex mutex_;
  absl::Status status_;
  grpc::ByteBuffer incoming_;
  std::deque<std::shared_ptr<Item>> items_;  // from the first that is not answered
  size_t held_bytes_ = 0;
  size_t jobs_ = 0;  // on the workers
  bool entered_ = false;
  bool changing_ = false;
  bool reading_ = false;
  bool writing_ = false;
  bool reads_done_ = false;
  bool stopping_ = false;
  bool finished_ = false;
};

}  // namespace vigie
