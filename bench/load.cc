#include "bench/load.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "engine/base/digest.h"

namespace vigie::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kQuality = 100;

void OrThrow(const grpc::Status& status) {
  if (!status.ok()) throw std::runtime_error("a call failed: " + status.error_message());
}

v1::CheckHashesRequest RequestOf(const Pdq256& hash) {
  v1::CheckHashesRequest request;
  *request.add_pictures()->add_fingerprints() = FingerprintOf(hash);
  return request;
}

}  // namespace

LatencySummary Summarise(std::vector<double> us) {
  if (us.empty()) return {};
  std::sort(us.begin(), us.end());
  return {.count = us.size(),
          .p50_us = us[us.size() / 2],
          .p99_us = us[us.size() * 99 / 100],
          .p999_us = us[us.size() * 999 / 1000],
          .max_us = us.back()};
}

double MicrosecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

v1::Fingerprint FingerprintOf(const Pdq256& hash) {
  v1::Fingerprint fingerprint;
  fingerprint.set_algorithm(v1::PDQ);
  fingerprint.set_hex(ToHex(hash.bytes));
  fingerprint.set_quality(kQuality);
  return fingerprint;
}

Caller::Caller(const std::string& address, std::string key) : key_(std::move(key)) {
  grpc::ChannelArguments arguments;
  // Channels to one address share a connection unless they are told not to.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  channel_ = grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  lists_ = v1::ListService::NewStub(channel_);
  match_ = v1::MatchService::NewStub(channel_);
}

std::unique_ptr<grpc::ClientContext> Caller::NewContext(double deadline_s) const {
  auto context = std::make_unique<grpc::ClientContext>();
  context->AddMetadata("authorization", "Bearer " + key_);
  context->set_deadline(std::chrono::system_clock::now() +
                        std::chrono::duration_cast<std::chrono::system_clock::duration>(
                            std::chrono::duration<double>(deadline_s)));
  return context;
}

void Caller::CreateList(const std::string& id) {
  v1::CreateListRequest request;
  request.set_list_id(id);
  request.mutable_list()->set_kind(v1::List::BLOCK);
  request.mutable_list()->set_category(v1::NCII);
  v1::List list;
  OrThrow(lists_->CreateList(NewContext().get(), request, &list));
}

std::string Caller::Submit(const std::string& list, const Pdq256& hash) {
  v1::UploadEntriesRequest request;
  request.set_parent("lists/" + list);
  *request.add_entries()->add_fingerprints() = FingerprintOf(hash);
  const auto context = NewContext();
  const auto stream = lists_->UploadEntries(context.get());
  v1::UploadEntriesResponse response;
  const bool answered = stream->Write(request) && stream->Read(&response);
  if (!answered) OrThrow(stream->Finish());
  if (response.results_size() != 1 || response.results(0).has_problem()) {
    throw std::runtime_error("an entry was refused: " + response.results(0).problem().message());
  }
  context->TryCancel();  // what was acknowledged stays; the caller need not wait for the end
  return response.results(0).entry();
}

v1::Verdict Caller::Check(const Pdq256& hash) {
  v1::CheckHashesResponse response;
  OrThrow(match_->CheckHashes(NewContext().get(), RequestOf(hash), &response));
  return response.verdicts(0);
}

}  // namespace vigie::bench
