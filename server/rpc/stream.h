// A bidirectional stream on the lanes: requests are worked on as they come, a bounded number
// at a time, and answered as they are done.
//
// Messages are read raw and parsed here: gRPC would take one that cannot be parsed for the caller's
// orderly end, and the questions after it would stay unanswered under a status of OK.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "server/rpc/runner.h"

namespace vigie {

// Deletes itself when the stream is over. No more than `max_in_flight` requests are held, and no
// other is read while they have kMaxHeldBytes or more, or the server has no room: the next is read
// when one is answered, so a slow reader, a slow disk or a busy server slows the sender down. A
// stream whose organisation is over its rate reads on when the debt is paid off. One message is
// always read, so that every stream goes on. For answers in the order of the requests:
// ordered_stream.h.
template <typename Request, typename Response>
class StreamReactor final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                            public StoppableStream {
 public:
  static constexpr size_t kMaxHeldBytes = 64 << 20;

  // An error ends the stream, after the answers that are ready. So does a message that holds too
  // much or cannot be parsed: INVALID_ARGUMENT, reason OUT_OF_RANGE or REQUEST_MALFORMED.
  using Answers = std::function<absl::Status(const Call&, const Request&, Response*)>;
  StreamReactor(const Runner& runner, grpc::CallbackServerContext* context, Method method,
                size_t max_in_flight, Runner::Measure measure, Answers work)
      : runner_(runner),
        context_(*context),
        max_in_flight_(max_in_flight),
        measure_(measure),
        work_(std::move(work)) {
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
    auto message = std::make_shared<grpc::ByteBuffer>();
    message->Swap(&incoming_);
    const auto contents = ReadContents(*message, *Request::descriptor());
    const size_t bytes = message->Length();
    const Demand demand = contents.ok() ? measure_(*contents) : Demand{.bytes = bytes};
    ++in_flight_;
    held_bytes_ += bytes;
    runner_.Submit(call_, demand, [this, message, bytes, readable = contents.status()] {
      return Run(*message, bytes, readable);
    });
    if (const TimeUs debt = runner_.Owe(call_, demand); debt > 0) {
      Pause(debt);
    } else {
      ReadNext();
    }
  }

  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    outgoing_.pop_front();
    if (!ok) {
      outgoing_.clear();
      End(absl::CancelledError("the caller went away"));
      return;
    }
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
    if (paused_) alarm_.Cancel();
    FinishIfOver();
  }

 private:
  absl::StatusOr<grpc::ByteBuffer> Answer(grpc::ByteBuffer& message) const {
    Call call = call_;
    VIGIE_RETURN_IF_ERROR(runner_.Authorise(context_, &call));
    MessageMemory memory;
    auto* request = memory.New<Request>();
    auto* response = memory.New<Response>();
    VIGIE_RETURN_IF_ERROR(ParseMessage(message, request));
    VIGIE_RETURN_IF_ERROR(work_(call, *request, response));
    grpc::ByteBuffer bytes;
    VIGIE_RETURN_IF_ERROR(WriteMessage(*response, &bytes));
    return bytes;
  }

  // False: nobody wanted it any more.
  bool Run(grpc::ByteBuffer& message, size_t bytes, const absl::Status& readable) {
    bool wanted = false;
    {
      const std::lock_guard lock(mutex_);
      wanted = status_.ok();  // nobody waits for the answer after an error or a cancellation
    }
    absl::StatusOr<grpc::ByteBuffer> response = absl::CancelledError("the stream is over");
    if (wanted && readable.ok()) response = Answer(message);
    if (wanted && !readable.ok()) response = readable;
    const std::lock_guard lock(mutex_);
    --in_flight_;
    held_bytes_ -= bytes;
    if (response.ok()) {
      outgoing_.push_back(*std::move(response));
      WriteNext();
      ReadNext();
      FinishIfOver();
    } else {
      End(response.status());
    }
    return wanted;
  }

  // The functions below hold mutex_. gRPC calls the On... functions from its own threads, never
  // from inside StartRead, StartWrite or Finish.
  void ReadNext() {
    const size_t held = in_flight_ + outgoing_.size();
    if (reading_ || reads_done_ || stopping_ || paused_ || !status_.ok() ||
        held >= max_in_flight_ || held_bytes_ >= kMaxHeldBytes ||
        (held > 0 && !runner_.HasRoom(call_))) {
      return;
    }
    reading_ = true;
    this->StartRead(&incoming_);
  }

  // Reads on after `time`. The stream lives until the alarm has rung, which End() sees to.
  void Pause(TimeUs time) {
    paused_ = true;
    alarm_.Set(std::chrono::system_clock::now() + std::chrono::microseconds(time), [this](bool) {
      const std::lock_guard lock(mutex_);
      paused_ = false;
      ReadNext();
      FinishIfOver();
    });
  }

  void WriteNext() {
    if (writing_ || outgoing_.empty() || finished_) return;
    writing_ = true;
    this->StartWrite(&outgoing_.front());
  }

  // The first status stays.
  void End(const absl::Status& status) {
    if (status_.ok()) status_ = status;
    if (paused_) alarm_.Cancel();
    FinishIfOver();
  }

  void FinishIfOver() {
    const bool reads_over = reads_done_ || stopping_ || !status_.ok();
    if (finished_ || !reads_over || paused_ || in_flight_ > 0 || writing_ || !outgoing_.empty()) {
      return;
    }
    finished_ = true;
    // A caller that had ended the stream itself has all its answers.
    if (stopping_ && !reads_done_ && status_.ok()) status_ = CallsInFlight::Stopping();
    this->Finish(ToGrpc(status_));
  }

  const Runner& runner_;
  const grpc::CallbackServerContext& context_;
  const size_t max_in_flight_;
  const Runner::Measure measure_;
  const Answers work_;
  Call call_;
  std::mutex mutex_;
  absl::Status status_;
  grpc::ByteBuffer incoming_;
  std::deque<grpc::ByteBuffer> outgoing_;
  size_t in_flight_ = 0;
  size_t held_bytes_ = 0;  // of the requests in flight
  grpc::Alarm alarm_;
  bool entered_ = false;
  bool paused_ = false;
  bool reading_ = false;
  bool writing_ = false;
  bool reads_done_ = false;
  bool stopping_ = false;
  bool finished_ = false;
};

}  // namespace vigie
