// ListService: converts, delegates to the catalogue, converts back.
#pragma once

#include "engine/catalog/catalog.h"
#include "server/rpc/raw_methods.h"
#include "server/rpc/runner.h"
#include "vigie/v1/lists.grpc.pb.h"

namespace vigie {

using ListServiceBase =
    RawMethods<v1::ListService::Service, v1::ListService::WithRawCallbackMethod_UploadEntries,
               v1::ListService::WithRawCallbackMethod_CreateList,
               v1::ListService::WithRawCallbackMethod_GetList,
               v1::ListService::WithRawCallbackMethod_ListLists,
               v1::ListService::WithRawCallbackMethod_UpdateList,
               v1::ListService::WithRawCallbackMethod_DeleteList,
               v1::ListService::WithRawCallbackMethod_GetEntry,
               v1::ListService::WithRawCallbackMethod_ListEntries,
               v1::ListService::WithRawCallbackMethod_WithdrawEntry>::Type;

class ListServiceImpl final : public ListServiceBase {
 public:
  ListServiceImpl(Catalog& catalog, const Runner& runner) : catalog_(catalog), runner_(runner) {}

  grpc::ServerUnaryReactor* CreateList(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* GetList(grpc::CallbackServerContext* context,
                                    const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* ListLists(grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* UpdateList(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* DeleteList(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* UploadEntries(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* GetEntry(grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* ListEntries(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* WithdrawEntry(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* in,
                                          grpc::ByteBuffer* out) override;

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
