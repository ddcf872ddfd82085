// ListService: converts, delegates to the catalogue, converts back.
#pragma once

#include "engine/catalog/catalog.h"
#include "server/rpc/runner.h"
#include "vigie/v1/lists.grpc.pb.h"

namespace vigie {

class ListServiceImpl final : public v1::ListService::CallbackService {
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
  grpc::ServerBidiReactor<v1::UploadEntriesRequest, v1::UploadEntriesResponse>* UploadEntries(
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
  absl::StatusOr<v1::UploadEntriesResponse> Upload(const Call& call,
                                                   const v1::UploadEntriesRequest& request);

  Catalog& catalog_;
  const Runner& runner_;
};

}  // namespace vigie
