// ListService: converts, delegates to the catalogue, converts back.
#pragma once

#include "engine/catalog/catalog.h"
#include "server/rpc/runner.h"
#include "vigie/v1/lists.grpc.pb.h"

namespace vigie {

// What is generated for the contract, with UploadEntries' messages unparsed (see ordered_stream.h).
template <template <class> class... Methods>
struct ListServiceWith {
  using Type = v1::ListService::Service;
};
template <template <class> class First, template <class> class... Rest>
struct ListServiceWith<First, Rest...> {
  using Type = First<typename ListServiceWith<Rest...>::Type>;
};
using ListServiceBase = ListServiceWith<
    v1::ListService::WithRawCallbackMethod_UploadEntries,
    v1::ListService::WithCallbackMethod_CreateList, v1::ListService::WithCallbackMethod_GetList,
    v1::ListService::WithCallbackMethod_ListLists, v1::ListService::WithCallbackMethod_UpdateList,
    v1::ListService::WithCallbackMethod_DeleteList, v1::ListService::WithCallbackMethod_GetEntry,
    v1::ListService::WithCallbackMethod_ListEntries,
    v1::ListService::WithCallbackMethod_WithdrawEntry>::Type;

class ListServiceImpl final : public ListServiceBase {
 public:
  ListServiceImpl(Catalog& catalog, const Runner& runner) : catalog_(catalog), runner_(runner) {}

  grpc::ServerUnaryReactor* CreateList(grpc::CallbackServerContext* context,
                                       const v1::CreateListRequest* request,
                                       v1::List* response) override;
  grpc::ServerUnaryReactor* GetList(grpc::CallbackServerContext* context,
                                    const v1::GetListRequest* request, v1::List* response) override;
  grpc::ServerUnaryReactor* ListLists(grpc::CallbackServerContext* context,
                                      const v1::ListListsRequest* request,
                                      v1::ListListsResponse* response) override;
  grpc::ServerUnaryReactor* UpdateList(grpc::CallbackServerContext* context,
                                       const v1::UpdateListRequest* request,
                                       v1::List* response) override;
  grpc::ServerUnaryReactor* DeleteList(grpc::CallbackServerContext* context,
                                       const v1::DeleteListRequest* request,
                                       google::protobuf::Empty* response) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* UploadEntries(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* GetEntry(grpc::CallbackServerContext* context,
                                     const v1::GetEntryRequest* request,
                                     v1::Entry* response) override;
  grpc::ServerUnaryReactor* ListEntries(grpc::CallbackServerContext* context,
                                        const v1::ListEntriesRequest* request,
                                        v1::ListEntriesResponse* response) override;
  grpc::ServerUnaryReactor* WithdrawEntry(grpc::CallbackServerContext* context,
                                          const v1::WithdrawEntryRequest* request,
                                          v1::Entry* response) override;

 private:
  // A message of an upload on its way through.
  struct UploadMessage {
    std::vector<std::string> references;   // of its entries, as the caller names them
    std::vector<absl::Status> unreadable;  // one an entry; OK: it is in `upload`
    PreparedUpload upload;
  };
  absl::StatusOr<UploadMessage> PrepareUpload(const Call& call,
                                              v1::UploadEntriesRequest request) const;
  v1::UploadEntriesResponse AnswerUpload(const UploadMessage& message) const;

  Catalog& catalog_;
  const Runner& runner_;
};

}  // namespace vigie
