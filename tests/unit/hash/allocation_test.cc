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
std::atomic<size_t> allocated_bytes = 0;

void* Allocate(size_t size, size_t alignment) {
  ++allocations;
  allocated_bytes += size;
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

// Half a MiB at the reference's size; else by the picture's width and hardly by its pixels.
TEST(Pdq, NeedsTheMemoryThatItsContractSays) {
  constexpr size_t kFixed = 64 << 10;  // does not depend on the width
  struct Case {
    int width;
    int height;
    Profile profile;
    size_t max_bytes;
  };
  constexpr Case kCases[] = {
      {700, 600, Profile::kReference, size_t{448} << 10},
      {4000, 3000, Profile::kFull, 4000 * 1024 + 4000 * 3000 / 20},
      {300, 20000, Profile::kFull, 300 * 1024 + 300 * 20000 / 20},
      {20000, 300, Profile::kFull, 20000 * 1024 + 20000 * 300 / 20},
  };
  for (const Case& c : kCases) {
    const testing::Picture picture = testing::Flat(c.width, c.height, 9);
    PdqScratch scratch;
    const size_t before = allocated_bytes;
    ComputePdqOrientations(picture.view(), c.profile, scratch);
    EXPECT_LE(allocated_bytes - before, c.max_bytes + kFixed) << c.width << 'x' << c.height;
  }
}

}  // namespace
}  // namespace vigie
