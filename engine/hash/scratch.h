// The kernels' working memory.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace vigie {

// One block, reused from one picture to the next: nothing is allocated once it has grown to what
// the largest picture seen needs. One per thread. What the last picture left in it stays until the
// next one or its destruction.
class PdqScratch {
 public:
  PdqScratch() = default;
  PdqScratch(const PdqScratch&) = delete;
  PdqScratch& operator=(const PdqScratch&) = delete;

  // `size` bytes at a multiple of 64, valid until the next call. New memory is zero, used memory
  // holds anything. Throws std::bad_alloc, and is then as it was.
  std::byte* Reserve(size_t size) {
    if (size > size_) {
      block_.reset(new (kAlignment) std::byte[size]());
      size_ = size;
    }
    return block_.get();
  }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(std::byte* block) const { ::operator delete[](block, kAlignment); }
  };

  std::unique_ptr<std::byte[], Free> block_;
  size_t size_ = 0;
};

}  // namespace vigie
