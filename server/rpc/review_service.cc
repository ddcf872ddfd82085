#include "server/rpc/review_service.h"

#include "server/rpc/convert.h"
#include "server/rpc/resource_names.h"

namespace vigie {

absl::Status ReviewServiceImpl::Act(const Principal& caller, const std::string& name,
                                    EntryAction action, const v1::Decision& message,
                                    v1::Outcome* response) {
  EntryIds ids;
  VIGIE_ASSIGN_OR_RETURN(ids, EntryIdsOf(name));
  Decision decision;
  VIGIE_ASSIGN_OR_RETURN(decision, FromProto(message));
  VIGIE_RETURN_IF_ERROR(
      catalog_.Transition(caller, ids.list, ids.entry, action, decision).status());
  EntryOutcome outcome;
  VIGIE_ASSIGN_OR_RETURN(outcome, catalog_.GetOutcome(caller, ids.list, ids.entry));
  *response = ToProto(outcome, caller, catalog_);
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* ReviewServiceImpl::Decide(grpc::CallbackServerContext* context,
                                                    Method method, EntryAction action,
                                                    const grpc::ByteBuffer* in,
                                                    grpc::ByteBuffer* out) {
  return runner_.Unary(
      context, method, in, out,
      [this, action](const Call& call, const v1::DecideRequest* request, v1::Outcome* response) {
        return Act(call.caller, request->name(), action, request->decision(), response);
      });
}

grpc::ServerUnaryReactor* ReviewServiceImpl::ConfirmEntry(grpc::CallbackServerContext* context,
                                                          const grpc::ByteBuffer* in,
                                                          grpc::ByteBuffer* out) {
  return Decide(context, Method::kConfirmEntry, EntryAction::kConfirm, in, out);
}

grpc::ServerUnaryReactor* ReviewServiceImpl::RejectEntry(grpc::CallbackServerContext* context,
                                                         const grpc::ByteBuffer* in,
                                                         grpc::ByteBuffer* out) {
  return Decide(context, Method::kRejectEntry, EntryAction::kReject, in, out);
}

grpc::ServerUnaryReactor* ReviewServiceImpl::ContestEntry(grpc::CallbackServerContext* context,
                                                          const grpc::ByteBuffer* in,
                                                          grpc::ByteBuffer* out) {
  return Decide(context, Method::kContestEntry, EntryAction::kContest, in, out);
}

grpc::ServerUnaryReactor* ReviewServiceImpl::RenewEntry(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* in,
                                                        grpc::ByteBuffer* out) {
  return Decide(context, Method::kRenewEntry, EntryAction::kRenew, in, out);
}

grpc::ServerUnaryReactor* ReviewServiceImpl::RevokeEntry(grpc::CallbackServerContext* context,
                                                         const grpc::ByteBuffer* in,
                                                         grpc::ByteBuffer* out) {
  return Decide(context, Method::kRevokeEntry, EntryAction::kRevoke, in, out);
}

grpc::ServerUnaryReactor* ReviewServiceImpl::EraseEntry(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* in,
                                                        grpc::ByteBuffer* out) {
  return Decide(context, Method::kEraseEntry, EntryAction::kErase, in, out);
}

grpc::ServerUnaryReactor* ReviewServiceImpl::SuspendEntry(grpc::CallbackServerContext* context,
                                                          const grpc::ByteBuffer* in,
                                                          grpc::ByteBuffer* out) {
  return Decide(context, Method::kSuspendEntry, EntryAction::kSuspend, in, out);
}

grpc::ServerUnaryReactor* ReviewServiceImpl::ResumeEntry(grpc::CallbackServerContext* context,
                                                         const grpc::ByteBuffer* in,
                                                         grpc::ByteBuffer* out) {
  return Decide(context, Method::kResumeEntry, EntryAction::kResume, in, out);
}

grpc::ServerUnaryReactor* ReviewServiceImpl::GiveFeedback(grpc::CallbackServerContext* context,
                                                          const grpc::ByteBuffer* in,
                                                          grpc::ByteBuffer* out) {
  return runner_.Unary(context, Method::kGiveFeedback, in, out,
                       [this](const Call& call, const v1::GiveFeedbackRequest* request,
                              v1::GiveFeedbackResponse*) -> absl::Status {
                         EntryIds ids;
                         VIGIE_ASSIGN_OR_RETURN(ids, EntryIdsOf(request->name()));
                         const auto finding = request->finding();
                         if (finding != v1::GiveFeedbackRequest::TRUE_POSITIVE &&
                             finding != v1::GiveFeedbackRequest::FALSE_POSITIVE) {
                           return Error(absl::StatusCode::kInvalidArgument, "ENUM_INVALID",
                                        "finding is TRUE_POSITIVE or FALSE_POSITIVE");
                         }
                         return catalog_.GiveFeedback(
                             call.caller, ids.list, ids.entry, request->upload(),
                             finding == v1::GiveFeedbackRequest::TRUE_POSITIVE, request->release());
                       });
}

grpc::ServerUnaryReactor* ReviewServiceImpl::GetSubmitterRecord(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) {
  return runner_.Unary(context, Method::kGetSubmitterRecord, in, out,
                       [this](const Call& call, const v1::GetSubmitterRecordRequest* request,
                              v1::SubmitterRecord* response) -> absl::Status {
                         SubmitterRecord record;
                         VIGIE_ASSIGN_OR_RETURN(record, catalog_.GetSubmitterRecord(
                                                            call.caller, request->organisation()));
                         *response = ToProto(record);
                         return absl::OkStatus();
                       });
}

grpc::ServerUnaryReactor* ReviewServiceImpl::SettleEntry(grpc::CallbackServerContext* context,
                                                         const grpc::ByteBuffer* in,
                                                         grpc::ByteBuffer* out) {
  return runner_.Unary(context, Method::kSettleEntry, in, out,
                       [this](const Call& call, const v1::SettleEntryRequest* request,
                              v1::Outcome* response) -> absl::Status {
                         if (request->settlement() != v1::SettleEntryRequest::UPHELD &&
                             request->settlement() != v1::SettleEntryRequest::REVERSED) {
                           return Error(absl::StatusCode::kInvalidArgument, "ENUM_INVALID",
                                        "settlement is UPHELD or REVERSED");
                         }
                         const bool upheld =
                             request->settlement() == v1::SettleEntryRequest::UPHELD;
                         return Act(call.caller, request->name(),
                                    upheld ? EntryAction::kUphold : EntryAction::kReverse,
                                    request->decision(), response);
                       });
}

grpc::ServerUnaryReactor* ReviewServiceImpl::ListReviews(grpc::CallbackServerContext* context,
                                                         const grpc::ByteBuffer* in,
                                                         grpc::ByteBuffer* out) {
  return runner_.Unary(
      context, Method::kListReviews, in, out,
      [this](const Call& call, const v1::ListReviewsRequest* request,
             v1::ListReviewsResponse* response) -> absl::Status {
        ReviewFilter filter;
        VIGIE_ASSIGN_OR_RETURN(filter, FromProto(*request));
        int page_size = 0;
        VIGIE_ASSIGN_OR_RETURN(page_size, PageSizeOf(request->page_size()));
        Page<EntryOutcome> page;
        VIGIE_ASSIGN_OR_RETURN(
            page, catalog_.ListReviews(call.caller, filter, page_size, request->page_token()));
        for (const EntryOutcome& outcome : page.items) {
          *response->add_outcomes() = ToProto(outcome, call.caller, catalog_);
        }
        response->set_next_page_token(page.next_page_token);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ReviewServiceImpl::GetOutcome(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* in,
                                                        grpc::ByteBuffer* out) {
  return runner_.Unary(context, Method::kGetOutcome, in, out,
                       [this](const Call& call, const v1::GetOutcomeRequest* request,
                              v1::Outcome* response) -> absl::Status {
                         EntryIds ids;
                         VIGIE_ASSIGN_OR_RETURN(ids, EntryIdsOf(request->name()));
                         EntryOutcome outcome;
                         VIGIE_ASSIGN_OR_RETURN(
                             outcome, catalog_.GetOutcome(call.caller, ids.list, ids.entry));
                         *response = ToProto(outcome, call.caller, catalog_);
                         return absl::OkStatus();
                       });
}

}  // namespace vigie
