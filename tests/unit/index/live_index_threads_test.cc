// The live index while several threads use it: what was acknowledged before a search began is in
// its answer, what was removed is not. No timing: threads do a fixed amount of work.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/index/live_index.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

using testing::Random;

constexpr RowId kRows = 2400;

enum class Round { kDue, kSealAll, kSettle };

class LiveIndexThreads : public ::testing::TestWithParam<Round> {};

TEST_P(LiveIndexThreads, AcknowledgedRowsAreFoundAndRemovedOnesAreNot) {
  Random random(21);
  std::vector<Pdq256> hashes(kRows + 1);
  for (Pdq256& hash : hashes) hash = random.Hash();
  LiveIndex index({.head_capacity = 32, .most_settled = kRows / 2, .many_in_heads = 8});
  std::array<std::atomic<bool>, kRows + 1> present{};   // Add() returned
  std::array<std::atomic<bool>, kRows + 1> removing{};  // Remove() is about to be called
  std::array<std::atomic<bool>, kRows + 1> removed{};   // Remove() returned
  std::atomic<RowId> newest{0};
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};

  // Ids are handed out and added under one lock, as the catalogue's queue does.
  std::mutex order;
  RowId next = 1;
  const auto write = [&] {
    while (true) {
      RowId row = 0;
      {
        const std::lock_guard lock(order);
        if (next > kRows) return;
        row = next++;
        if (!index.Add({&hashes[row], 1}, {&row, 1}).ok()) ++wrong;
      }
      present[row].store(true);
      newest.store(row);
      if (row % 3 == 0) {
        removing[row].store(true);
        index.Remove({&row, 1});
        removed[row].store(true);
      }
    }
  };
  const auto maintain = [&] {
    while (!stop) {
      if (!index.Maintain(GetParam() == Round::kSealAll).ok()) ++wrong;
      if (GetParam() == Round::kSettle && !index.Settle().ok()) ++wrong;
    }
  };
  const auto read = [&](uint64_t seed) {
    std::mt19937_64 bits(seed);
    while (!stop) {
      const RowId limit = newest.load();
      if (limit == 0) continue;
      const RowId row = 1 + static_cast<RowId>(bits() % limit);
      const bool was_present = present[row].load();
      const bool was_removed = removed[row].load();
      const auto result = index.Search({&hashes[row], 1}, 0, SIZE_MAX);
      if (!result.ok()) {
        ++wrong;
        continue;
      }
      const bool found = !result->hits.empty();
      if (found && (result->hits.size() != 1 || result->hits[0].row != row)) ++wrong;
      if (found && was_removed) ++wrong;
      if (!found && was_present && !removing[row].load()) ++wrong;
    }
  };

  std::thread maintainer(maintain);
  std::vector<std::thread> readers;
  for (uint64_t seed = 1; seed <= 3; ++seed) readers.emplace_back(read, seed);
  std::vector<std::thread> writers;
  for (int t = 0; t < 2; ++t) writers.emplace_back(write);
  for (auto& writer : writers) writer.join();
  stop = true;
  maintainer.join();
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);

  ASSERT_TRUE(index.Maintain(true).ok());
  for (RowId row = 1; row <= kRows; ++row) {
    const auto result = index.Search({&hashes[row], 1}, 0, SIZE_MAX);
    ASSERT_TRUE(result.ok());
    ASSERT_EQ(result->total, row % 3 == 0 ? 0U : 1U) << "row " << row;
  }
}

std::string NameOf(const ::testing::TestParamInfo<Round>& param) {
  const char* const names[] = {"SealingFullHeads", "SealingEverything", "Settling"};
  return names[static_cast<size_t>(param.param)];
}

INSTANTIATE_TEST_SUITE_P(Maintain, LiveIndexThreads,
                         ::testing::Values(Round::kDue, Round::kSealAll, Round::kSettle), NameOf);

}  // namespace
}  // namespace vigie
