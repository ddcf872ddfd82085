#include "server/app/damage_watch.h"

#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <utility>

namespace vigie {
namespace {

// Read whole in a second; larger ones beside the server.
constexpr uintmax_t kSmallBytes = 64 << 20;
constexpr auto kPause = std::chrono::hours(24);
constexpr int kNice = 10;

}  // namespace

absl::Status CheckAtStart(Store& store, const std::string& path, bool* complete) {
  std::error_code unknown;
  const uintmax_t bytes = std::filesystem::file_size(path, unknown);
  *complete = !unknown && bytes <= kSmallBytes;
  return store.CheckIntegrity(*complete ? Thoroughness::kEverything : Thoroughness::kEssentials,
                              {});
}

void DamageWatch::Start(bool at_once) {
  thread_ = std::thread([this, at_once] { Run(at_once); });
}

void DamageWatch::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

absl::Status DamageWatch::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void DamageWatch::Run(bool at_once) {
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);
  const std::function<bool()> go_on = [this] {
    const std::lock_guard lock(mutex_);
    return !stopping_;
  };
  std::unique_lock lock(mutex_);
  while (at_once || !wake_.wait_for(lock, kPause, [this] { return stopping_; })) {
    at_once = false;
    lock.unlock();
    const auto begin = std::chrono::steady_clock::now();
    const absl::Status found = store_.CheckIntegrity(Thoroughness::kEverything, go_on);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    lock.lock();
    if (found.ok()) {
      spdlog::info("the database was read for damage in {:.1f} s: none", took.count());
    } else if (found.code() == absl::StatusCode::kDataLoss) {
      spdlog::error("not serving any more: {}", MessageOf(found));
      status_ = found;
      return;
    } else if (!stopping_) {
      spdlog::warn("the database could not be read for damage: {}", MessageOf(found));
    }
    if (stopping_) return;
  }
}

}  // namespace vigie
