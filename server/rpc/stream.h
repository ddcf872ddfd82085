// A bidirectional stream on the worker pool: requests are worked on as they come, a bounded number
// at a time, and answered as they are done.
#pragma once

#include <grpcpp/grpcpp.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "server/rpc/runner.h"

namespace vigie {

// Deletes itself when the stream is over. No more than `max_in_flight` requests are held: the next
// is read when one is answered, so a slow reader or a slow disk slows the sender down. With
// max_in_flight 1, answers come in the order of the requests.
template <typename Request, typename Response>
class StreamReactor final : public grpc::ServerBidiReactor<Request, Response> {
 public:
  // An error ends the stream, after the answers that are ready.
  using Work = std::function<absl::StatusOr<Response>(const Call&, const Request&)>;

  StreamReactor(const Runner& runner, grpc::CallbackServerContext* context, Method method,
                size_t max_in_flight, Work work)
      : runner_(runner), max_in_flight_(max_in_flight), work_(std::move(work)) {
    status_ = runner_.Admit(*context, method, &call_);
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
    if (!ok || !status_.ok()) {
      reads_done_ = true;
      FinishIfOver();
      return;
    }
    auto request = std::make_shared<Request>(std::move(incoming_));
    incoming_.Clear();
    ++in_flight_;
    if (!runner_.Submit([this, request] { Run(*request); })) {
      --in_flight_;
      End(Runner::Busy());
      return;
    }
    ReadNext();
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
    // Whoever called Finish() may still be about to release the lock.
    { const std::lock_guard lock(mutex_); }
    runner_.LogEnd(call_, status_);
    delete this;
  }

 private:
  void Run(const Request& request) {
    bool wanted = false;
    {
      const std::lock_guard lock(mutex_);
      wanted = status_.ok();  // nobody waits for the answer after an error or a cancellation
    }
    absl::StatusOr<Response> response = absl::CancelledError("the stream is over");
    if (wanted) response = work_(call_, request);
    const std::lock_guard lock(mutex_);
    --in_flight_;
    if (response.ok()) {
      outgoing_.push_back(*std::move(response));
      WriteNext();
      ReadNext();
      FinishIfOver();
    } else {
      End(response.status());
    }
  }

  // The functions below hold mutex_. gRPC calls the On... functions from its own threads, never
  // from inside StartRead, StartWrite or Finish.
  void ReadNext() {
    if (reading_ || reads_done_ || !status_.ok() ||
        in_flight_ + outgoing_.size() >= max_in_flight_) {
      return;
    }
    reading_ = true;
    this->StartRead(&incoming_);
  }

  void WriteNext() {
    if (writing_ || outgoing_.empty() || finished_) return;
    writing_ = true;
    this->StartWrite(&outgoing_.front());
  }

  // The first status stays.
  void End(const absl::Status& status) {
    if (status_.ok()) status_ = status;
    FinishIfOver();
  }

  void FinishIfOver() {
    const bool reads_over = reads_done_ || !status_.ok();
    if (finished_ || !reads_over || in_flight_ > 0 || writing_ || !outgoing_.empty()) return;
    finished_ = true;
    this->Finish(ToGrpc(status_));
  }

  const Runner& runner_;
  const size_t max_in_flight_;
  const Work work_;
  Call call_;
  std::mutex mutex_;
  absl::Status status_;
  Request incoming_;
  std::deque<Response> outgoing_;
  size_t in_flight_ = 0;
  bool reading_ = false;
  bool writing_ = false;
  bool reads_done_ = false;
  bool finished_ = false;
};

}  // namespace vigie
