#include "server/app/instance.h"

#include <fcntl.h>
#include <grpc/grpc.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/server_builder_option.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/signature.h"
#include "engine/catalog/checkpoint.h"
#include "engine/store/sqlite_store.h"
#include "server/app/backup.h"
#include "server/app/decoders.h"
#include "server/app/limits.h"
#include "server/app/policy_file.h"
#include "server/app/sockets.h"
#include "server/log/log.h"

namespace vigie {
namespace {

constexpr auto kMaintenancePause = std::chrono::milliseconds(200);
constexpr auto kFollowPause = std::chrono::milliseconds(100);
constexpr auto kTlsLookPause = std::chrono::seconds(1);
// A checkpoint costs about 100 bytes a row of writing, and saves a start the time of reading what
// it holds: worth it when a start would have to catch up with this much.
constexpr uint64_t kCheckpointLeastRows = 50'000;
constexpr uint64_t kCheckpointShare = 8;
constexpr uint64_t kCheckpointAtStopRows = 1000;
constexpr auto kCheckpointPause = std::chrono::minutes(1);
constexpr auto kCheckpointRetry = std::chrono::minutes(10);

void LogLoad(Catalog& catalog) {
  const LoadReport& report = catalog.load_report();
  if (report.from_checkpoint) {
    spdlog::info("loaded {} fingerprints from the checkpoint, {} of them changed since",
                 catalog.rows(), catalog.rows_changed());
  } else if (report.checkpoint.code() == absl::StatusCode::kNotFound) {
    spdlog::info("loaded {} fingerprints from the database: no checkpoint yet", catalog.rows());
  } else {
    spdlog::warn("loaded {} fingerprints from the database, the checkpoint is of no use: {}",
                 catalog.rows(), MessageOf(report.checkpoint));
  }
}

// gRPC gives its reflection, a plugin, to every server of a program that is linked with it.
class WithoutPlugins final : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments* /*arguments*/) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    plugins->clear();
  }
};

}  // namespace

absl::Status EnsureDataDir(const std::string& path) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return Error(absl::StatusCode::kUnavailable, "DATA_DIR_FAILED",
                 absl::StrCat("cannot make the data folder ", path, ": ", strerror(errno)));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Instance>> Instance::Open(const Config& config,
                                                         const LoadProgress& progress) {
  std::unique_ptr<Instance> instance(new Instance(config));
  VIGIE_RETURN_IF_ERROR(instance->Load(progress));
  return instance;
}

