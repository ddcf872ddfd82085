// ReviewService: converts, delegates to the catalogue, converts back.
#pragma once

#include "engine/catalog/catalog.h"
#include "server/rpc/raw_methods.h"
#include "server/rpc/runner.h"
#include "vigie/v1/review.grpc.pb.h"

namespace vigie {

using ReviewServiceBase =
    RawMethods<v1::ReviewService::Service, v1::ReviewService::WithRawCallbackMethod_ListReviews,
               v1::ReviewService::WithRawCallbackMethod_ConfirmEntry,
               v1::ReviewService::WithRawCallbackMethod_RejectEntry,
               v1::ReviewService::WithRawCallbackMethod_ContestEntry,
               v1::ReviewService::WithRawCallbackMethod_SettleEntry,
               v1::ReviewService::WithRawCallbackMethod_RenewEntry,
               v1::ReviewService::WithRawCallbackMethod_RevokeEntry,
               v1::ReviewService::WithRawCallbackMethod_EraseEntry,
               v1::ReviewService::WithRawCallbackMethod_SuspendEntry,
               v1::ReviewService::WithRawCallbackMethod_ResumeEntry,
               v1::ReviewService::WithRawCallbackMethod_GiveFeedback,
               v1::ReviewService::WithRawCallbackMethod_GetSubmitterRecord,
               v1::ReviewService::WithRawCallbackMethod_GetOutcome>::Type;

class ReviewServiceImpl final : public ReviewServiceBase {
 public:
  ReviewServiceImpl(Catalog& catalog, const Runner& runner) : catalog_(catalog), runner_(runner) {}

  grpc::ServerUnaryReactor* ListReviews(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* ConfirmEntry(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* in,
                                         grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* RejectEntry(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* ContestEntry(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* in,
                                         grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* SettleEntry(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* RenewEntry(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* RevokeEntry(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* EraseEntry(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* SuspendEntry(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* in,
                                         grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* ResumeEntry(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* GiveFeedback(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* in,
                                         grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* GetSubmitterRecord(grpc::CallbackServerContext* context,
                                               const grpc::ByteBuffer* in,
                                               grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* GetOutcome(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override;

 private:
  // Does `action` to the entry `name`, and fills in what became of it.
  absl::Status Act(const Principal& caller, const std::string& name, EntryAction action,
                   const v1::Decision& decision, v1::Outcome* response);
  grpc::ServerUnaryReactor* Decide(grpc::CallbackServerContext* context, Method method,
                                   EntryAction action, const grpc::ByteBuffer* in,
                                   grpc::ByteBuffer* out);

  Catalog& catalog_;
  const Runner& runner_;
};

}  // namespace vigie
