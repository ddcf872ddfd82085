// How much an organisation may ask for a second: a bucket that fills at its rate, and holds what
// comes in kBurstSeconds. Plain logic: the time is given.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "engine/base/clock.h"

namespace vigie {

// One bucket. A request of n takes n; one that is larger than the bucket passes when the bucket is
// full, and leaves a debt that is paid off before the next one passes. So nothing is too large to
// pass ever, and over any time what passes is the rate, the bucket and one request at most.
class TokenBucket {
 public:
  static constexpr int64_t kBurstSeconds = 2;

  // Takes `n` at `per_second` (1 or more, which may change from call to call). Returns 0, or the
  // microseconds after which it would pass; then nothing was taken.
  TimeUs Take(int64_t n, int64_t per_second, TimeUs now);

  // Takes `n` in any case. Returns the microseconds until the debt is paid off; 0: there is none.
  TimeUs Owe(int64_t n, int64_t per_second, TimeUs now);

  // What Take() took for nothing.
  void GiveBack(int64_t n, int64_t per_second, TimeUs now);

 private:
  // How long it takes to be full. What it holds, or owes, stays when the rate is another one.
  int64_t MissingNs(int64_t per_second, int64_t now_ns);

  // When it will be full again at `rate_`. In nanoseconds, so that high rates add up.
  int64_t full_ns_ = 0;
  int64_t rate_ = 0;  // 0: never used
};

// The buckets of all organisations. Thread-safe.
class RateLimits {
 public:
  enum class Kind { kChecks, kImages };  // pictures of which hashes are sent, and pictures

  // As the bucket's functions. `per_second` 0: no limit, and nothing is counted.
  TimeUs Take(std::string_view organisation, Kind kind, int64_t n, int64_t per_second, TimeUs now);
  TimeUs Owe(std::string_view organisation, Kind kind, int64_t n, int64_t per_second, TimeUs now);
  void GiveBack(std::string_view organisation, Kind kind, int64_t n, int64_t per_second,
                TimeUs now);

 private:
  TokenBucket& BucketOf(std::string_view organisation, Kind kind);

  std::mutex mutex_;
  std::unordered_map<std::string, std::array<TokenBucket, 2>> buckets_;
};

}  // namespace vigie
