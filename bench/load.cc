#include "bench/load.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "bench/search_data.h"
#include "engine/base/digest.h"

namespace vigie::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kQuality = 100;
constexpr auto kDeadline = std::chrono::minutes(10);

void OrThrow(const grpc::Status& status) {
  if (!status.ok()) throw std::runtime_error("a call failed: " + status.error_message());
}

v1::CheckHashesRequest RequestOf(const Pdq256& hash) {
  v1::CheckHashesRequest request;
  *request.add_pictures()->add_fingerprints() = FingerprintOf(hash);
  return request;
}

}  // namespace

Latencies Summarise(std::vector<double> us) {
  if (us.empty()) return {};
  std::sort(us.begin(), us.end());
  return {.count = us.size(),
          .p50_us = us[us.size() / 2],
          .p99_us = us[std::min(us.size() - 1, us.size() * 99 / 100)],
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

std::unique_ptr<grpc::ClientContext> Caller::NewContext() const {
  auto context = std::make_unique<grpc::ClientContext>();
  context->AddMetadata("authorization", "Bearer " + key_);
  context->set_deadline(std::chrono::system_clock::now() + kDeadline);
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

struct CheckLoad::Ask {
  Clock::time_point due;
  std::unique_ptr<grpc::ClientContext> context;
  v1::CheckHashesRequest request;
  v1::CheckHashesResponse response;
};

CheckLoad::CheckLoad(Caller& caller, double per_second, uint64_t seed)
    : caller_(caller), pacer_([this, per_second, seed] { Run(per_second, seed); }) {}

CheckLoad::~CheckLoad() {
  if (pacer_.joinable()) Stop();
}

void CheckLoad::Run(double per_second, uint64_t seed) {
  FastRandom random(seed);
  const std::chrono::duration<double> pause(1 / per_second);
  const auto begin = Clock::now();
  for (uint64_t i = 0; !stopping_.load(); ++i) {
    const auto ask = std::make_shared<Ask>();
    ask->due = begin + std::chrono::duration_cast<Clock::duration>(pause * static_cast<double>(i));
    ask->context = caller_.NewContext();
    ask->request = RequestOf(random.Hash());
    std::this_thread::sleep_until(ask->due);
    ++in_flight_;
    caller_.match().async()->CheckHashes(
        ask->context.get(), &ask->request, &ask->response,
        [this, ask](const grpc::Status& status) { Take(*ask, status); });
  }
}

void CheckLoad::Take(const Ask& ask, const grpc::Status& status) {
  const double us = MicrosecondsSince(ask.due);
  {
    const std::lock_guard lock(mutex_);
    us_.push_back(us);
    if (!status.ok()) {
      ++result_.failed;
    } else if (ask.response.verdicts(0).outcome() != v1::Verdict::NO_MATCH) {
      ++result_.matched;
    }
  }
  --in_flight_;
}

CheckLoad::Result CheckLoad::Stop() {
  stopping_.store(true);
  pacer_.join();
  while (in_flight_.load() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const std::lock_guard lock(mutex_);
  result_.latencies = Summarise(std::move(us_));
  return result_;
}

}  // namespace vigie::bench
