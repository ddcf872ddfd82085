#include "server/rpc/match_service.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/rpc/convert.h"
#include "server/rpc/stream.h"

namespace vigie {
namespace {

constexpr int kMaxPictures = 1000;  // in one CheckHashes
constexpr size_t kMaxStreamId = 128;
constexpr size_t kStreamInFlight = 32;

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

}  // namespace

absl::StatusOr<v1::Verdict> MatchServiceImpl::Check(const Call& call,
                                                    const v1::CheckSettings& settings,
                                                    const std::string& image) const {
  CheckOptions options;
  VIGIE_ASSIGN_OR_RETURN(options, OptionsOf(call, settings));
  CheckTimes times;
  options.times = &times;
  Verdict verdict;
  VIGIE_ASSIGN_OR_RETURN(verdict, pipeline_.CheckImage(AsBytes(image), options));
  if (runner_.observer() != nullptr) runner_.observer()->OnVerdict(verdict, times);
  return ToProto(verdict, catalog_);
}

absl::StatusOr<v1::Verdict> MatchServiceImpl::Check(const Call& call,
                                                    const v1::CheckSettings& settings,
                                                    const v1::HashedPicture& picture,
                                                    std::shared_ptr<const Policy> policy) const {
  CheckOptions options;
  VIGIE_ASSIGN_OR_RETURN(options, OptionsOf(call, settings));
  options.policy = std::move(policy);
  std::vector<QueryFingerprint> fingerprints;
  VIGIE_ASSIGN_OR_RETURN(fingerprints, FromProto(picture));
  CheckTimes times;
  options.times = &times;
  Verdict verdict;
  VIGIE_ASSIGN_OR_RETURN(verdict, pipeline_.CheckFingerprints(fingerprints, options));
  if (runner_.observer() != nullptr) runner_.observer()->OnVerdict(verdict, times);
  return ToProto(verdict, catalog_);
}

grpc::ServerUnaryReactor* MatchServiceImpl::CheckImage(grpc::CallbackServerContext* context,
                                                       const v1::CheckImageRequest* request,
                                                       v1::CheckImageResponse* response) {
  return runner_.Unary(context, Method::kCheckImage,
                       [this, request, response](const Call& call) -> absl::Status {
                         VIGIE_ASSIGN_OR_RETURN(*response->mutable_verdict(),
                                                Check(call, request->settings(), request->image()));
                         return absl::OkStatus();
                       });
}

grpc::ServerUnaryReactor* MatchServiceImpl::CheckHashes(grpc::CallbackServerContext* context,
                                                        const v1::CheckHashesRequest* request,
                                                        v1::CheckHashesResponse* response) {
  return runner_.Unary(
      context, Method::kCheckHashes, [this, request, response](const Call& call) -> absl::Status {
        if (request->pictures().empty() || request->pictures_size() > kMaxPictures) {
          return Error(absl::StatusCode::kInvalidArgument, "OUT_OF_RANGE",
                       absl::StrCat("send 1 to ", kMaxPictures, " pictures"));
        }
        const auto policy = pipeline_.policy();  // one for all of them
        for (int i = 0; i < request->pictures_size(); ++i) {
          auto verdict = Check(call, request->settings(), request->pictures(i), policy);
          if (!verdict.ok()) {
            return Error(verdict.status().code(), ReasonOrCode(verdict.status()),
                         absl::StrCat("pictures[", i, "]: ", verdict.status().message()));
          }
          *response->add_verdicts() = *std::move(verdict);
        }
        return absl::OkStatus();
      });
}

absl::StatusOr<v1::StreamCheckResponse> MatchServiceImpl::Answer(
    const Call& call, const v1::StreamCheckRequest& request) const {
  v1::StreamCheckResponse response;
  response.set_id(Beginning(request.id(), kMaxStreamId));
  absl::StatusOr<v1::Verdict> verdict =
      Error(absl::StatusCode::kInvalidArgument, "PICTURE_MISSING", "send an image or hashes");
  if (request.id().size() > kMaxStreamId) {
    verdict = Error(absl::StatusCode::kInvalidArgument, "OUT_OF_RANGE",
                    absl::StrCat("id has at most ", kMaxStreamId, " bytes"));
  } else if (request.has_image()) {
    verdict = Check(call, request.settings(), request.image());
  } else if (request.has_hashes()) {
    verdict = Check(call, request.settings(), request.hashes());
  }
  if (verdict.ok()) {
    *response.mutable_verdict() = *std::move(verdict);
  } else {
    *response.mutable_problem() = ToProblem(verdict.status());
  }
  return response;
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* MatchServiceImpl::StreamCheck(
    grpc::CallbackServerContext* context) {
  return new StreamReactor<v1::StreamCheckRequest, v1::StreamCheckResponse>(
      runner_, context, Method::kStreamCheck, kStreamInFlight,
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
  return runner_.Unary(
      context, Method::kHashImage, [this, request, response](const Call&) -> absl::Status {
        Profile profile{};
        VIGIE_ASSIGN_OR_RETURN(profile, FromProto(request->profile()));
        std::vector<Fingerprint> fingerprints;
        VIGIE_ASSIGN_OR_RETURN(fingerprints, pipeline_.Hash(AsBytes(request->image()), profile));
        for (const Fingerprint& fingerprint : fingerprints) {
          *response->add_fingerprints() = ToProto(fingerprint);
        }
        return absl::OkStatus();
      });
}

}  // namespace vigie
