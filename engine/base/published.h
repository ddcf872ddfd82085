// A value that readers pin without a lock while a writer replaces it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace vigie {

// Holds the current T. A reader's Pin keeps the T it saw alive; a replaced T is freed by a later
// Publish() once no pin can reach it (epoch-based reclamation: Fraser 2004, "Practical lock
// freedom", section 5.2.3).
//
// Acquire(): any thread, never waits for a writer. At most kSlots pins exist at a time; the next
// Acquire() spins until one is released, so pins are held for one operation, not stored.
// Publish(): one thread at a time.
template <typename T>
class Published {
 public:
  class Pin {
   public:
    Pin(Pin&& other) noexcept : value_(other.value_), slot_(std::exchange(other.slot_, nullptr)) {}
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;
    ~Pin() {
      if (slot_ != nullptr) slot_->store(0);
    }
    const T& operator*() const { return *value_; }
    const T* operator->() const { return value_; }

   private:
    friend class Published;
    Pin(const T* value, std::atomic<uint64_t>* slot) : value_(value), slot_(slot) {}
    const T* value_;
    std::atomic<uint64_t>* slot_;
  };

  explicit Published(std::unique_ptr<const T> first) : current_(first.release()) {}
  Published(const Published&) = delete;
  Published& operator=(const Published&) = delete;
  ~Published() { delete current_.load(); }

  Pin Acquire() const {
    size_t i = std::hash<std::thread::id>{}(std::this_thread::get_id()) % kSlots;
    while (true) {
      uint64_t idle = 0;
      // The slot is taken before current_ is read: a writer that replaced current_ before our
      // read sees the slot, one that replaces it later frees only what we cannot have read.
      if (slots_[i].epoch.compare_exchange_strong(idle, epoch_.load())) {
        return Pin(current_.load(), &slots_[i].epoch);
      }
      i = (i + 1) % kSlots;
    }
  }

  void Publish(std::unique_ptr<const T> next) {
    std::unique_ptr<const T> old(current_.exchange(next.release()));
    retired_.emplace_back(epoch_.fetch_add(1), std::move(old));
    Reclaim();
  }

  // Frees replaced values that no pin reaches any more. Same thread rule as Publish().
  void Reclaim() {
    uint64_t oldest = std::numeric_limits<uint64_t>::max();
    for (const Slot& slot : slots_) {
      const uint64_t epoch = slot.epoch.load();
      if (epoch != 0 && epoch < oldest) oldest = epoch;
    }
    std::erase_if(retired_, [oldest](const auto& item) { return item.first < oldest; });
  }

 private:
  static constexpr size_t kSlots = 128;
  struct alignas(64) Slot {
    std::atomic<uint64_t> epoch{0};  // 0: idle; otherwise the epoch in which the pin was taken
  };

  mutable std::array<Slot, kSlots> slots_;
  std::atomic<const T*> current_;
  std::atomic<uint64_t> epoch_{1};
  std::vector<std::pair<uint64_t, std::unique_ptr<const T>>> retired_;
};

}  // namespace vigie
