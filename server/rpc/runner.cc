#include "server/rpc/runner.h"

#include <grpc/grpc_security_constants.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/log/log.h"

namespace vigie {
namespace {

constexpr std::string_view kBearer = "Bearer ";
constexpr char kRequestId[] = "x-request-id";
constexpr char kTraceparent[] = "traceparent";
// What a refused caller is asked to wait, at least and at most, before it is spread out.
constexpr TimeUs kLeastRetryUs = 20'000;
constexpr TimeUs kMostRetryUs = 10 * kSecondUs;
constexpr int64_t kStrangerLines = 10;  // a second, of calls without a key that is known

// nullopt: none or several were sent.
std::optional<std::string_view> MetadataOf(const grpc::CallbackServerContext& context,
                                           const char* key) {
  const auto [first, last] = context.client_metadata().equal_range(key);
  if (first == last || std::next(first) != last) return std::nullopt;
  return std::string_view(first->second.data(), first->second.length());
}

// nullopt: none was sent. Empty: what was sent is no key.
std::optional<std::string_view> KeyTextOf(const grpc::CallbackServerContext& context) {
  const auto& metadata = context.client_metadata();
  const auto it = metadata.find("authorization");
  if (it == metadata.end()) return std::nullopt;
  std::string_view value(it->second.data(), it->second.length());
  if (!value.starts_with(kBearer)) return std::string_view();
  value.remove_prefix(kBearer.size());
  return value;
}

// The certificate that the peer has shown and TLS has verified; empty: none.
std::string_view CertificateOf(const grpc::CallbackServerContext& context) {
  const auto peer = context.auth_context();
  if (peer == nullptr) return {};
  const auto found = peer->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  // The peer's properties live as long as its connection.
  return found.empty() ? std::string_view() : std::string_view(found[0].data(), found[0].length());
}

bool IsRead(Method method) {
  return method == Method::kCheckImage || method == Method::kCheckHashes ||
         method == Method::kStreamCheck;
}

RateLimits::Kind KindOf(Work work) {
  return work == Work::kImages ? RateLimits::Kind::kImages : RateLimits::Kind::kChecks;
}

// Gives the call its names, and tells the caller.
void NameCall(grpc::CallbackServerContext& context, Call* call) {
  call->id = RandomId();
  context.AddInitialMetadata(kRequestId, FormatId(call->id));
  if (const auto given = MetadataOf(context, kRequestId); given && IsRequestId(*given)) {
    call->caller_id = std::string(*given);
  }
  if (const auto given = MetadataOf(context, kTraceparent)) call->trace = ParseTraceparent(*given);
  if (call->trace) {
    context.AddInitialMetadata(kTraceparent, FormatTraceparent(*call->trace, call->id));
  }
}

// RESOURCE_EXHAUSTED that says when to try again. Callers that were refused together are spread
// over as long again, so that they do not come back together.
absl::Status Refusal(std::string_view reason, std::string_view message, TimeUs wait) {
  const TimeUs least = std::clamp(wait, kLeastRetryUs, kMostRetryUs);
  const auto spread = static_cast<TimeUs>(RandomId() % static_cast<uint64_t>(least));
  return WithRetry(Error(absl::StatusCode::kResourceExhausted, reason, message), least + spread);
}

absl::Status Busy(TimeUs wait) {
  return Refusal("SERVER_BUSY", "too many requests are waiting: try again shortly", wait);
}

}  // namespace

Runner::Runner(KeyRing& keys, CallsInFlight& calls, const Clock& clock, const Options& options,
               CallObserver* observer)
    : keys_(keys),
      calls_(calls),
      clock_(clock),
      checks_per_second_(options.checks_per_second),
      images_per_second_(options.images_per_second),
      observer_(observer),
      slots_(options.streams),
      checks_("checks", options.checks, clock),
      images_("images", options.images, clock) {}

absl::Status Runner::Admit(grpc::CallbackServerContext& context, Method method, Call* call) const {
  call->method = method;
  call->started_us = clock_.Now();
  // By how long there is left: our clock does not follow one that is set back.
  const auto deadline = context.deadline();
  const auto left = deadline - std::chrono::system_clock::now();
  call->deadline_us =
      deadline == std::chrono::system_clock::time_point::max()
          ? std::numeric_limits<TimeUs>::max()
          : call->started_us + std::chrono::duration_cast<std::chrono::microseconds>(left).count();
  call->context = &context;
  NameCall(context, call);
  call->counted = calls_.Enter();
  if (!call->counted) return CallsInFlight::Stopping();
  return Authorise(context, call);
}

absl::Status Runner::Authorise(const grpc::CallbackServerContext& context, Call* call) const {
  const auto key = KeyTextOf(context);
  const std::string_view certificate =
      key.has_value() ? std::string_view() : CertificateOf(context);
  VIGIE_ASSIGN_OR_RETURN(call->caller, certificate.empty()
                                           ? keys_.Authenticate(key.value_or(std::string_view()))
                                           : keys_.AuthenticateCertificate(certificate));
  return CheckAccess(call->caller.role, call->method);
}

// One call between its arrival and its end, when it deletes itself.
struct Runner::UnaryCall final : grpc::ServerUnaryReactor {
  UnaryCall(const Runner& its_runner, grpc::ByteBuffer& its_in, grpc::ByteBuffer* its_out,
            RawWork its_work)
      : runner(its_runner), in(its_in), out(its_out), work(std::move(its_work)) {}