absl::Status Instance::Load(const LoadProgress& progress) {
  VIGIE_RETURN_IF_ERROR(EnsureDataDir(config_.data_dir));
  // One server a folder: the catalogue in memory must be the only writer of lists and entries.
  lock_.file = open((config_.data_dir + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_.file < 0) {
    return Error(absl::StatusCode::kUnavailable, "DATA_DIR_FAILED",
                 absl::StrCat("cannot open ", config_.data_dir, "/lock: ", strerror(errno)));
  }
  if (flock(lock_.file, LOCK_EX | LOCK_NB) != 0) {
    return Error(absl::StatusCode::kUnavailable, "DATA_DIR_IN_USE",
                 absl::StrCat("another server uses the data folder ", config_.data_dir));
  }
  VIGIE_ASSIGN_OR_RETURN(decoders_, StartDecoders(config_));
  VIGIE_RETURN_IF_ERROR(CheckNoUnfinishedRestore(config_.data_dir));
  VIGIE_ASSIGN_OR_RETURN(store_, OpenSqliteStore(DatabasePath(config_.data_dir)));
  VIGIE_RETURN_IF_ERROR(CheckAtStart(*store_, DatabasePath(config_.data_dir), &checked_));
  damage_ = std::make_unique<DamageWatch>(*store_);
  CatalogOptions options = CatalogOptionsOf(config_);
  if (config_.index_checkpoint) options.checkpoint_folder = CheckpointFolder(config_.data_dir);
  options.on_commit = [this](const CommitFacts& commit) { metrics_.OnCommit(commit); };
  VIGIE_ASSIGN_OR_RETURN(catalog_, Catalog::Open(*store_, SystemClock(), options, progress));
  if (config_.index_checkpoint) LogLoad(*catalog_);
  if (!config_.index_checkpoint) {
    // One of an earlier configuration would keep what is erased from now on.
    RemoveOtherCheckpoints(CheckpointFolder(config_.data_dir), 0);
  }
  absl::StatusOr<SigningKey> key = SigningKey::LoadOrMake(AuditKeyPath(config_.data_dir));
  if (!key.ok()) return key.status();
  absl::StatusOr<HeadSigner> signer = HeadSigner::Open(*store_, *std::move(key));
  if (!signer.ok()) return signer.status();
  signer_ = std::make_unique<HeadSigner>(*std::move(signer));
  book_ = std::make_unique<VerdictBook>(*catalog_, SystemClock(), VerdictBookOptionsOf(config_));
  pipeline_ = std::make_unique<Pipeline>(*catalog_, SystemClock(), PipelineOptionsOf(config_),
                                         book_.get(), decoders_.get());
  if (!config_.policy_file.empty()) {
    absl::StatusOr<Policy> policy = ReadPolicyFile(config_.policy_file);
    if (!policy.ok()) return policy.status();
    PutInForce(*std::move(policy));
  }
  keys_ = std::make_unique<KeyRing>(*store_, SystemClock());
  return absl::OkStatus();
}

void Instance::PutInForce(Policy policy) {
  spdlog::info("policy {} with {} rules is in force", policy.name(), policy.rules().size());
  pipeline_->SetPolicy(std::move(policy));
}

absl::Status Instance::Reload(const Config& wanted) {
  ConfigChanges changes = CompareForReload(in_force_, wanted);
  const bool had_policy = !in_force_.policy_file.empty();
  // What can fail comes first, so that a reload is whole or nothing.
  absl::StatusOr<Policy> policy = Policy();
  if (!changes.next.policy_file.empty()) policy = ReadPolicyFile(changes.next.policy_file);
  if (!policy.ok()) return policy.status();
  if (tls_ != nullptr) VIGIE_RETURN_IF_ERROR(tls_->Use(TlsFilesOf(changes.next)));

  if (!changes.next.policy_file.empty()) {
    PutInForce(*std::move(policy));
  } else if (had_policy) {
    pipeline_->SetPolicy(*std::move(policy));
    spdlog::info("no policy is in force");
  }
  in_force_ = std::move(changes.next);
  runner_->SetRates(in_force_.checks_per_second, in_force_.images_per_second);
  SetLogLevel(in_force_.log_level);
  for (const std::string& change : changes.applied) spdlog::info("reload: {}", change);
  if (!changes.need_restart.empty()) {
    spdlog::warn("reload: these differ and need a restart: {}",
                 absl::StrJoin(changes.need_restart, ", "));
  }
  return absl::OkStatus();
}

absl::Status Instance::Serve() {
  RaiseOpenFiles();
  SkipDeadlockChecks();
  runner_ =
      std::make_unique<Runner>(*keys_, calls_, SystemClock(), RunnerOptionsOf(config_), &metrics_);
  match_service_ = std::make_unique<MatchServiceImpl>(*pipeline_, *catalog_, *runner_);
  list_service_ = std::make_unique<ListServiceImpl>(*catalog_, *runner_);
  review_service_ = std::make_unique<ReviewServiceImpl>(*catalog_, *runner_);
  audit_service_ = std::make_unique<AuditServiceImpl>(*catalog_, *store_, *runner_);

  VIGIE_ASSIGN_OR_RETURN(
      observation_,
      Observation::Start(config_, *catalog_, *book_, decoders_.get(), *runner_, metrics_, health_));
  std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials();
  if (!config_.tls_certificate.empty()) {
    VIGIE_ASSIGN_OR_RETURN(tls_, ServerTls::Open(TlsFilesOf(config_), SystemClock()));
    credentials = tls_->Credentials();
  }
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  if (!config_.reflection) builder.SetOption(std::make_unique<WithoutPlugins>());
  port_ = 0;
  builder.AddListeningPort(config_.listen, credentials, &port_);
  // Without this a second server would share the port and take half of the requests.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  LimitConnections(config_, builder);
  builder.RegisterService(match_service_.get());
  builder.RegisterService(list_service_.get());
  builder.RegisterService(review_service_.get());
  builder.RegisterService(audit_service_.get());
  server_ = builder.BuildAndStart();
  if (server_ == nullptr || port_ == 0) {
    return Error(absl::StatusCode::kUnavailable, "LISTEN_FAILED",
                 absl::StrCat("cannot listen on ", config_.listen, ": is the port taken?"));
  }
  address_ = absl::StrCat(config_.listen.substr(0, config_.listen.rfind(':')), ":", port_);
  ShowServing(false);  // gRPC's first word would be that it serves
  health_.Set(Health::Part::kLife, absl::OkStatus());
  maintenance_ = std::thread([this] { MaintainUntilStopped(); });
  follower_ = std::thread([this] { FollowUntilStopped(); });
  damage_->Start(/*at_once=*/!checked_);
  return absl::OkStatus();
}

void Instance::ShowServing(bool serving) {
  // The empty name, "the server as a whole", is what most probes ask for; some name a service.
  grpc::HealthCheckServiceInterface* health = server_->GetHealthCheckService();
  health->SetServingStatus(serving);
  for (const char* service : {"", "vigie.v1.MatchService", "vigie.v1.ListService",
                              "vigie.v1.ReviewService", "vigie.v1.AuditService"}) {
    health->SetServingStatus(service, serving);
  }
}

void Instance::MaintainUntilStopped() {
  std::unique_lock lock(stop_mutex_);
  while (!stop_.wait_for(lock, kMaintenancePause, [this] { return stopping_; })) {
    lock.unlock();
    maintenance_trouble_.Note("maintenance", catalog_->Maintain());
    SignHead(/*now_or_never=*/false);
    if (std::chrono::steady_clock::now() >= next_checkpoint_) {
      WriteCheckpoint(std::max(kCheckpointLeastRows, catalog_->rows() / kCheckpointShare));
    }
    const absl::Status health = catalog_->health();
    health_.Set(Health::Part::kCatalogue, health.ok() ? damage_->status() : health);
    lock.lock();
  }
}

void Instance::FollowUntilStopped() {
  std::unique_lock lock(stop_mutex_);
  while (!stop_.wait_for(lock, kFollowPause, [this] { return stopping_; })) {
    lock.unlock();
    FlushVerdicts(/*all=*/false);
    match_service_->watchers().Poll();
    LookAtTlsFiles();
    lock.lock();
  }
}

void Instance::LookAtTlsFiles() {
  const auto now = std::chrono::steady_clock::now();
  if (tls_ == nullptr || now < next_look_) return;
  next_look_ = now + kTlsLookPause;
  tls_->Look();
}

void Instance::WriteCheckpoint(uint64_t least_rows) {
  const uint64_t rows = catalog_->rows_changed();
  if (!config_.index_checkpoint || rows < least_rows) return;
  const auto begin = std::chrono::steady_clock::now();
  const absl::Status status = catalog_->WriteCheckpoint(CheckpointFolder(config_.data_dir));
  const auto end = std::chrono::steady_clock::now();
  next_checkpoint_ = end + (status.ok() ? kCheckpointPause : kCheckpointRetry);
  if (status.ok()) {
    spdlog::info("wrote a checkpoint in {:.1f} s: {} fingerprints had changed",
                 std::chrono::duration<double>(end - begin).count(), rows);
  } else {
    spdlog::warn("no checkpoint was written: {}", MessageOf(status));
  }
}

void Instance::FlushVerdicts(bool all) {
  const absl::Status status = book_->Flush(all);
  if (!status.ok() && !verdicts_wait_) {
    spdlog::error("verdicts are given but not written down: {}", MessageOf(status));
  } else if (status.ok() && verdicts_wait_) {
    spdlog::info("verdicts are written down again");
  }
  if (const uint64_t dropped = book_->dropped(); dropped > verdicts_dropped_) {
    spdlog::error("{} verdicts were given and never written down", dropped - verdicts_dropped_);
    verdicts_dropped_ = dropped;
  }
  verdicts_wait_ = !status.ok();
}

void Instance::SignHead(bool now_or_never) {
  signing_trouble_.Note("signing the head of the events",
                        signer_->Sign(SystemClock().Now(), now_or_never));
}

void Instance::StopMaintenance() {
  {
    const std::lock_guard lock(stop_mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  if (maintenance_.joinable()) maintenance_.join();
  if (follower_.joinable()) follower_.join();
  if (damage_ != nullptr) damage_->Stop();
}

void Instance::Drain() {
  if (server_ == nullptr) return;
  health_.Set(Health::Part::kLife,
              Error(absl::StatusCode::kUnavailable, "DRAINING", "the server is about to stop"));
  std::this_thread::sleep_for(std::chrono::milliseconds(in_force_.drain_notice_ms));
  calls_.Close();
  match_service_->watchers().Close();
  const size_t left = calls_.WaitUntilNone(std::chrono::milliseconds(in_force_.drain_ms));
  if (left > 0) spdlog::warn("{} calls were not finished in time and are broken off", left);
  // All connections, also those that are idle: gRPC's own Shutdown() would wait for their other
  // ends, and answer a call that still comes with CANCELLED, which callers do not repeat.
  EndConnections(port_);
  grpc_server_cancel_all_calls(server_->c_server());
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
  StopMaintenance();
  FlushVerdicts(/*all=*/true);
  SignHead(/*now_or_never=*/true);
  WriteCheckpoint(kCheckpointAtStopRows);
}

Instance::~Instance() {
  StopMaintenance();
  observation_.reset();  // its canary speaks of health
  if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
  server_.reset();
  runner_.reset();  // its threads, before what they use
}

}  // namespace vigie
