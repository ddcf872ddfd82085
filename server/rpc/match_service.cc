#include "server/rpc/match_service.h"

#include <google/protobuf/wire_format_lite.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/rpc/convert.h"
#include "server/rpc/stream.h"

namespace vigie {
namespace {

constexpr int kMaxPictures = 1000;  // in one CheckHashes
constexpr size_t kMaxStreamId = 128;
constexpr size_t kStreamInFlight = 32;
constexpr size_t kPictureUnit = 64 << 10;  // bytes
constexpr size_t kFingerprintBytes = 64;   // about, in a message
// Fingerprints that are looked up in gRPC's own thread: handing them to another one costs as much
// as looking up one (docs/decisions/0016-overload.md).
constexpr int64_t kFewFingerprints = 4;
// Verdicts that are written down together, so that a match rate counts soon.
constexpr size_t kWrittenTogether = 64;

// The first `size` bytes of UTF-8 text, or a little less where that would split a character.
std::string Beginning(const std::string& text, size_t size) {
  if (text.size() <= size) return text;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size);
}

absl::StatusOr<CheckOptions> OptionsOf(const Call& call, const v1::CheckSettings& settings) {
  CheckOptions options;
  VIGIE_ASSIGN_OR_RETURN(options, FromProto(settings));
  options.organisation = call.caller.organisation;
  options.key_id = call.caller.key_id;
  options.deadline_us = call.deadline_us;
  return options;
}

Demand DemandOfImage(size_t bytes) {
  return {.work = Work::kImages,
          .units = static_cast<int64_t>(bytes / kPictureUnit) + 1,
          .pictures = 1,
          .bytes = bytes};
}

Demand DemandOfHashes(const v1::CheckHashesRequest& request) {
  // More pictures than are taken are refused, and owe no more than these.
  Demand demand{.work = Work::kChecks,
                .units = 0,
                .pictures = std::min(request.pictures_size(), kMaxPictures)};
  for (const v1::HashedPicture& picture : request.pictures()) {
    demand.units += picture.fingerprints_size();
  }
  // In memory a fingerprint's text and message are about this much, and a picture's.
  demand.bytes = static_cast<size_t>(demand.units) * 160 +
                 static_cast<size_t>(request.pictures_size()) * 80 + request.ByteSizeLong();
  demand.here = demand.units <= kFewFingerprints && request.pictures_size() <= kFewFingerprints;
  return demand;
}

// A message of StreamCheck that is not parsed yet: a picture, unless its fields say otherwise
// before.
Demand DemandOfMessage(grpc::ByteBuffer& message) {
  using WireFormat = google::protobuf::internal::WireFormatLite;
  const Demand checks{.work = Work::kChecks,
                      .units = static_cast<int64_t>(message.Length() / kFingerprintBytes) + 1,
                      .pictures = 1,
                      .bytes = message.Length()};
  grpc::ByteBuffer copy = message;  // of the references: reading moves along
  grpc::ProtoBufferReader reader(&copy);
  google::protobuf::io::CodedInputStream input(&reader);
  // To the end: of several pictures in a message the last one counts.
  bool image = false;
  while (const uint32_t tag = input.ReadTag()) {
    image =
        image || WireFormat::GetTagFieldNumber(tag) == v1::StreamCheckRequest::kImageFieldNumber;
    if (!WireFormat::SkipField(&input, tag)) break;
  }
  return image ? DemandOfImage(message.Length()) : checks;
}

// Tells of a verdict, if anybody counts.
void Observe(const Runner& runner, const absl::StatusOr<Verdict>& verdict,
             const CheckTimes& times) {
  if (runner.observer() != nullptr && verdict.ok()) runner.observer()->OnVerdict(*verdict, times);
}

}  // namespace

absl::Status MatchServiceImpl::Check(CheckOptions& options, const std::string& image,
                                     v1::Verdict* answer) const {
  CheckTimes times;
  if (runner_.observer() != nullptr) options.times = &times;
  const absl::StatusOr<Verdict> verdict = pipeline_.CheckImage(AsBytes(image), options);
  Observe(runner_, verdict, times);
  if (verdict.ok()) ToProto(*verdict, catalog_, answer);
  return verdict.status();
}

absl::Status MatchServiceImpl::Check(CheckOptions& options, const v1::HashedPicture& picture,
                                     v1::Verdict* answer) const {
  CheckTimes times;
  if (runner_.observer() != nullptr) options.times = &times;
  std::vector<QueryFingerprint> fingerprints;
  VIGIE_ASSIGN_OR_RETURN(fingerprints, FromProto(picture));
  const absl::StatusOr<Verdict> verdict = pipeline_.CheckFingerprints(fingerprints, options);
  Observe(runner_, verdict, times);
  if (verdict.ok()) ToProto(*verdict, catalog_, answer);
  return verdict.status();
}

grpc::ServerUnaryReactor* MatchServiceImpl::CheckImage(grpc::CallbackServerContext* context,
                                                       const v1::CheckImageRequest* request,
                                                       v1::CheckImageResponse* response) {
  return runner_.Unary(context, Method::kCheckImage, DemandOfImage(request->image().size()),
                       [this, request, response](const Call& call, Runner::Rest*) -> absl::Status {
                         CheckOptions options;
                         VIGIE_ASSIGN_OR_RETURN(options, OptionsOf(call, request->settings()));
                         return Check(options, request->image(), response->mutable_verdict());
                       });
}

