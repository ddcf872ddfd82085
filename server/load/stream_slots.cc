#include "server/load/stream_slots.h"

namespace vigie {

bool StreamSlots::Enter(std::string_view organisation) {
  const std::lock_guard lock(mutex_);
  size_t& open = open_[std::string(organisation)];
  if (open >= most_) return false;
  ++open;
  return true;
}

void StreamSlots::Leave(std::string_view organisation) {
  const std::lock_guard lock(mutex_);
  const auto it = open_.find(std::string(organisation));
  if (--it->second == 0) open_.erase(it);
}

}  // namespace vigie
