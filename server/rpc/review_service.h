// ReviewService: converts, delegates to the catalogue, converts back.
#pragma once

#include "engine/catalog/catalog.h"
#include "server/rpc/runner.h"
#include "vigie/v1/review.grpc.pb.h"

namespace vigie {

class ReviewServiceImpl final : public v1::ReviewService::CallbackService {
 public:
  ReviewServiceImpl(Catalog& catalog, const Runner& runner) : catalog_(catalog), runner_(runner) {}

  grpc::ServerUnaryReactor* ListReviews(grpc::CallbackServerContext* context,
                                        const v1::ListReviewsRequest* request,
                                        v1::ListReviewsResponse* response) override;
  grpc::ServerUnaryReactor* ConfirmEntry(grpc::CallbackServerContext* context,
                                         const v1::DecideRequest* request,
                                         v1::Outcome* response) override;
  grpc::ServerUnaryReactor* RejectEntry(grpc::CallbackServerContext* context,
                                        const v1::DecideRequest* request,
                                        v1::Outcome* response) override;
  grpc::ServerUnaryReactor* ContestEntry(grpc::CallbackServerContext* context,
                                         const v1::DecideRequest* request,
                                         v1::Outcome* response) override;
  grpc::ServerUnaryReactor* SettleEntry(grpc::CallbackServerContext* context,
                                        const v1::SettleEntryRequest* request,
                                        v1::Outcome* response) override;
  grpc::ServerUnaryReactor* RenewEntry(grpc::CallbackServerContext* context,
                                       const v1::DecideRequest* request,
                                       v1::Outcome* response) override;
  grpc::ServerUnaryReactor* RevokeEntry(grpc::CallbackServerContext* context,
                                        const v1::DecideRequest* request,
                                        v1::Outcome* response) override;
  grpc::ServerUnaryReactor* EraseEntry(grpc::CallbackServerContext* context,
                                       const v1::DecideRequest* request,
                                       v1::Outcome* response) override;
  grpc::ServerUnaryReactor* SuspendEntry(grpc::CallbackServerContext* context,
                                         const v1::DecideRequest* request,
                                         v1::Outcome* response) override;
  grpc::ServerUnaryReactor* ResumeEntry(grpc::CallbackServerContext* context,
                                        const v1::DecideRequest* request,
                                        v1::Outcome* response) override;
  grpc::ServerUnaryReactor* GiveFeedback(grpc::CallbackServerContext* context,
                                         const v1::GiveFeedbackRequest* request,
                                         v1::GiveFeedbackResponse* response) override;
  grpc::ServerUnaryReactor* GetSubmitterRecord(grpc::CallbackServerContext* context,
                                               const v1::GetSubmitterRecordRequest* request,
                                               v1::SubmitterRecord* response) override;
  grpc::ServerUnaryReactor* GetOutcome(grpc::CallbackServerContext* context,
                                       const v1::GetOutcomeRequest* request,
                                       v1::Outcome* response) override;

 private:
  // Does `action` to the entry `name`, and fills in what became of it.
  absl::Status Act(const Principal& caller, const std::string& name, EntryAction action,
                   const v1::Decision& decision, v1::Outcome* response);
  grpc::ServerUnaryReactor* Decide(grpc::CallbackServerContext* context, Method method,
                                   EntryAction action, const v1::DecideRequest* request,
                                   v1::Outcome* response);

  Catalog& catalog_;
  const Runner& runner_;
};

}  // namespace vigie
