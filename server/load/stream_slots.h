// How many streams an organisation has open.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace vigie {

// Thread-safe.
class StreamSlots {
 public:
  explicit StreamSlots(size_t most) : most_(most) {}

  // Counts one in; false: the organisation has as many as it may.
  [[nodiscard]] bool Enter(std::string_view organisation);
  void Leave(std::string_view organisation);

  size_t most() const { return most_; }

 private:
  const size_t most_;
  std::mutex mutex_;
  std::unordered_map<std::string, size_t> open_;
};

}  // namespace vigie
