#include "engine/catalog/match_rate.h"

namespace vigie {

bool MatchRates::MakeRoom(TimeUs now) {
  if (uploads_ < kMaxUploads) return true;
  for (auto it = entries_.begin(); it != entries_.end();) {
    if (it->second.last_us + limit_.window_us > now) {
      ++it;
      continue;
    }
    uploads_ -= it->second.uploads.size();
    it = entries_.erase(it);
  }
  return uploads_ < kMaxUploads;
}

bool MatchRates::Note(EntryNumber entry, uint64_t upload, TimeUs now) {
  if (limit_.uploads <= 0) return false;
  if (!entries_.contains(entry) && !MakeRoom(now)) return false;
  Seen& seen = entries_[entry];
  seen.last_us = now;
  uploads_ += seen.uploads.insert_or_assign(upload, now).second ? 1 : 0;
  if (seen.uploads.size() <= static_cast<size_t>(limit_.uploads)) return false;
  uploads_ -= std::erase_if(seen.uploads,
                            [&](const auto& one) { return one.second + limit_.window_us <= now; });
  if (seen.uploads.size() <= static_cast<size_t>(limit_.uploads)) return false;
  uploads_ -= seen.uploads.size();
  entries_.erase(entry);
  return true;
}

}  // namespace vigie
