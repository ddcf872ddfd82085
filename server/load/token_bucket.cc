#include "server/load/token_bucket.h"

#include <algorithm>

namespace vigie {
namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr int64_t kBurstNs = TokenBucket::kBurstSeconds * kNsPerSecond;

// How long it takes to fill in `n`, rounded up.
int64_t NsFor(int64_t n, int64_t per_second) {
  return static_cast<int64_t>((static_cast<__int128>(n) * kNsPerSecond + per_second - 1) /
                              per_second);
}

TimeUs RoundUp(int64_t ns) { return (ns + 999) / 1000; }

}  // namespace

int64_t TokenBucket::MissingNs(int64_t per_second, int64_t now_ns) {
  int64_t missing = std::max<int64_t>(0, full_ns_ - now_ns);
  if (rate_ != 0 && rate_ != per_second) {
    const __int128 held = static_cast<__int128>(kBurstNs - missing) * rate_ / per_second;
    missing = static_cast<int64_t>(std::max<__int128>(0, kBurstNs - held));
  }
  rate_ = per_second;
  full_ns_ = now_ns + missing;
  return missing;
}

TimeUs TokenBucket::Take(int64_t n, int64_t per_second, TimeUs now) {
  const int64_t now_ns = now * 1000;
  const int64_t missing = MissingNs(per_second, now_ns);
  const int64_t needed = NsFor(n, per_second);
  const int64_t short_of = missing + std::min(needed, kBurstNs) - kBurstNs;
  if (short_of > 0) return RoundUp(short_of);
  full_ns_ = now_ns + missing + needed;
  return 0;
}

TimeUs TokenBucket::Owe(int64_t n, int64_t per_second, TimeUs now) {
  const int64_t now_ns = now * 1000;
  const int64_t missing = MissingNs(per_second, now_ns) + NsFor(n, per_second);
  full_ns_ = now_ns + missing;
  return RoundUp(std::max<int64_t>(0, missing - kBurstNs));
}

void TokenBucket::GiveBack(int64_t n, int64_t per_second, TimeUs now) {
  const int64_t now_ns = now * 1000;
  full_ns_ = now_ns + MissingNs(per_second, now_ns) - NsFor(n, per_second);
}

TokenBucket& RateLimits::BucketOf(std::string_view organisation, Kind kind) {
  return buckets_[std::string(organisation)][static_cast<size_t>(kind)];
}

TimeUs RateLimits::Take(std::string_view organisation, Kind kind, int64_t n, int64_t per_second,
                        TimeUs now) {
  if (per_second <= 0) return 0;
  const std::lock_guard lock(mutex_);
  return BucketOf(organisation, kind).Take(n, per_second, now);
}

TimeUs RateLimits::Owe(std::string_view organisation, Kind kind, int64_t n, int64_t per_second,
                       TimeUs now) {
  if (per_second <= 0) return 0;
  const std::lock_guard lock(mutex_);
  return BucketOf(organisation, kind).Owe(n, per_second, now);
}

void RateLimits::GiveBack(std::string_view organisation, Kind kind, int64_t n, int64_t per_second,
                          TimeUs now) {
  if (per_second <= 0) return;
  const std::lock_guard lock(mutex_);
  BucketOf(organisation, kind).GiveBack(n, per_second, now);
}

}  // namespace vigie
