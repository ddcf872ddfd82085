// MatchService: converts, delegates to the pipeline, converts back.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/match/pipeline.h"
#include "server/rpc/raw_methods.h"
#include "server/rpc/runner.h"
#include "server/rpc/watch.h"
#include "vigie/v1/match.grpc.pb.h"

namespace vigie {

using MatchServiceBase =
    RawMethods<v1::MatchService::Service, v1::MatchService::WithRawCallbackMethod_CheckImage,
               v1::MatchService::WithRawCallbackMethod_CheckHashes,
               v1::MatchService::WithRawCallbackMethod_StreamCheck,
               v1::MatchService::WithRawCallbackMethod_Watch,
               v1::MatchService::WithRawCallbackMethod_HashImage>::Type;

class MatchServiceImpl final : public MatchServiceBase {
 public:
  MatchServiceImpl(const Pipeline& pipeline, const Catalog& catalog, const Runner& runner)
      : pipeline_(pipeline), catalog_(catalog), runner_(runner), watchers_(catalog, runner) {}

  // To be told of changes, and that the server stops (see watch.h).
  Watchers& watchers() { return watchers_; }

  grpc::ServerUnaryReactor* CheckImage(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* CheckHashes(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* StreamCheck(
      grpc::CallbackServerContext* context) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Watch(grpc::CallbackServerContext* context,
                                                    const grpc::ByteBuffer* in) override;
  grpc::ServerUnaryReactor* HashImage(grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override;

 private:
  // Fills in `answer` when OK. The options serve for one picture after the other.
  absl::Status Check(CheckOptions& options, const std::string& image, v1::Verdict* answer) const;
  absl::Status Check(CheckOptions& options, const v1::HashedPicture& picture,
                     v1::Verdict* answer) const;
  using HashedPictures = google::protobuf::RepeatedPtrField<v1::HashedPicture>;
  using Verdicts = google::protobuf::RepeatedPtrField<v1::Verdict>;
  // `unwritten`: what is to be written down before the answer, also before an error, by a thread
  // that may wait.
  absl::Status CheckAll(const Call& call, const v1::CheckSettings& settings,
                        const HashedPictures& pictures, Verdicts* verdicts,
                        std::vector<VerdictRecord>* unwritten) const;
  // Pictures `begin` to `end` - 1.
  absl::Status CheckSome(const HashedPictures& pictures, int begin, int end, CheckOptions& options,
                         Verdicts* verdicts) const;
  absl::Status AnswerTo(const Call& call, const v1::StreamCheckRequest& request,
                        v1::StreamCheckResponse* response) const;

  const Pipeline& pipeline_;
  const Catalog& catalog_;
  const Runner& runner_;
  Watchers watchers_;
};

}  // namespace vigie
