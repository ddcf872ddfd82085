// Group commit and what happens when the database fails: acknowledged is durable and visible,
// refused is nowhere.
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/catalog/catalog.h"
#include "engine/store/sqlite_store.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

using ::testing::ElementsAre;
using testing::EntryOf;
using testing::Flagger;
using ::testing::IsEmpty;
using testing::PdqPrint;
using testing::Random;
using testing::Sha256Print;
using ::testing::SizeIs;
using testing::World;

const Principal kOrg = Flagger("org-a");

TEST(GroupCommit, WhatManyThreadsWereToldIsVisibleAndRevisionsGrow) {
  constexpr int kThreads = 6;
  constexpr int kUploads = 25;
  World world({.index = {.head_capacity = 16}});
  world.MakeList(kOrg, "known");
  const int begun_before = world.store().begun();
  std::atomic<int> wrong{0};
  std::atomic<bool> stop{false};
  std::mutex mutex;
  std::set<EntryNumber> numbers;

  const auto upload = [&](int thread) {
    Random random(100 + static_cast<uint64_t>(thread));
    Revision last = 0;
    for (int i = 0; i < kUploads; ++i) {
      const Pdq256 hash = random.Hash();
      const NewEntry entry = EntryOf({PdqPrint(hash), Sha256Print(absl::StrCat(thread, "/", i))});
      const auto outcome = world.catalog().Upload(kOrg, "known", {&entry, 1});
      if (!outcome.ok() || !outcome->results[0].created || outcome->revision <= last ||
          outcome->revision > world.catalog().revision()) {
        ++wrong;
        return;
      }
      last = outcome->revision;
      const EntryNumber number = outcome->results[0].entry.number;
      const auto hits = world.catalog().FindNear({&hash, 1}, 0);
      if (!hits.ok() || hits->size() != 1 || hits->front().row.entry != number) ++wrong;
      if (i % 5 == 0) {
        const std::string id = world.catalog().EntryId(number);
        if (!world.catalog().Transition(kOrg, "known", id, EntryAction::kWithdraw, {}).ok())
          ++wrong;
        if (!world.catalog().FindNear({&hash, 1}, 0)->empty()) ++wrong;
      }
      const std::lock_guard lock(mutex);
      numbers.insert(number);
    }
  };
  std::thread maintainer([&] {
    while (!stop) {
      if (!world.catalog().Maintain().ok()) ++wrong;
      if (!world.catalog().ListEntries(kOrg, "known", 3, "").ok()) ++wrong;
    }
  });
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) threads.emplace_back(upload, t);
  for (auto& thread : threads) thread.join();
  stop = true;
  maintainer.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_THAT(numbers, SizeIs(kThreads * kUploads)) << "numbers are given once";
  EXPECT_EQ(*numbers.rbegin(), static_cast<EntryNumber>(kThreads * kUploads));
  EXPECT_LE(world.store().begun() - begun_before, kThreads * kUploads * 6 / 5);
  EXPECT_EQ(world.catalog().revision(), world.store().ReadCounters()->revision);
}

