#include "server/rpc/audit_service.h"

#include <optional>

#include "server/rpc/convert.h"

namespace vigie {
namespace {

constexpr int64_t kDaysOfChecks = 30;  // before today

}  // namespace

grpc::ServerUnaryReactor* AuditServiceImpl::ListEvents(grpc::CallbackServerContext* context,
                                                       const grpc::ByteBuffer* in,
                                                       grpc::ByteBuffer* out) {
  return runner_.Unary(context, Method::kListEvents, in, out,
                       [this](const Call&, const v1::ListEventsRequest* request,
                              v1::ListEventsResponse* response) -> absl::Status {
                         int page_size = 0;
                         VIGIE_ASSIGN_OR_RETURN(page_size, PageSizeOf(request->page_size()));
                         // No event has a higher number than the database can hold.
                         if (request->after() > static_cast<uint64_t>(INT64_MAX))
                           return absl::OkStatus();
                         const absl::Status scanned = store_.ScanEvents(
                             request->after(), [&](const EventRecord& event) -> absl::Status {
                               *response->add_events() = ToAuditProto(event, catalog_);
                               return response->events_size() < page_size
                                          ? absl::OkStatus()
                                          : absl::CancelledError("enough");
                             });
                         return absl::IsCancelled(scanned) ? absl::OkStatus() : scanned;
                       });
}

grpc::ServerUnaryReactor* AuditServiceImpl::GetHead(grpc::CallbackServerContext* context,
                                                    const grpc::ByteBuffer* in,
                                                    grpc::ByteBuffer* out) {
  return runner_.Unary(
      context, Method::kGetHead, in, out,
      [this](const Call&, const v1::GetHeadRequest*, v1::ChainHead* response) -> absl::Status {
        std::optional<HeadRecord> head;
        VIGIE_ASSIGN_OR_RETURN(head, store_.ReadLastHead());
        if (!head.has_value()) {
          return Error(absl::StatusCode::kNotFound, "HEAD_NOT_FOUND",
                       "no head of the events is signed yet: try again in a minute");
        }
        *response = ToProto(*head, store_.id());
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* AuditServiceImpl::GetCounters(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* in,
                                                        grpc::ByteBuffer* out) {
  return runner_.Unary(
      context, Method::kGetCounters, in, out,
      [this](const Call&, const v1::GetCountersRequest*, v1::Counters* response) -> absl::Status {
        const Revision revision = catalog_.revision();
        *response = ToProto(catalog_.CountEntries(), revision);
        const int64_t today = SystemClock().Now() / kDayUs;
        std::vector<CheckCount> checks;
        VIGIE_ASSIGN_OR_RETURN(checks, store_.verdicts().ReadCheckCounts(today - kDaysOfChecks));
        for (const CheckCount& count : checks) {
          *response->add_checks() = ToProto(count);
        }
        return absl::OkStatus();
      });
}

}  // namespace vigie
