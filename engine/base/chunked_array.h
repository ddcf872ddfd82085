// An array that grows at the end while other threads read it.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>

namespace vigie {

// Elements never move. One writer at a time; readers may read element i once they learnt of i
// through something the writer released after writing it (an index, a count, a queue).
// Limit: kMaxChunks * kChunkSize = 2^32 elements.
template <typename T>
class ChunkedArray {
 public:
  static constexpr size_t kChunkSize = size_t{1} << 16;
  static constexpr size_t kMaxChunks = size_t{1} << 16;
  static constexpr size_t kMaxSize = kChunkSize * kMaxChunks;

  ChunkedArray() : chunks_(new std::atomic<T*>[kMaxChunks]()) {}
  ChunkedArray(const ChunkedArray&) = delete;
  ChunkedArray& operator=(const ChunkedArray&) = delete;
  ~ChunkedArray() {
    for (size_t i = 0; i < kMaxChunks && chunks_[i].load() != nullptr; ++i) delete[] chunks_[i];
  }

  // Makes elements 0..size-1 usable, value-initialised. Writer only.
  void Grow(size_t size) {
    while (capacity_ < size) {
      chunks_[capacity_ / kChunkSize].store(new T[kChunkSize](), std::memory_order_release);
      capacity_ += kChunkSize;
    }
  }

  T& operator[](size_t i) { return Chunk(i)[i % kChunkSize]; }
  const T& operator[](size_t i) const { return Chunk(i)[i % kChunkSize]; }
  size_t capacity() const { return capacity_; }  // writer only

 private:
  T* Chunk(size_t i) const { return chunks_[i / kChunkSize].load(std::memory_order_acquire); }

  std::unique_ptr<std::atomic<T*>[]> chunks_;
  size_t capacity_ = 0;
};

}  // namespace vigie
