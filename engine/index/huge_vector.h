// A vector whose large blocks lie on huge pages: random access into gigabytes then misses the
// address-translation cache far less often.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace vigie {

// Blocks of at least one huge page are aligned to it and marked for it; the kernel may still use
// small pages. Smaller blocks begin on a cache line. resize() leaves new elements of trivial types
// uninitialised: write before reading.
template <typename T>
struct HugeAllocator {
  using value_type = T;
  static constexpr size_t kHugePage = size_t{2} << 20;
  static constexpr size_t kCacheLine = 64;

  HugeAllocator() = default;
  template <typename U>
  HugeAllocator(const HugeAllocator<U>&) {}

  T* allocate(size_t n) {
    const size_t bytes = n * sizeof(T);
    const bool huge = bytes >= kHugePage;
    void* block = ::operator new(bytes, std::align_val_t(huge ? kHugePage : kCacheLine));
    if (huge) madvise(block, bytes, MADV_HUGEPAGE);  // a wish: failing costs speed only
    return static_cast<T*>(block);
  }
  void deallocate(T* block, size_t n) {
    const bool huge = n * sizeof(T) >= kHugePage;
    ::operator delete(block, std::align_val_t(huge ? kHugePage : kCacheLine));
  }

  template <typename U>
  void construct(U* at) {
    ::new (static_cast<void*>(at)) U;
  }
  template <typename U, typename... Args>
  void construct(U* at, Args&&... args) {
    ::new (static_cast<void*>(at)) U(std::forward<Args>(args)...);
  }

  friend bool operator==(const HugeAllocator&, const HugeAllocator&) { return true; }
};

template <typename T>
using HugeVector = std::vector<T, HugeAllocator<T>>;

}  // namespace vigie
