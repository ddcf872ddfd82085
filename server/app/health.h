// Whether the server says SERVING, and if not, why. Several parts have a say; all must agree.
#pragma once

#include <array>
#include <functional>
#include <mutex>

#include "engine/base/status.h"

namespace vigie {

// Thread-safe.
class Health {
 public:
  // Who has a say. The first that objects is the one whose reason is told.
  enum class Part { kLife, kCatalogue, kCanary };  // kLife: not yet up, or draining

  // Not serving until Part::kLife is OK. `on_change` is told, in order, whenever the whole changes
  // between serving and not.
  explicit Health(std::function<void(bool serving)> on_change);

  void Set(Part part, absl::Status status);
  // OK while serving; otherwise why not.
  absl::Status Get() const;

 private:
  static constexpr size_t kParts = 3;
  absl::Status Whole() const;

  const std::function<void(bool)> on_change_;
  mutable std::mutex mutex_;
  std::array<absl::Status, kParts> parts_;
};

}  // namespace vigie