  const Runner& runner;
  grpc::ByteBuffer& in;
  grpc::ByteBuffer* const out;
  const RawWork work;
  Demand demand = {};
  Call call = {};
  Rest rest = {};

  // False: nobody wanted it any more.
  bool Run(bool here) {
    absl::Status status = runner.StillWanted(call);
    const bool wanted = status.ok();
    if (wanted) status = work.run(call, in, out, &rest);
    if (status.ok() && rest) {
      if (here) {
        Lane::Demand later = runner.LaneDemand(call, demand);
        later.work = Work::kOther;
        later.units = 1;
        later.here = false;
        runner.checks_.SubmitAlways(later, [this](bool) {
          End(rest());
          return true;
        });
        return true;
      }
      status = rest();
    }
    End(status);
    return wanted;
  }

  void End(const absl::Status& status) {
    runner.End(call, status);
    Finish(ToGrpc(status));
  }

  void OnDone() override {
    runner.Done(call);
    delete this;
  }

 private:
  // gRPC otherwise hands OnDone(), which takes no lock and does not wait, to another thread: a
  // quarter of what a hash check costs.
  bool InternalInlineable() override { return true; }
};

grpc::ServerUnaryReactor* Runner::Start(grpc::CallbackServerContext* context, Method method,
                                        const grpc::ByteBuffer* in, grpc::ByteBuffer* out,
                                        Measure measure, RawWork work) const {
  // The call's own, which gRPC shows as const and does not look at again: what was parsed need not
  // be held twice.
  auto& bytes = const_cast<grpc::ByteBuffer&>(*in);
  auto* unary = new UnaryCall(*this, bytes, out, std::move(work));
  absl::Status admitted = Admit(*context, method, &unary->call);
  if (admitted.ok()) {
    const absl::StatusOr<MessageContents> contents = ReadContents(bytes, *unary->work.type);
    admitted = contents.status();
    if (admitted.ok()) {
      unary->demand = measure != nullptr ? measure(*contents) : Demand{.bytes = contents->bytes};
    }
  }
  if (admitted.ok()) admitted = TakeRate(unary->call, unary->demand);
  if (admitted.ok()) {
    // Who is accepted may be over when Submit() returns.
    const Demand demand = unary->demand;
    const TimeUs wait =
        LaneOf(demand.work).Submit(LaneDemand(unary->call, demand), [unary](bool here) {
          return unary->Run(here);
        });
    if (wait == 0) return unary;
    rates_.GiveBack(unary->call.caller.organisation, KindOf(demand.work), demand.pictures,
                    RateOf(unary->call, demand.work), clock_.Now());
    admitted = Busy(wait);
  }
  unary->End(admitted);
  return unary;
}

Lane::Demand Runner::LaneDemand(const Call& call, const Demand& demand) const {
  return {.organisation = call.caller.organisation,
          .work = demand.work,
          .units = demand.units,
          .bytes = demand.bytes,
          .deadline_us = call.deadline_us,
          .here = demand.here};
}

int64_t Runner::RateOf(const Call& call, Work work) const {
  const auto or_default = [](int64_t own, int64_t server) { return own != 0 ? own : server; };
  switch (work) {
    case Work::kChecks:
    case Work::kBatches:
      return or_default(call.caller.checks_per_second, checks_per_second_.load());
    case Work::kImages:
      return or_default(call.caller.images_per_second, images_per_second_.load());
    case Work::kOther:
      break;
  }
  return 0;
}

absl::Status Runner::TakeRate(const Call& call, const Demand& demand) const {
  const int64_t rate = RateOf(call, demand.work);
  if (rate == 0) return absl::OkStatus();
  const TimeUs wait = rates_.Take(call.caller.organisation, KindOf(demand.work), demand.pictures,
                                  rate, clock_.Now());
  if (wait == 0) return absl::OkStatus();
  return Refusal("RATE_LIMITED",
                 absl::StrCat("your organisation may have ", rate,
                              demand.work == Work::kImages ? " pictures" : " pictures' hashes",
                              " checked a second: try again later"),
                 wait);
}

TimeUs Runner::Owe(const Call& call, const Demand& demand) const {
  return rates_.Owe(call.caller.organisation, KindOf(demand.work), demand.pictures,
                    RateOf(call, demand.work), clock_.Now());
}

absl::Status Runner::Enter(const Call& call) const {
  if (slots_.Enter(call.caller.organisation)) return absl::OkStatus();
  return Refusal("TOO_MANY_STREAMS",
                 absl::StrCat("an organisation has ", slots_.most(), " streams at once"),
                 kSecondUs);
}

void Runner::Leave(const Call& call) const { slots_.Leave(call.caller.organisation); }

absl::Status Runner::StillWanted(const Call& call) const {
  if (call.context->IsCancelled()) return absl::CancelledError("the caller gave up");
  if (clock_.Now() >= call.deadline_us) {
    return absl::DeadlineExceededError("the deadline passed before the answer was there");
  }
  return absl::OkStatus();
}

void Runner::Submit(const Call& call, const Demand& demand, std::function<bool()> job) const {
  LaneOf(demand.work).SubmitAlways(LaneDemand(call, demand), [job = std::move(job)](bool) {
    return job();
  });
}

bool Runner::HasRoom(const Call& call) const {
  return checks_.HasRoom(call.caller.organisation) && images_.HasRoom(call.caller.organisation);
}

void Runner::CountRefused() const {
  refused_.fetch_add(1);
  const TimeUs now = clock_.Now();
  TimeUs last = refused_us_.load();
  if (now - last < kSecondUs || !refused_us_.compare_exchange_strong(last, now)) return;
  LogEvent(LogLevel::kWarning, "refused")
      .Number("calls", static_cast<int64_t>(refused_.exchange(0)))
      .Write();
}

void Runner::End(const Call& call, const absl::Status& status) const {
  const TimeUs took = clock_.Now() - call.started_us;
  const std::string reason = status.ok() ? std::string() : ReasonOrCode(status);
  if (observer_ != nullptr) observer_->OnCall(call.method, status.code(), reason, took);
  // Strangers may ask as often as they like, and are not to fill the log.
  const bool stranger =
      status.code() == absl::StatusCode::kUnauthenticated &&
      stranger_lines_.Take("", RateLimits::Kind::kChecks, 1, kStrangerLines, clock_.Now()) > 0;
  const bool refused = stranger || reason == "SERVER_BUSY" || reason == "RATE_LIMITED";
  if (refused) CountRefused();
  // Checks are most of the traffic: a line each only when asked for.
  const bool rare = !refused && !(IsRead(call.method) && status.ok());
  LogEvent line(rare ? LogLevel::kInfo : LogLevel::kDebug, "call");
  if (!line.on()) return;
  line.Text("method", Name(call.method))
      .Text("key", call.caller.key_id)
      .Text("organisation", call.caller.organisation)
      .Text("code", ToStd(absl::StatusCodeToString(status.code())))
      .Text("reason", reason)
      .Number("us", took)
      .Text("request", FormatId(call.id))
      .Text("caller_request", call.caller_id)
      .Text("trace", call.trace ? std::string_view(call.trace->id) : std::string_view());
  line.Write();
}

}  // namespace vigie
