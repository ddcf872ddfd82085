// Once the scratch has grown, hashing allocates nothing. A program of its own, because it replaces
// operator new.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "engine/hash/pdq.h"
#include "tests/support/pictures.h"

// GCC sees free() in an operator delete and does not see the operator new that belongs to it.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace {

std::atomic<int> allocations = 0;

void* Allocate(size_t size, size_t alignment) {
  ++allocations;
  void* const block = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

}  // namespace

void* operator new(size_t size) { return Allocate(size, alignof(std::max_align_t)); }
void* operator new[](size_t size) { return Allocate(size, alignof(std::max_align_t)); }
void* operator new(size_t size, std::align_val_t alignment) {
  return Allocate(size, static_cast<size_t>(alignment));
}
void* operator new[](size_t size, std::align_val_t alignment) {
  return Allocate(size, static_cast<size_t>(alignment));
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete(void* block, size_t) noexcept { std::free(block); }
void operator delete[](void* block, size_t) noexcept { std::free(block); }
void operator delete(void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete[](void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete(void* block, size_t, std::align_val_t) noexcept { std::free(block); }
void operator delete[](void* block, size_t, std::align_val_t) noexcept { std::free(block); }

namespace vigie {
namespace {

TEST(Pdq, AllocatesNothingOnceTheScratchHasGrown) {
  const testing::Picture large = testing::Pattern(700, 600, 1);
  const testing::Picture small = testing::Pattern(300, 200, 2, ChannelOrder::kGray);
  PdqScratch scratch;
  const int before_growing = allocations;
  ComputePdqOrientations(large.view(), Profile::kFull, scratch);
  EXPECT_GT(allocations, before_growing);
  const int before = allocations;
  for (const Profile profile : {Profile::kReference, Profile::kFull}) {
    for (const testing::Picture* picture : {&large, &small}) {
      ComputePdq(picture->view(), profile, scratch);
      ComputePdqOrientations(picture->view(), profile, scratch);
    }
  }
  EXPECT_EQ(allocations, before);
}

}  // namespace
}  // namespace vigie