TEST(GroupCommit, TheLimitOfListsHoldsForListsMadeAtOnce) {
  World world({.max_lists_per_organisation = 5});
  std::atomic<int> created{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&world, &created, t] {
      for (int i = 0; i < 4; ++i) {
        if (world.catalog().CreateList(kOrg, {.id = absl::StrCat("list-", t, "-", i)}).ok()) {
          ++created;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(created, 5);
  EXPECT_THAT(world.catalog().ListLists(kOrg, 100, "")->items, SizeIs(5));
}

TEST(GroupCommit, AListThatGainsAnEntryMeanwhileIsNotDeletedWithoutForce) {
  World world;
  Random random(5);
  for (int round = 0; round < 40; ++round) {
    const std::string id = absl::StrCat("list-", round);
    world.MakeList(kOrg, id);
    const NewEntry entry = EntryOf({PdqPrint(random.Hash())});
    absl::StatusOr<UploadOutcome> uploaded = absl::UnknownError("");
    std::thread uploader([&] { uploaded = world.catalog().Upload(kOrg, id, {&entry, 1}); });
    const absl::Status deleted = world.catalog().DeleteList(kOrg, id, /*force=*/false);
    uploader.join();
    // One of the two came first; the other was refused.
    EXPECT_NE(uploaded.ok(), deleted.ok()) << deleted << ' ' << uploaded.status();
  }
}

// Everything a caller can see.
std::string Everything(World& world, const std::vector<Pdq256>& hashes) {
  std::string all;
  Catalog& catalog = world.catalog();
  const auto lists = testing::Take(catalog.ListLists(kOrg, 100, ""));
  for (const ListRecord& list : lists.items) {
    absl::StrAppend(&all, list.id, " ", list.display_name, " ", list.revision, "\n");
    const auto entries = testing::Take(catalog.ListEntries(kOrg, list.id, 1000, ""));
    for (const EntryRecord& entry : entries.items) {
      absl::StrAppend(&all, "  ", entry.number, " ", ToAbsl(Name(entry.state)), " ",
                      entry.external_reference, " ", entry.revision, "\n");
    }
  }
  for (const Pdq256& hash : hashes) {
    for (const EntryNumber entry : world.Near(hash)) absl::StrAppend(&all, entry, " ");
    absl::StrAppend(&all, "near\n");
  }
  absl::StrAppend(&all, "copies ",
                  catalog.FindCopies(Algorithm::kSha256, Sha256Print("x").value).size());
  return all;
}

TEST(StoreFailure, AtEachStepIsAnErrorThatLeavesNothingAndTheNextWriteWorks) {
  Random random(6);
  const std::vector<Pdq256> hashes = {random.Hash(), random.Hash(), random.Hash(), random.Hash()};
  const std::vector<NewEntry> entries = {EntryOf({PdqPrint(hashes[1]), Sha256Print("x")}),
                                         EntryOf({PdqPrint(hashes[2])})};
  const std::vector<std::function<absl::Status(Catalog&)>> changes = {
      [&](Catalog& c) { return c.CreateList(kOrg, {.id = "new"}).status(); },
      [&](Catalog& c) { return c.UpdateList(kOrg, "known", {.display_name = "renamed"}).status(); },
      [&](Catalog& c) { return c.Upload(kOrg, "known", entries).status(); },
      [&](Catalog& c) {
        return c.Transition(kOrg, "known", c.EntryId(1), EntryAction::kWithdraw, {}).status();
      },
      [&](Catalog& c) { return c.DeleteList(kOrg, "known", true); },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    int failures = 0;
    for (int step = 1; step <= 20; ++step) {
      World world;
      world.MakeList(kOrg, "known");
      world.Submit(kOrg, "known", EntryOf({PdqPrint(hashes[0])}));
      const std::string before = Everything(world, hashes);
      const Revision revision = world.catalog().revision();
      world.store().FailAt(step);
      const absl::Status status = changes[i](world.catalog());
      if (world.store().calls() < step) {
        EXPECT_TRUE(status.ok()) << status;
        break;  // every step has failed once
      }
      ++failures;
      EXPECT_EQ(ReasonOf(status), "DATABASE_FAILED") << "change " << i << " step " << step;
      EXPECT_EQ(Everything(world, hashes), before) << "change " << i << " step " << step;
      EXPECT_EQ(world.catalog().revision(), revision);
      EXPECT_TRUE(world.catalog().health().ok());
      world.store().FailAt(0);
      const EntryRecord next = world.Submit(kOrg, "known", EntryOf({PdqPrint(hashes[3])}));
      EXPECT_THAT(world.Near(hashes[3]), ElementsAre(next.number));
      EXPECT_EQ(next.revision, revision + 1);
      ASSERT_TRUE(changes[i](world.catalog()).ok());
      const std::string after = Everything(world, hashes);
      world.Reopen();
      EXPECT_EQ(Everything(world, hashes), after);
    }
    EXPECT_GE(failures, 4) << "change " << i << ": begin, read, write, commit";
  }
}

TEST(StoreFailure, AnExceptionBeforeTheCommitIsAnErrorAndTheNextWriteWorks) {
  World world;
  Random random(7);
  const Pdq256 hash = random.Hash();
  world.MakeList(kOrg, "known");
  world.store().before_commit = [] { throw std::bad_alloc(); };
  const NewEntry entry = EntryOf({PdqPrint(hash)});
  const auto outcome = world.catalog().Upload(kOrg, "known", {&entry, 1});
  EXPECT_EQ(ReasonOf(outcome.status()), "OUT_OF_MEMORY");
  EXPECT_THAT(world.Near(hash), IsEmpty());
  world.store().before_commit = nullptr;
  world.Submit(kOrg, "known", entry);
  EXPECT_THAT(world.Near(hash), SizeIs(1));
}

TEST(StoreFailure, ASecondServerOnTheSameDatabaseIsRefusedAndLosesNothing) {
  World world;
  Random random(8);
  world.MakeList(kOrg, "known");
  auto store = OpenSqliteStore(world.file());
  ASSERT_TRUE(store.ok());
  auto second = Catalog::Open(**store, world.clock(), {}, {});
  ASSERT_TRUE(second.ok());
  const EntryRecord first = world.Submit(kOrg, "known", EntryOf({PdqPrint(random.Hash())}));
  // It does not know the entry: its numbers, and its idea of what matches, are out of date.
  const NewEntry entry = EntryOf({PdqPrint(random.Hash())});
  EXPECT_EQ(ReasonOf((*second)->Upload(kOrg, "known", {&entry, 1}).status()), "DATABASE_IN_USE");
  EXPECT_EQ(ReasonOf((*second)->UpdateList(kOrg, "known", {.max_distance = 3}).status()),
            "DATABASE_IN_USE");
  EXPECT_EQ(ReasonOf((*second)->CreateList(kOrg, {.id = "other"}).status()), "DATABASE_IN_USE");
  EXPECT_EQ(world.Submit(kOrg, "known", entry).number, first.number + 1);
  world.Reopen();
  EXPECT_THAT(world.catalog().ListEntries(kOrg, "known", 10, "")->items, SizeIs(2));
}

}  // namespace
}  // namespace vigie
