#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "engine/index/live_index.h"
#include "engine/index/multi_index_hash.h"
#include "tests/support/engine_fixtures.h"
#include "tests/support/substring_tables.h"

namespace vigie {
namespace {

using testing::Random;

TEST(CompareWithScan, AnIndexThatIsRightAgreesWhileItChanges) {
  Random random(11);
  LiveIndex index({.head_capacity = 64});
  const Pdq256 centre = random.Hash();
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    Random own(12);
    for (RowId row = 1; row < 20'000 && !stop; ++row) {
      const Pdq256 code =
          own.OneIn(3) ? own.Near(centre, static_cast<int>(own.Below(40))) : own.Hash();
      EXPECT_TRUE(index.Add({&code, 1}, {&row, 1}).ok());
      if (own.OneIn(3)) {
        const RowId gone = 1 + static_cast<RowId>(own.Below(row));
        index.Remove({&gone, 1});
      }
      if (own.OneIn(200)) {
        EXPECT_TRUE(index.Maintain().ok());
      }
    }
  });
  for (int i = 0; i < 400; ++i) {
    const size_t most = random.OneIn(2) ? SIZE_MAX : 1 + random.Below(500);
    const auto status =
        index.CompareWithScan(random.Near(centre, static_cast<int>(random.Below(8))), 31, most,
                              static_cast<double>(random.Below(1000)) / 1000);
    EXPECT_TRUE(status.ok()) << status;
  }
  stop = true;
  writer.join();
}

TEST(CompareWithScan, AnEmptyIndexAgrees) {
  Random random(13);
  const LiveIndex index({});
  EXPECT_TRUE(index.CompareWithScan(random.Hash(), 31, 100, 0.5).ok());
}

// A segment whose lookup tables are not those of its codes, as damage in memory would leave it.
TEST(CompareWithScan, ALookupThatMissesARowIsFoundOut) {
  Random random(14);
  HugeVector<Pdq256> codes;
  HugeVector<Pdq256> others;
  std::vector<RowId> rows;
  for (RowId row = 1; row <= 20'000; ++row) {
    codes.push_back(random.Hash());
    others.push_back(random.Hash());
    rows.push_back(row);
  }
  const Pdq256 last = codes.back();
  auto right = MultiIndexHash(HugeVector<Pdq256>(others), 0, true);
  auto wrong = MultiIndexHash::FromTables(HugeVector<Pdq256>(codes),
                                          CopyOf(right.tables().all(), codes.size()));
  ASSERT_NE(wrong, nullptr);
  LiveIndex index({});
  auto segment = SealedIndex::FromIndex(std::move(wrong), rows);
  ASSERT_TRUE(segment.ok());
  ASSERT_TRUE(index.Restore({*segment}).ok());
  const absl::Status status = index.CompareWithScan(last, 0, SIZE_MAX, 0);
  EXPECT_EQ(ReasonOf(status), "INDEX_DISAGREES") << status;
}

}  // namespace
}  // namespace vigie
