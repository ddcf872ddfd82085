#include "server/rpc/watch.h"

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

// One stream. Deletes itself when it is over. It works in steps on the worker pool: read what is
// new, write it, and the same again; it is at rest when nothing is new, until Wake().
class WatchReactor final : public grpc::ServerWriteReactor<v1::WatchResponse> {
 public:
  WatchReactor(Watchers& watchers, grpc::CallbackServerContext* context, Revision after)
      : watchers_(watchers), context_(context), sent_(after) {
    absl::Status admitted = watchers_.runner_.Admit(*context_, Method::kWatch, &call_);
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
    if (quiet || watchers_.catalog_.revision() > sent_) StepLater();
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
    } else if (watchers_.catalog_.revision() > sent_) {
      StepLater();
    }
  }

  void OnCancel() override { Stop(absl::CancelledError("the caller gave up")); }

  void OnDone() override {
    if (entered_) watchers_.Leave(this, call_.caller.organisation);
    // Whoever called Finish() may still be about to release the lock.
    { const std::lock_guard lock(mutex_); }
    watchers_.runner_.LogEnd(call_, status_);
    delete this;
  }

 private:
  // The functions below, but Step(), hold mutex_.
  void StepLater() {
    if (busy_ || over_) return;
    busy_ = watchers_.runner_.Submit([this] { Step(); });  // no room: the next Wake() tries again
  }

  void Step() {
    // A key that was revoked meanwhile ends the stream.
    Call call = call_;
    const absl::Status authorised = watchers_.runner_.Authorise(*context_, &call);
    const absl::StatusOr<ChangePage> page = authorised.ok()
                                                ? watchers_.catalog_.ReadChanges(call.caller, sent_)
                                                : absl::StatusOr<ChangePage>(authorised);
    const std::lock_guard lock(mutex_);
    const TimeUs time = SystemClock().Now();
    if (over_ || !page.ok()) {
      busy_ = false;
      End(page.status());
      FinishOnce();
      return;
    }
    sent_ = page->revision;
    if (page->changes.empty() && time - last_us_ < Watchers::kQuietUs) {
      busy_ = false;
      if (watchers_.catalog_.revision() > sent_) StepLater();
      return;
    }
    last_us_ = time;
    response_.Clear();
    for (const SightedState& change : page->changes) {
      *response_.add_changes() = ToProto(change, watchers_.catalog_);
    }
    response_.set_revision(sent_);
    response_.set_up_to_date(watchers_.catalog_.revision() <= sent_);
    StartWrite(&response_);
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
  Revision sent_;       // what the caller has, or is being sent
  TimeUs last_us_ = 0;  // of the last message
  bool busy_ = false;   // a step or a write is under way
  bool over_ = false;
  bool finished_ = false;
  absl::Status status_;
  v1::WatchResponse response_;
};

// gRPC has ended all streams before their server goes.
Watchers::~Watchers() = default;

grpc::ServerWriteReactor<v1::WatchResponse>* Watchers::Start(grpc::CallbackServerContext* context,
                                                             Revision after) {
  return new WatchReactor(*this, context, after);
}

absl::Status Watchers::Enter(WatchReactor* stream, const std::string& organisation) {
  const std::lock_guard lock(mutex_);
  if (closed_) return Stopping();
  size_t& count = of_organisation_[organisation];
  if (count >= kMaxAnOrganisation) {
    return Error(absl::StatusCode::kResourceExhausted, "TOO_MANY_STREAMS",
                 absl::StrCat("your organisation watches ", kMaxAnOrganisation, " times already"));
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
