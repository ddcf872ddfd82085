// AuditService: reads the events and counts for those who watch over a server.
#pragma once

#include "engine/catalog/catalog.h"
#include "engine/store/store.h"
#include "server/rpc/runner.h"
#include "vigie/v1/audit.grpc.pb.h"

namespace vigie {

class AuditServiceImpl final : public v1::AuditService::CallbackService {
 public:
  AuditServiceImpl(Catalog& catalog, Store& store, const Runner& runner)
      : catalog_(catalog), store_(store), runner_(runner) {}

  grpc::ServerUnaryReactor* ListEvents(grpc::CallbackServerContext* context,
                                       const v1::ListEventsRequest* request,
                                       v1::ListEventsResponse* response) override;
  grpc::ServerUnaryReactor* GetHead(grpc::CallbackServerContext* context,
                                    const v1::GetHeadRequest* request,
                                    v1::ChainHead* response) override;
  grpc::ServerUnaryReactor* GetCounters(grpc::CallbackServerContext* context,
                                        const v1::GetCountersRequest* request,
                                        v1::Counters* response) override;

 private:
  Catalog& catalog_;
  Store& store_;
  const Runner& runner_;
};

}  // namespace vigie
