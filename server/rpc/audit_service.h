// AuditService: reads the events and counts for those who watch over a server.
#pragma once

#include "engine/catalog/catalog.h"
#include "engine/store/store.h"
#include "server/rpc/raw_methods.h"
#include "server/rpc/runner.h"
#include "vigie/v1/audit.grpc.pb.h"

namespace vigie {

using AuditServiceBase =
    RawMethods<v1::AuditService::Service, v1::AuditService::WithRawCallbackMethod_ListEvents,
               v1::AuditService::WithRawCallbackMethod_GetHead,
               v1::AuditService::WithRawCallbackMethod_GetCounters>::Type;

class AuditServiceImpl final : public AuditServiceBase {
 public:
  AuditServiceImpl(Catalog& catalog, Store& store, const Runner& runner)
      : catalog_(catalog), store_(store), runner_(runner) {}

  grpc::ServerUnaryReactor* ListEvents(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* GetHead(grpc::CallbackServerContext* context,
                                    const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* GetCounters(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override;

 private:
  Catalog& catalog_;
  Store& store_;
  const Runner& runner_;
};

}  // namespace vigie