grpc::ServerUnaryReactor* MatchServiceImpl::CheckHashes(grpc::CallbackServerContext* context,
                                                        const v1::CheckHashesRequest* request,
                                                        v1::CheckHashesResponse* response) {
  return runner_.Unary(context, Method::kCheckHashes, DemandOfHashes(*request),
                       [this, request, response](const Call& call, Runner::Rest* rest) {
                         return CheckAll(call, *request, response, rest);
                       });
}

absl::Status MatchServiceImpl::CheckAll(const Call& call, const v1::CheckHashesRequest& request,
                                        v1::CheckHashesResponse* response,
                                        Runner::Rest* rest) const {
  if (request.pictures().empty() || request.pictures_size() > kMaxPictures) {
    return Error(absl::StatusCode::kInvalidArgument, "OUT_OF_RANGE",
                 absl::StrCat("send 1 to ", kMaxPictures, " pictures"));
  }
  CheckOptions options;
  VIGIE_ASSIGN_OR_RETURN(options, OptionsOf(call, request.settings()));
  options.policy = pipeline_.policy();  // one for all of them
  std::vector<VerdictRecord> to_write_down;
  options.to_write_down = &to_write_down;
  // What is to be written down is, by a thread that may wait, however the request ends.
  const auto end = [&](absl::Status status) -> absl::Status {
    if (to_write_down.empty()) return status;
    *rest = [this, verdicts = std::move(to_write_down), status]() mutable {
      pipeline_.WriteDown(std::move(verdicts));
      return status;
    };
    return absl::OkStatus();
  };
  for (int i = 0; i < request.pictures_size(); ++i) {
    if (i > 0) {
      absl::Status wanted = runner_.StillWanted(call);
      if (!wanted.ok()) return end(std::move(wanted));
    }
    if (to_write_down.size() >= kWrittenTogether) {
      pipeline_.WriteDown(std::exchange(to_write_down, {}));
    }
    const absl::Status checked = Check(options, request.pictures(i), response->add_verdicts());
    if (!checked.ok()) {
      return end(Error(checked.code(), ReasonOrCode(checked),
                       absl::StrCat("pictures[", i, "]: ", checked.message())));
    }
  }
  return end(absl::OkStatus());
}

absl::Status MatchServiceImpl::AnswerTo(const Call& call, const v1::StreamCheckRequest& request,
                                        v1::StreamCheckResponse* response) const {
  if (request.id().size() > kMaxStreamId) {
    return Error(absl::StatusCode::kInvalidArgument, "OUT_OF_RANGE",
                 absl::StrCat("id has at most ", kMaxStreamId, " bytes"));
  }
  CheckOptions options;
  VIGIE_ASSIGN_OR_RETURN(options, OptionsOf(call, request.settings()));
  if (request.has_image()) return Check(options, request.image(), response->mutable_verdict());
  if (request.has_hashes()) return Check(options, request.hashes(), response->mutable_verdict());
  return Error(absl::StatusCode::kInvalidArgument, "PICTURE_MISSING", "send an image or hashes");
}

absl::StatusOr<v1::StreamCheckResponse> MatchServiceImpl::Answer(
    const Call& call, const v1::StreamCheckRequest& request) const {
  v1::StreamCheckResponse response;
  response.set_id(Beginning(request.id(), kMaxStreamId));
  const absl::Status answered = AnswerTo(call, request, &response);
  if (!answered.ok()) *response.mutable_problem() = ToProblem(answered);
  return response;
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* MatchServiceImpl::StreamCheck(
    grpc::CallbackServerContext* context) {
  return new StreamReactor<v1::StreamCheckRequest, v1::StreamCheckResponse>(
      runner_, context, Method::kStreamCheck, kStreamInFlight, DemandOfMessage,
      [this](const Call& call, const v1::StreamCheckRequest& request) {
        return Answer(call, request);
      });
}

grpc::ServerWriteReactor<v1::WatchResponse>* MatchServiceImpl::Watch(
    grpc::CallbackServerContext* context, const v1::WatchRequest* request) {
  return watchers_.Start(context, request->after_revision());
}

grpc::ServerUnaryReactor* MatchServiceImpl::HashImage(grpc::CallbackServerContext* context,
                                                      const v1::HashImageRequest* request,
                                                      v1::HashImageResponse* response) {
  return runner_.Unary(context, Method::kHashImage, DemandOfImage(request->image().size()),
                       [this, request, response](const Call&, Runner::Rest*) -> absl::Status {
                         Profile profile{};
                         VIGIE_ASSIGN_OR_RETURN(profile, FromProto(request->profile()));
                         Submission submission;
                         VIGIE_ASSIGN_OR_RETURN(
                             submission,
                             pipeline_.Hash(AsBytes(request->image()), profile, request->local()));
                         for (const Fingerprint& fingerprint : submission.fingerprints) {
                           *response->add_fingerprints() = ToProto(fingerprint);
                         }
                         response->set_local_fingerprint(std::move(submission.local));
                         return absl::OkStatus();
                       });
}

}  // namespace vigie
