#include "server/rpc/match_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/rpc/convert.h"
#include "server/rpc/stream.h"

namespace vigie {
namespace {

constexpr size_t kMaxStreamId = 128;
constexpr size_t kStreamInFlight = 32;
constexpr size_t kPictureUnit = 64 << 10;  // bytes
// Fingerprints that are looked up in gRPC's own thread, as all orientations of one picture are:
// handing them to another one costs more than looking them up (docs/decisions/0016-overload.md).
constexpr int64_t kFewFingerprints = 8;
constexpr size_t kFewFields = 64;
constexpr size_t kFewBytes = 4096;
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

Demand DemandOfImage(const MessageContents& message) {
  return {.work = Work::kImages,
          .units = static_cast<int64_t>(message.bytes / kPictureUnit) + 1,
          .pictures = 1,
          .bytes = message.bytes};
}

Demand DemandOfHashes(const MessageContents& message) {
  const auto pictures = static_cast<int64_t>(message.items);
  const auto fingerprints = static_cast<int64_t>(message.sub_items);
  return {.work = pictures > 1 ? Work::kBatches : Work::kChecks,
          .units = fingerprints,
          .pictures = pictures,
          .bytes = message.bytes,
          .here = fingerprints <= kFewFingerprints && pictures <= kFewFingerprints &&
                  message.fields <= kFewFields && message.bytes <= kFewBytes};
}

// A message of StreamCheck: of several questions in it the last one counts.
Demand DemandOfQuestion(const MessageContents& message) {
  if (message.Has(v1::StreamCheckRequest::kImageFieldNumber)) return DemandOfImage(message);
  if (message.Has(v1::StreamCheckRequest::kBatchFieldNumber)) {
    const auto pictures = static_cast<int64_t>(message.sub_items);
    return {.work = pictures > 1 ? Work::kBatches : Work::kChecks,
            .units = std::max<int64_t>(1, static_cast<int64_t>(message.sub_sub_items)),
            .pictures = std::max<int64_t>(1, pictures),
            .bytes = message.bytes};
  }
  return {.work = Work::kChecks,
          .units = std::max<int64_t>(1, static_cast<int64_t>(message.sub_items)),
          .pictures = 1,
          .bytes = message.bytes};
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
                                                       const grpc::ByteBuffer* in,
                                                       grpc::ByteBuffer* out) {
  return runner_.Unary(context, Method::kCheckImage, in, out, DemandOfImage,
                       [this](const Call& call, const v1::CheckImageRequest* request,
                              v1::CheckImageResponse* response, Runner::Rest*) -> absl::Status {
                         CheckOptions options;
                         VIGIE_ASSIGN_OR_RETURN(options, OptionsOf(call, request->settings()));
                         return Check(options, request->image(), response->mutable_verdict());
                       });
}

grpc::ServerUnaryReactor* MatchServiceImpl::CheckHashes(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* in,
                                                        grpc::ByteBuffer* out) {
  return runner_.Unary(
      context, Method::kCheckHashes, in, out, DemandOfHashes,
      [this](const Call& call, const v1::CheckHashesRequest* request,
             v1::CheckHashesResponse* response, Runner::Rest* rest) -> absl::Status {
        std::vector<VerdictRecord> unwritten;
        absl::Status status = CheckAll(call, request->settings(), request->pictures(),
                                       response->mutable_verdicts(), &unwritten);
        if (unwritten.empty()) return status;
        *rest = [this, verdicts = std::move(unwritten), status]() mutable {
          pipeline_.WriteDown(std::move(verdicts));
          return status;
        };
        return absl::OkStatus();
      });
}

absl::Status MatchServiceImpl::CheckAll(const Call& call, const v1::CheckSettings& settings,
                                        const HashedPictures& pictures, Verdicts* verdicts,
                                        std::vector<VerdictRecord>* unwritten) const {
  const int count = pictures.size();
  // More than kMaxItems of a unary call are not even parsed.
  if (count == 0 || count > static_cast<int>(MessageContents::kMaxItems)) {
    return Error(absl::StatusCode::kInvalidArgument, "OUT_OF_RANGE",
                 absl::StrCat("send 1 to ", MessageContents::kMaxItems, " pictures"));
  }
  CheckOptions options;
  VIGIE_ASSIGN_OR_RETURN(options, OptionsOf(call, settings));
  options.policy = pipeline_.policy();  // one for all of them
  options.to_write_down = unwritten;
  verdicts->Reserve(count);
  constexpr int kTogether = Pipeline::kTogether;
  for (int begin = 0; begin < count; begin += kTogether) {
    if (begin > 0) VIGIE_RETURN_IF_ERROR(runner_.StillWanted(call));
    if (unwritten->size() >= kWrittenTogether) {
      pipeline_.WriteDown(std::exchange(*unwritten, {}));
    }
    VIGIE_RETURN_IF_ERROR(
        CheckSome(pictures, begin, std::min(begin + kTogether, count), options, verdicts));
  }
  return absl::OkStatus();
}

absl::Status MatchServiceImpl::CheckSome(const HashedPictures& pictures, int begin, int end,
                                         CheckOptions& options, Verdicts* verdicts) const {
  const auto problem_of = [](int picture, const absl::Status& status) {
    return Error(status.code(), ReasonOrCode(status),
                 absl::StrCat("pictures[", picture, "]: ", status.message()));
  };
  CheckTimes times;
  if (runner_.observer() != nullptr) options.times = &times;
  std::vector<std::vector<QueryFingerprint>> queries;
  absl::Status readable;
  for (int i = begin; i < end && readable.ok(); ++i) {
    auto picture = FromProto(pictures[i]);
    readable = picture.ok() ? absl::OkStatus() : problem_of(i, picture.status());
    if (picture.ok()) queries.push_back(*std::move(picture));
  }
  const auto found = pipeline_.CheckTogether(queries, options);
  times = times.ShareOf(found.size());
  for (size_t i = 0; i < found.size(); ++i) {
    Observe(runner_, found[i], times);
    if (!found[i].ok()) return problem_of(begin + static_cast<int>(i), found[i].status());
    ToProto(*found[i], catalog_, verdicts->Add());
  }
  return readable;
}

absl::Status MatchServiceImpl::AnswerTo(const Call& call, const v1::StreamCheckRequest& request,
                                        v1::StreamCheckResponse* response) const {
  if (request.id().size() > kMaxStreamId) {
    return Error(absl::StatusCode::kInvalidArgument, "OUT_OF_RANGE",
                 absl::StrCat("id has at most ", kMaxStreamId, " bytes"));
  }
  if (request.has_batch()) {
    std::vector<VerdictRecord> unwritten;
    absl::Status status = CheckAll(call, request.settings(), request.batch().pictures(),
                                   response->mutable_verdicts()->mutable_verdicts(), &unwritten);
    pipeline_.WriteDown(std::move(unwritten));
    return status;
  }
  CheckOptions options;
  VIGIE_ASSIGN_OR_RETURN(options, OptionsOf(call, request.settings()));
  if (request.has_image()) return Check(options, request.image(), response->mutable_verdict());
  if (request.has_hashes()) return Check(options, request.hashes(), response->mutable_verdict());
  return Error(absl::StatusCode::kInvalidArgument, "PICTURE_MISSING", "send an image or hashes");
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* MatchServiceImpl::StreamCheck(
    grpc::CallbackServerContext* context) {
  return new StreamReactor<v1::StreamCheckRequest, v1::StreamCheckResponse>(
      runner_, context, Method::kStreamCheck, kStreamInFlight, DemandOfQuestion,
      [this](const Call& call, const v1::StreamCheckRequest& request,
             v1::StreamCheckResponse* response) {
        response->set_id(Beginning(request.id(), kMaxStreamId));
        const absl::Status answered = AnswerTo(call, request, response);
        if (!answered.ok()) *response->mutable_problem() = ToProblem(answered);
        return absl::OkStatus();
      });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* MatchServiceImpl::Watch(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in) {
  return watchers_.Start(context, in);
}

grpc::ServerUnaryReactor* MatchServiceImpl::HashImage(grpc::CallbackServerContext* context,
                                                      const grpc::ByteBuffer* in,
                                                      grpc::ByteBuffer* out) {
  return runner_.Unary(context, Method::kHashImage, in, out, DemandOfImage,
                       [this](const Call&, const v1::HashImageRequest* request,
                              v1::HashImageResponse* response, Runner::Rest*) -> absl::Status {
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
