#include "engine/index/digest_index.h"

#include <gmock/gmock.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(DigestIndex, FindsTheRowsOfADigestOldestFirst) {
  DigestIndex index;
  const std::string value = testing::Sha256Print("a").value;
  index.Add(Algorithm::kSha256, value, 7);
  index.Add(Algorithm::kSha256, testing::Sha256Print("b").value, 8);
  index.Add(Algorithm::kSha256, value, 9);
  EXPECT_THAT(index.Find(Algorithm::kSha256, value), ElementsAre(7, 9));
  EXPECT_THAT(index.Find(Algorithm::kSha256, testing::Sha256Print("c").value), IsEmpty());
}

TEST(DigestIndex, AlgorithmsDoNotSeeEachOther) {
  DigestIndex index;
  const std::string value(20, 'x');
  index.Add(Algorithm::kSha1, value, 1);
  EXPECT_THAT(index.Find(Algorithm::kMd5, value), IsEmpty());
  EXPECT_FALSE(index.Unused(Algorithm::kSha1));
  EXPECT_TRUE(index.Unused(Algorithm::kMd5));
}

TEST(DigestIndex, RemovingTakesOneRowAndUnknownOnesAreFine) {
  DigestIndex index;
  const std::string value = testing::Md5Print("a").value;
  index.Add(Algorithm::kMd5, value, 1);
  index.Add(Algorithm::kMd5, value, 2);
  index.Remove(Algorithm::kMd5, value, 1);
  index.Remove(Algorithm::kMd5, value, 99);
  index.Remove(Algorithm::kMd5, testing::Md5Print("b").value, 1);
  EXPECT_THAT(index.Find(Algorithm::kMd5, value), ElementsAre(2));
  index.Remove(Algorithm::kMd5, value, 2);
  EXPECT_THAT(index.Find(Algorithm::kMd5, value), IsEmpty());
}

TEST(DigestIndex, EmptyValueIsAnOrdinaryMiss) {
  const DigestIndex index;
  EXPECT_THAT(index.Find(Algorithm::kSha256, ""), IsEmpty());
}

TEST(DigestIndex, ReadersFindEveryAcknowledgedRowWhileOthersWrite) {
  constexpr RowId kRows = 2000;
  DigestIndex index;
  std::vector<std::string> values;
  for (RowId row = 0; row < kRows; ++row) {
    values.push_back(testing::Sha256Print(std::to_string(row)).value);
  }
  std::atomic<RowId> added{0};
  std::thread writer([&] {
    for (RowId row = 0; row < kRows; ++row) {
      index.Add(Algorithm::kSha256, values[row], row);
      if (row % 2 == 1) index.Remove(Algorithm::kSha256, values[row], row);
      added.store(row + 1);
    }
  });
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (int t = 0; t < 2; ++t) {
    readers.emplace_back([&] {
      for (RowId seen = 0; seen < kRows; seen = added.load()) {
        if (seen == 0) continue;
        const RowId row = seen - 1;
        const bool found = !index.Find(Algorithm::kSha256, values[row]).empty();
        if (found != (row % 2 == 0)) ++wrong;
      }
    });
  }
  writer.join();
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace vigie
