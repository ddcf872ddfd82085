#include "server/app/health.h"

#include <utility>

namespace vigie {

Health::Health(std::function<void(bool)> on_change) : on_change_(std::move(on_change)) {
  parts_[static_cast<size_t>(Part::kLife)] =
      Error(absl::StatusCode::kUnavailable, "STARTING", "the server is starting");
}

void Health::Set(Part part, absl::Status status) {
  const std::lock_guard lock(mutex_);
  const bool before = Whole().ok();
  parts_[static_cast<size_t>(part)] = std::move(status);
  if (const bool now = Whole().ok(); now != before) on_change_(now);
}

absl::Status Health::Get() const {
  const std::lock_guard lock(mutex_);
  return Whole();
}

absl::Status Health::Whole() const {
  for (const absl::Status& part : parts_) {
    if (!part.ok()) return part;
  }
  return absl::OkStatus();
}

}  // namespace vigie
