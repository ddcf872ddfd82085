#include "server/app/decoders.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

namespace vigie {
namespace {

void LogReplaced(DecoderEnd end) {
  switch (end) {
    case DecoderEnd::kForbidden:
      spdlog::error("a decoder tried what it may not do and was ended: was this an attack?");
      return;
    case DecoderEnd::kRecycled:
      spdlog::debug("a decoder was replaced: recycled");
      return;
    default:
      spdlog::warn("a decoder was replaced: {}", Name(end));
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<WalledHasher>> StartDecoders(const Config& config) {
  if (config.decoder != "process") return std::unique_ptr<WalledHasher>();
  WalledHasherOptions options;
  options.workers = config.decoder_workers == 0 ? std::max(1U, std::thread::hardware_concurrency())
                                                : static_cast<size_t>(config.decoder_workers);
  options.limits = PipelineOptionsOf(config).limits;
  options.timeout = std::chrono::seconds(config.decode_seconds);
  options.on_replaced = &LogReplaced;
  auto decoders = WalledHasher::Start(std::move(options), SystemClock());
  if (decoders.ok()) return decoders;
  return Error(decoders.status().code(), ReasonOf(decoders.status()),
               absl::StrCat(ToAbsl(MessageOf(decoders.status())),
                            "; decoder = \"in-process\" decodes without a wall"));
}

}  // namespace vigie
