#include "server/rpc/list_service.h"

#include <span>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/rpc/convert.h"
#include "server/rpc/ordered_stream.h"
#include "server/rpc/resource_names.h"

namespace vigie {

grpc::ServerUnaryReactor* ListServiceImpl::CreateList(grpc::CallbackServerContext* context,
                                                      const grpc::ByteBuffer* in,
                                                      grpc::ByteBuffer* out) {
  return runner_.Unary(context, Method::kCreateList, in, out,
                       [this](const Call& call, const v1::CreateListRequest* request,
                              v1::List* response) -> absl::Status {
                         NewList wanted;
                         VIGIE_ASSIGN_OR_RETURN(wanted, FromProto(*request));
                         ListRecord list;
                         VIGIE_ASSIGN_OR_RETURN(list, catalog_.CreateList(call.caller, wanted));
                         *response = ToProto(list);
                         return absl::OkStatus();
                       });
}

grpc::ServerUnaryReactor* ListServiceImpl::GetList(grpc::CallbackServerContext* context,
                                                   const grpc::ByteBuffer* in,
                                                   grpc::ByteBuffer* out) {
  return runner_.Unary(context, Method::kGetList, in, out,
                       [this](const Call& call, const v1::GetListRequest* request,
                              v1::List* response) -> absl::Status {
                         std::string id;
                         VIGIE_ASSIGN_OR_RETURN(id, ListIdOf(request->name()));
                         ListRecord list;
                         VIGIE_ASSIGN_OR_RETURN(list, catalog_.GetList(call.caller, id));
                         *response = ToProto(list);
                         return absl::OkStatus();
                       });
}

grpc::ServerUnaryReactor* ListServiceImpl::ListLists(grpc::CallbackServerContext* context,
                                                     const grpc::ByteBuffer* in,
                                                     grpc::ByteBuffer* out) {
  return runner_.Unary(context, Method::kListLists, in, out,
                       [this](const Call& call, const v1::ListListsRequest* request,
                              v1::ListListsResponse* response) -> absl::Status {
                         int page_size = 0;
                         VIGIE_ASSIGN_OR_RETURN(page_size, PageSizeOf(request->page_size()));
                         Page<ListRecord> page;
                         VIGIE_ASSIGN_OR_RETURN(page, catalog_.ListLists(call.caller, page_size,
                                                                         request->page_token()));
                         for (const ListRecord& list : page.items)
                           *response->add_lists() = ToProto(list);
                         response->set_next_page_token(page.next_page_token);
                         return absl::OkStatus();
                       });
}

grpc::ServerUnaryReactor* ListServiceImpl::UpdateList(grpc::CallbackServerContext* context,
                                                      const grpc::ByteBuffer* in,
                                                      grpc::ByteBuffer* out) {
  return runner_.Unary(context, Method::kUpdateList, in, out,
                       [this](const Call& call, const v1::UpdateListRequest* request,
                              v1::List* response) -> absl::Status {
                         std::string id;
                         VIGIE_ASSIGN_OR_RETURN(id, ListIdOf(request->list().name()));
                         ListSettings settings;
                         VIGIE_ASSIGN_OR_RETURN(settings, FromProto(*request));
                         ListRecord list;
                         VIGIE_ASSIGN_OR_RETURN(list,
                                                catalog_.UpdateList(call.caller, id, settings));
                         *response = ToProto(list);
                         return absl::OkStatus();
                       });
}

grpc::ServerUnaryReactor* ListServiceImpl::DeleteList(grpc::CallbackServerContext* context,
                                                      const grpc::ByteBuffer* in,
                                                      grpc::ByteBuffer* out) {
  return runner_.Unary(context, Method::kDeleteList, in, out,
                       [this](const Call& call, const v1::DeleteListRequest* request,
                              google::protobuf::Empty*) -> absl::Status {
                         std::string id;
                         VIGIE_ASSIGN_OR_RETURN(id, ListIdOf(request->name()));
                         return catalog_.DeleteList(call.caller, id, request->force());
                       });
}

absl::StatusOr<ListServiceImpl::UploadMessage> ListServiceImpl::PrepareUpload(
    const Call& call, v1::UploadEntriesRequest request) const {
  std::string list_id;
  VIGIE_ASSIGN_OR_RETURN(list_id, ListIdOf(request.parent()));
  if (request.entries().empty()) {  // more than kMaxItems are not parsed
    return Error(absl::StatusCode::kInvalidArgument, "OUT_OF_RANGE",
                 absl::StrCat("send 1 to ", MessageContents::kMaxItems, " entries in a message"));
  }
  // Entries that cannot be read are answered by us; the others go on, in their order.
  UploadMessage message;
  std::vector<NewEntry> entries;
  for (v1::Entry& each : *request.mutable_entries()) {
    auto entry = FromProto(each);
    message.unreadable.push_back(entry.status());
    if (entry.ok()) entries.push_back(*std::move(entry));
    message.references.push_back(std::move(*each.mutable_external_reference()));
  }
  VIGIE_ASSIGN_OR_RETURN(message.upload, catalog_.PrepareUpload(call.caller, list_id, entries,
                                                                request.validate_only()));
  return message;
}

v1::UploadEntriesResponse ListServiceImpl::AnswerUpload(const UploadMessage& message) const {
  const UploadOutcome& outcome = message.upload.outcome;
  v1::UploadEntriesResponse response;
  auto next = outcome.results.begin();
  for (size_t i = 0; i < message.references.size(); ++i) {
    UploadResult unreadable{.status = message.unreadable[i], .created = false, .entry = {}};
    const UploadResult& answer = message.unreadable[i].ok() ? *next++ : unreadable;
    v1::UploadResult& result = *response.add_results();
    result = ToProto(answer, message.upload.list_id, catalog_);
    // A refused entry is answered under the name the caller knows it by.
    if (!answer.status.ok()) result.set_external_reference(message.references[i]);
  }
  response.set_revision(outcome.revision);
  return response;
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* ListServiceImpl::UploadEntries(
    grpc::CallbackServerContext* context) {
  using Reactor =
      OrderedStreamReactor<v1::UploadEntriesRequest, v1::UploadEntriesResponse, UploadMessage>;
  const auto change = [this](std::span<UploadMessage* const> messages) {
    std::vector<PreparedUpload*> uploads;
    for (UploadMessage* message : messages) uploads.push_back(&message->upload);
    catalog_.CommitUploads(uploads);
    std::vector<absl::Status> outcomes;
    for (const PreparedUpload* upload : uploads) outcomes.push_back(upload->status);
    return outcomes;
  };
  return new Reactor(
      runner_, context, Method::kUploadEntries,
      {.prepare =
           [this](const Call& call, v1::UploadEntriesRequest request) {
             return PrepareUpload(call, std::move(request));
           },
       .change = change,
       .answer = [this](const UploadMessage& message) { return AnswerUpload(message); }});
}

grpc::ServerUnaryReactor* ListServiceImpl::GetEntry(grpc::CallbackServerContext* context,
                                                    const grpc::ByteBuffer* in,
                                                    grpc::ByteBuffer* out) {
  return runner_.Unary(
      context, Method::kGetEntry, in, out,
      [this](const Call& call, const v1::GetEntryRequest* request,
             v1::Entry* response) -> absl::Status {
        EntryIds ids;
        VIGIE_ASSIGN_OR_RETURN(ids, EntryIdsOf(request->name()));
        bool with_fingerprints = false;
        VIGIE_ASSIGN_OR_RETURN(with_fingerprints, WithFingerprints(request->view()));
        EntryRecord entry;
        VIGIE_ASSIGN_OR_RETURN(entry, catalog_.GetEntry(call.caller, ids.list, ids.entry));
        *response = ToProto(entry, ids.list, with_fingerprints, catalog_);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ListServiceImpl::ListEntries(grpc::CallbackServerContext* context,
                                                       const grpc::ByteBuffer* in,
                                                       grpc::ByteBuffer* out) {
  return runner_.Unary(
      context, Method::kListEntries, in, out,
      [this](const Call& call, const v1::ListEntriesRequest* request,
             v1::ListEntriesResponse* response) -> absl::Status {
        std::string id;
        VIGIE_ASSIGN_OR_RETURN(id, ListIdOf(request->parent()));
        int page_size = 0;
        VIGIE_ASSIGN_OR_RETURN(page_size, PageSizeOf(request->page_size()));
        bool with_fingerprints = false;
        VIGIE_ASSIGN_OR_RETURN(with_fingerprints, WithFingerprints(request->view()));
        Page<EntryRecord> page;
        VIGIE_ASSIGN_OR_RETURN(
            page, catalog_.ListEntries(call.caller, id, page_size, request->page_token()));
        for (const EntryRecord& entry : page.items) {
          *response->add_entries() = ToProto(entry, id, with_fingerprints, catalog_);
        }
        response->set_next_page_token(page.next_page_token);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ListServiceImpl::WithdrawEntry(grpc::CallbackServerContext* context,
                                                         const grpc::ByteBuffer* in,
                                                         grpc::ByteBuffer* out) {
  return runner_.Unary(
      context, Method::kWithdrawEntry, in, out,
      [this](const Call& call, const v1::WithdrawEntryRequest* request,
             v1::Entry* response) -> absl::Status {
        EntryIds ids;
        VIGIE_ASSIGN_OR_RETURN(ids, EntryIdsOf(request->name()));
        Decision decision;
        VIGIE_ASSIGN_OR_RETURN(decision.reason, FromProto(request->reason_code()));
        decision.person = request->person();
        decision.note = request->reason();
        EntryRecord entry;
        VIGIE_ASSIGN_OR_RETURN(entry, catalog_.Transition(call.caller, ids.list, ids.entry,
                                                          EntryAction::kWithdraw, decision));
        *response = ToProto(entry, ids.list, /*with_fingerprints=*/false, catalog_);
        return absl::OkStatus();
      });
}

}  // namespace vigie
