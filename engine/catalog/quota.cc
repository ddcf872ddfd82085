#include "engine/catalog/quota.h"

#include <algorithm>
#include <functional>

namespace vigie {
namespace {

constexpr TimeUs kHourUs = 3600 * kSecondUs;

// When the entries of an hour are forgotten: a day after the last that it can hold.
TimeUs ForgottenUs(int64_t hour) { return (hour + 1) * kHourUs + kDayUs; }

}  // namespace

TimeUs Quota::Horizon(TimeUs now) { return (now - kDayUs) / kHourUs * kHourUs; }

Quota::Room Quota::RoomFor(std::string_view organisation, int64_t daily, TimeUs now) const {
  const std::lock_guard lock(mutex_);
  const auto it = submitted_.find(organisation);
  const Hours none;
  const Hours& hours = it == submitted_.end() ? none : it->second;
  int64_t counted = 0;
  for (const auto& [hour, entries] : hours) {
    if (ForgottenUs(hour) > now) counted += entries;
  }
  Room room{.entries = std::max<int64_t>(0, daily - counted),
            .again_us = ForgottenUs(now / kHourUs)};
  counted += room.entries;
  for (const auto& [hour, entries] : hours) {
    if (ForgottenUs(hour) <= now) continue;
    counted -= entries;
    if (counted >= daily) continue;
    room.again_us = std::min(room.again_us, ForgottenUs(hour));
    break;
  }
  return room;
}

void Quota::Count(std::string_view organisation, int64_t entries, TimeUs when) {
  if (entries == 0) return;
  const std::lock_guard lock(mutex_);
  auto it = submitted_.find(organisation);
  if (it == submitted_.end()) it = submitted_.try_emplace(std::string(organisation)).first;
  Hours& hours = it->second;
  hours[when / kHourUs] += entries;
  while (ForgottenUs(hours.begin()->first) <= when) hours.erase(hours.begin());
}

}  // namespace vigie
