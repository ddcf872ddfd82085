#include "server/app/limits.h"

#include <grpc/grpc.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>
#include <thread>

#include "absl/synchronization/mutex.h"

namespace vigie {
namespace {

constexpr int kMinPingMs = 10'000;  // callers who ping more often are disconnected
constexpr int kHandshakeMs = 20'000;
constexpr int kKeepaliveTimeoutMs = 20'000;
constexpr rlim_t kFewFiles = 4096;
// What is not a picture is worked on in microseconds: where it waits for long, there is no end.
constexpr int64_t kShorterWait = 4;
// How much image work yields to hash checks and everything else, which are short.
constexpr int kImagesNice = 5;

size_t ThreadsOf(int64_t configured) {
  return configured == 0 ? std::max(1U, std::thread::hardware_concurrency())
                         : static_cast<size_t>(configured);
}

// Threads that decode a picture each, or wait for a decoder that does.
size_t ImageThreadsOf(const Config& config) {
  return ThreadsOf(config.decoder == "process" ? config.decoder_workers : config.workers);
}

// Messages carry a picture and little else; uploads of entries stay below 4 MiB.
int MaxMessageBytes(const Config& config) {
  return static_cast<int>(std::max<int64_t>(config.max_image_bytes, 4 << 20) + (64 << 10));
}

}  // namespace

Runner::Options RunnerOptionsOf(const Config& config) {
  Runner::Options options;
  options.checks = {.threads = ThreadsOf(config.workers),
                    .max_waiting = static_cast<size_t>(config.queue),
                    .max_bytes = static_cast<size_t>(config.queue_megabytes) << 20,
                    .max_wait_us = config.max_wait_ms * 1000 / kShorterWait};
  options.images = options.checks;
  options.images.max_wait_us = config.max_wait_ms * 1000;
  options.images.threads = ImageThreadsOf(config);
  options.images.nice = kImagesNice;
  options.checks_per_second = config.checks_per_second;
  options.images_per_second = config.images_per_second;
  options.streams = static_cast<size_t>(config.streams_per_organisation);
  return options;
}

void LimitConnections(const Config& config, grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(MaxMessageBytes(config));
  grpc::ResourceQuota quota("vigie");
  quota.Resize(static_cast<size_t>(config.grpc_memory_megabytes) << 20);
  builder.SetResourceQuota(quota);
  // gRPC would unpack a compressed message, which may become a thousand times as large, before it
  // looks at its size: a call that names a compression is refused, and nothing is unpacked.
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  const auto set = [&builder](const char* key, int64_t value) {
    builder.AddChannelArgument(key, static_cast<int>(value));
  };
  set(GRPC_ARG_MAX_CONCURRENT_STREAMS, config.concurrent_calls);
  set(GRPC_ARG_MAX_CONNECTION_IDLE_MS, config.connection_idle_seconds * 1000);
  set(GRPC_ARG_KEEPALIVE_TIME_MS, config.keepalive_seconds * 1000);
  set(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
      std::min<int64_t>(kKeepaliveTimeoutMs, config.keepalive_seconds * 1000));
  set(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  set(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  set(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kMinPingMs);
  set(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeMs);
}

void RaiseOpenFiles() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_max < kFewFiles) {
    spdlog::warn("only {} files may be open: each connection is one", files.rlim_max);
  }
}

void SkipDeadlockChecks() {
#ifdef NDEBUG
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
#endif
}

}  // namespace vigie
