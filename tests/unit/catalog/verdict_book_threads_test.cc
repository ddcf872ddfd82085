// Verdicts noted by many threads beside flushes and changes: all are written down, each once.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "engine/catalog/verdict_book.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

using testing::EntryOf;
using testing::PdqPrint;
using testing::Take;

TEST(VerdictBookThreads, EveryVerdictIsWrittenOnceAndFirstOnesBeforeNoteReturns) {
  constexpr int kThreads = 3;
  constexpr int kVerdicts = 60;
  constexpr EntryNumber kEntries = 4;
  testing::World world;
  testing::Random random(8);
  const Principal flagger = testing::Flagger("org-a");
  const ListRecord list = world.MakeList(flagger, "known");
  for (EntryNumber i = 0; i < kEntries; ++i) {
    world.Submit(flagger, "known", EntryOf({PdqPrint(random.Hash())}));
  }
  VerdictBook book(world.catalog(), world.clock(), {.match_rate = {.uploads = 0}});
  std::atomic<bool> over{false};
  std::atomic<int> late{0};
  std::thread flusher([&] {
    while (!over.load()) EXPECT_TRUE(book.Flush(/*all=*/true).ok());
  });
  std::vector<std::thread> platforms;
  for (int t = 0; t < kThreads; ++t) {
    platforms.emplace_back([&, t] {
      const std::string organisation = "forum-" + std::to_string(t);
      for (int i = 0; i < kVerdicts; ++i) {
        const auto entry = static_cast<EntryNumber>(1 + i % static_cast<int>(kEntries));
        book.Note({.time_us = 5,
                   .organisation = organisation,
                   .key_id = "key",
                   .outcome = Outcome::kMatch,
                   .action = Action::kBlock,
                   .revision = world.catalog().revision(),
                   .matches = {{.entry = entry, .list = list.number, .action = Action::kBlock}}},
                  UploadId{static_cast<uint8_t>(i)});
        // The first of each pair is there when Note() returns.
        if (i < static_cast<int>(kEntries) &&
            Take(world.store().verdicts().CountSightings(entry)).platforms == 0) {
          ++late;
        }
      }
    });
  }
  for (std::thread& platform : platforms) platform.join();
  over.store(true);
  flusher.join();
  ASSERT_TRUE(book.Flush(/*all=*/true).ok());
  EXPECT_EQ(late.load(), 0);
  int64_t blocked = 0;
  for (EntryNumber entry = 1; entry <= kEntries; ++entry) {
    const Sightings seen = Take(world.store().verdicts().CountSightings(entry));
    EXPECT_EQ(seen.platforms, kThreads);
    blocked += seen.blocked;
  }
  EXPECT_EQ(blocked, kThreads * kVerdicts);
  int64_t checks = 0;
  for (const CheckCount& count : Take(world.store().verdicts().ReadCheckCounts(0))) {
    checks += count.checks;
  }
  EXPECT_EQ(checks, kThreads * kVerdicts);
}

}  // namespace
}  // namespace vigie
