#include "engine/base/chunked_array.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <thread>

namespace vigie {
namespace {

using Array = ChunkedArray<uint64_t>;

TEST(ChunkedArray, StartsEmptyAndGrowsByChunksOfZeros) {
  Array array;
  EXPECT_EQ(array.capacity(), 0U);
  array.Grow(1);
  EXPECT_EQ(array.capacity(), Array::kChunkSize);
  EXPECT_EQ(array[0], 0U);
  EXPECT_EQ(array[Array::kChunkSize - 1], 0U);
  array.Grow(1);
  EXPECT_EQ(array.capacity(), Array::kChunkSize);
}

TEST(ChunkedArray, NeverMovesAnElement) {
  Array array;
  array.Grow(1);
  array[5] = 55;
  const uint64_t* const before = &array[5];
  array.Grow(10 * Array::kChunkSize);
  EXPECT_EQ(&array[5], before);
  EXPECT_EQ(array[5], 55U);
}

TEST(ChunkedArray, ShowsAReaderEveryElementThatWasPublished) {
  constexpr size_t kCount = 5 * Array::kChunkSize + 3;
  Array array;
  std::atomic<size_t> published{0};
  std::atomic<size_t> wrong{0};
  std::thread reader([&] {
    const Array& view = array;
    size_t next = 0;
    while (next < kCount) {
      const size_t end = published.load(std::memory_order_acquire);
      for (; next < end; ++next) {
        if (view[next] != next * 3 + 1) ++wrong;
      }
    }
  });
  for (size_t i = 0; i < kCount; ++i) {
    array.Grow(i + 1);
    array[i] = i * 3 + 1;
    published.store(i + 1, std::memory_order_release);
  }
  reader.join();
  EXPECT_EQ(wrong, 0U);
}

}  // namespace
}  // namespace vigie
