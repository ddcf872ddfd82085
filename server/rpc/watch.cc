#include "server/rpc/watch.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/clock.h"
#include "server/rpc/convert.h"

namespace vigie {
namespace {

absl::Status Stopping() {
  return Error(absl::StatusCode::kUnavailable, "SERVER_STOPPING",
               "the server stops: watch again from the last revision that you received");
}

}  // namespace

// One stream. Deletes itself when it is over. It works in steps on a lane: read what is
// new, write it, and the same again; it is at rest when nothing is new, until Wake().
class WatchReactor final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  WatchReactor(Watchers& watchers, grpc::CallbackServerContext* context, const grpc::ByteBuffer* in)
      : watchers_(watchers), context_(context) {
    absl::Status admitted = watchers_.runner_.Admit(*context_, Method::kWatch, &call_);
    if (admitted.ok()) admitted = Read(*in);
    if (admitted.ok()) {
      entered_ = true;
      admitted = watchers_.Enter(this, call_.caller.organisation);
      if (!admitted.ok()) entered_ = false;
    }
    const std::lock_guard lock(mutex_);
    if (admitted.ok()) {
      StepLater();
    } else {
      End(admitted);
    }
  }

  // Any thread, while it is one of the watchers' streams.
  void Wake() {
    const std::lock_guard lock(mutex_);
    const bool quiet = SystemClock().Now() - last_us_ >= Watchers::kQuietUs;
    if (quiet || IsBehind()) StepLater();
  }

  void Stop(const absl::Status& status) {
    const std::lock_guard lock(mutex_);
    End(status);
  }

  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    busy_ = false;
    if (!ok) End(absl::CancelledError("the caller went away"));
    if (over_) {
      FinishOnce();
    } else if (IsBehind()) {
      StepLater();
    }
  }

  void OnCancel() override { Stop(absl::CancelledError("the caller gave up")); }

  void OnDone() override {
    if (entered_) watchers_.Leave(this, call_.caller.organisation);
    // Whoever called Finish() may still be about to release the lock.
    { const std::lock_guard lock(mutex_); }
    watchers_.runner_.End(call_, status_);
    watchers_.runner_.Done(call_);
    delete this;
  }

 private:
  absl::Status Read(grpc::ByteBuffer in) {
    VIGIE_RETURN_IF_ERROR(ReadContents(in, *v1::WatchRequest::descriptor()).status());
    v1::WatchRequest request;
    VIGIE_RETURN_IF_ERROR(ParseMessage(in, &request));
    sent_ = request.after_revision();
    return absl::OkStatus();
  }

  // The functions below, but Step(), hold mutex_.
  void StepLater() {
    if (busy_ || over_) return;
    busy_ = true;
    watchers_.runner_.Submit(call_, Demand{}, [this] {
      Step();
      return true;
    });
  }

  bool IsBehind() const {
    return next_ < page_.changes.size() || watchers_.catalog_.change_revision() > sent_;
  }

  void Step() {
    // A key that was revoked meanwhile ends the stream.
    Call call = call_;
    absl::Status status = watchers_.runner_.Authorise(*context_, &call);
    // One step at a time, and none beside a write: nobody else changes these.
    std::optional<ChangePage> read;
    if (status.ok() && next_ == page_.changes.size()) {
      absl::StatusOr<ChangePage> page = watchers_.catalog_.ReadChanges(call.caller, sent_);
      status = page.status();
      if (page.ok()) read = *std::move(page);
    }
    const std::lock_guard lock(mutex_);
    const TimeUs time = SystemClock().Now();
    if (over_ || !status.ok()) {
      busy_ = false;
      End(status);
      FinishOnce();
      return;
    }
    if (read.has_value()) {
      page_ = *std::move(read);
      next_ = 0;
    }
    if (page_.changes.empty() && time - last_us_ < Watchers::kQuietUs) {
      busy_ = false;
      sent_ = page_.revision;
      return;
    }
    last_us_ = time;
    Send();
  }

  void Send() {
    v1::WatchResponse response;
    const size_t end = std::min(next_ + Watchers::kChangesAMessage, page_.changes.size());
    for (; next_ < end; ++next_) {
      *response.add_changes() = ToProto(page_.changes[next_], watchers_.catalog_);
    }
    // The page's revision comes with its last changes: who breaks off before has not had it.
    if (next_ == page_.changes.size()) sent_ = page_.revision;
    response.set_revision(sent_);
    response.set_up_to_date(!IsBehind());
    if (const absl::Status written = WriteMessage(response, &outgoing_); !written.ok()) {
      busy_ = false;
      End(written);
      return;
    }
    StartWrite(&outgoing_);
  }

  // The first status stays.
  void End(const absl::Status& status) {
    if (!over_) status_ = status;
    over_ = true;
    FinishOnce();
  }

  void FinishOnce() {
    if (busy_ || finished_) return;
    finished_ = true;
    Finish(ToGrpc(status_));
  }

  Watchers& watchers_;
  grpc::CallbackServerContext* const context_;
  Call call_;
  bool entered_ = false;
  std::mutex mutex_;
  Revision sent_ = 0;   // what the caller has, or is being sent
  ChangePage page_;     // what was read last
  size_t next_ = 0;     // of page_.changes: the first that was not sent
  TimeUs last_us_ = 0;  // of the last message
  bool busy_ = false;   // a step or a write is under way
  bool over_ = false;
  bool finished_ = false;
  absl::Status status_;
  grpc::ByteBuffer outgoing_;
};

// gRPC has ended all streams before their server goes.
Watchers::~Watchers() = default;

grpc::ServerWriteReactor<grpc::ByteBuffer>* Watchers::Start(grpc::CallbackServerContext* context,
                                                            const grpc::ByteBuffer* in) {
  return new WatchReactor(*this, context, in);
}

absl::Status Watchers::Enter(WatchReactor* stream, const std::string& organisation) {
  const std::lock_guard lock(mutex_);
  if (closed_) return Stopping();
  size_t& count = of_organisation_[organisation];
  if (count >= kMaxAnOrganisation || streams_.size() >= kMaxStreams) {
    return Error(absl::StatusCode::kResourceExhausted, "TOO_MANY_STREAMS",
                 absl::StrCat("an organisation watches ", kMaxAnOrganisation,
                              " times at once, all together ", kMaxStreams));
  }
  ++count;
  streams_.insert(stream);
  return absl::OkStatus();
}

void Watchers::Leave(WatchReactor* stream, const std::string& organisation) {
  const std::lock_guard lock(mutex_);
  streams_.erase(stream);
  --of_organisation_[organisation];
}

void Watchers::Poll() {
  const std::lock_guard lock(mutex_);
  for (WatchReactor* stream : streams_) stream->Wake();
}

void Watchers::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (WatchReactor* stream : streams_) stream->Stop(Stopping());
}

}  // namespace vigie
