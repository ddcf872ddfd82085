// The mutable head of the live index: the newest rows, found by comparing them all.
#pragma once

#include <atomic>
#include <chrono>
#include <span>
#include <vector>

#include "engine/base/fingerprint.h"
#include "engine/base/types.h"
#include "engine/index/flat_index.h"

namespace vigie {

// Fixed capacity, rows never move. One thread appends while any number search: a search sees every
// row whose Append() returned before it began. `ntotal` of the base class stays 0, because readers
// could not read it safely; size() is the truth.
class HeadIndex final : public RangeOnlyIndex {
 public:
  explicit HeadIndex(size_t capacity);

  // False when the head is full. One thread at a time.
  bool Append(const Pdq256& hash, RowId row);

  size_t size() const { return size_.load(std::memory_order_acquire); }
  bool full() const { return size() == codes_.size(); }
  std::span<const Pdq256> codes() const { return {codes_.data(), size()}; }
  std::span<const RowId> rows() const { return {rows_.data(), size()}; }
  size_t bytes() const { return codes_.size() * (sizeof(Pdq256) + sizeof(RowId)); }
  std::chrono::steady_clock::time_point begun() const { return begun_; }

 private:
  void Find(std::span<const Pdq256> queries, int max_distance,
            std::vector<RangeHit>* hits) const override;

  std::vector<Pdq256> codes_;
  std::vector<RowId> rows_;
  std::atomic<size_t> size_{0};
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

}  // namespace vigie
