// What a restart must not change.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/catalog/catalog.h"
#include "engine/store/sqlite.h"
#include "engine/store/sqlite_store.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

using testing::EntryOf;
using testing::PdqPrint;
using testing::Random;
using testing::WithRole;
using testing::World;

const std::vector<Principal> kOwnersOfEachRole = {
    testing::Flagger("org-a"), testing::Flagger("org-b"), WithRole(Role::kVictimService, "org-v"),
    WithRole(Role::kAuthority, "court")};

// Everything callers see and matching finds, as text.
std::string Describe(World& world, const std::vector<Pdq256>& queries,
                     const std::vector<std::string>& names) {
  Catalog& catalog = world.catalog();
  std::string all =
      absl::StrCat("revision ", catalog.revision(), " widest ", catalog.WidestDistance(), "\n");
  for (const Principal& caller : kOwnersOfEachRole) {
    const auto lists = testing::Take(catalog.ListLists(caller, 1000, ""));
    for (const ListRecord& list : lists.items) {
      absl::StrAppend(&all, list.number, " ", list.id, " ", list.max_distance, " ",
                      list.audience.size(), " ", list.revision, "\n");
      const auto entries = testing::Take(catalog.ListEntries(caller, list.id, 1000, ""));
      for (const EntryRecord& e : entries.items) {
        absl::StrAppend(&all, "  ", e.number, " ", catalog.EntryId(e.number), " ",
                        ToAbsl(Name(e.state)), " ", e.external_reference, " ", e.expires_us, " ",
                        e.first_row, " ", e.reason, " ", e.revision, "\n");
      }
    }
  }
  const auto append = [&all](const JoinedHit& hit) {
    absl::StrAppend(&all, hit.query, ":", hit.distance, " entry ", hit.row.entry, "/",
                    hit.row.position, " q", hit.row.quality, " ", ToAbsl(Name(hit.entry.state)),
                    hit.entry.court_basis ? " court " : " ", hit.entry.expires_us, " ",
                    hit.list->id, "\n");
  };
  for (const JoinedHit& hit : testing::Take(catalog.FindNear(queries, 31))) append(hit);
  for (const std::string& name : names) {
    const std::string value = testing::Sha256Print(name).value;
    for (const JoinedHit& hit : catalog.FindCopies(Algorithm::kSha256, value)) append(hit);
  }
  return all;
}

class Reload : public ::testing::TestWithParam<uint64_t> {};

TEST_P(Reload, GivesTheStateBeforeItAfterRandomOperations) {
  Random random(GetParam());
  World world({.index = {.head_capacity = 8}, .max_lists_per_organisation = 6});
  std::vector<Pdq256> hashes;
  for (int i = 0; i < 8; ++i) hashes.push_back(random.Hash());
  std::vector<std::string> names;
  for (int i = 0; i < 5; ++i) names.push_back(absl::StrCat("copy ", i));
  EntryNumber last = 0;
  for (int step = 0; step < 250; ++step) {
    Catalog& catalog = world.catalog();
    const Principal& caller = kOwnersOfEachRole[random.Below(kOwnersOfEachRole.size())];
    const auto lists = catalog.ListLists(caller, 100, "");
    ASSERT_TRUE(lists.ok());
    const std::string list =
        lists->items.empty() ? "none" : lists->items[random.Below(lists->items.size())].id;
    switch (random.Below(10)) {
      case 0:
        (void)catalog.CreateList(caller, {.id = absl::StrCat("list-", random.Below(12))});
        break;
      case 1:
        (void)catalog.UpdateList(caller, list,
                                 {.max_distance = static_cast<int>(random.Below(40)),
                                  .provisional_hours = 1 + static_cast<int64_t>(random.Below(48)),
                                  .audience = std::vector<std::string>(random.Below(3), "forum")});
        break;
      case 2:
        if (random.OneIn(4)) (void)catalog.DeleteList(caller, list, random.OneIn(2));
        break;
      case 3:
        (void)world.ActAtRandom(random, caller, list, last + 1);
        break;
      case 4:
        world.clock().Advance(static_cast<TimeUs>(random.Below(5)) * testing::kHourUs);
        break;
      case 5:
        ASSERT_TRUE(catalog.Maintain().ok());
        break;
      default: {
        std::vector<NewEntry> entries;
        for (size_t i = random.Below(4); i > 0; --i) {
          const Pdq256 near =
              random.Near(hashes[random.Below(8)], static_cast<int>(random.Below(4)));
          NewEntry entry = EntryOf({PdqPrint(near, 45 + static_cast<int>(random.Below(55)))});
          if (random.OneIn(2)) {
            entry.fingerprints.push_back(testing::Sha256Print(names[random.Below(5)]));
          }
          if (random.OneIn(3)) entry.external_reference = absl::StrCat("ref ", random.Below(20));
          if (random.OneIn(2)) entry.case_reference = "case";
          entries.push_back(entry);
        }
        const auto outcome = catalog.Upload(caller, list, entries);
        if (!outcome.ok()) break;
        for (const UploadResult& result : outcome->results) {
          last = std::max(last, result.entry.number);
        }
      }
    }
    if (step % 50 == 49) {
      const std::string before = Describe(world, hashes, names);
      world.Reopen();
      ASSERT_EQ(Describe(world, hashes, names), before) << "step " << step;
    }
  }
  EXPECT_GT(last, 50U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Reload, ::testing::Values(41, 42, 43));

TEST(Load, ReportsItsProgress) {
  World world;
  world.MakeList(kOwnersOfEachRole[0], "known");
  Random random(44);
  for (int i = 0; i < 3; ++i) {
    world.Submit(kOwnersOfEachRole[0], "known", EntryOf({PdqPrint(random.Hash())}));
  }
  uint64_t last_done = 0;
  uint64_t last_total = 0;
  const auto reloaded =
      Catalog::Open(world.store(), world.clock(), {}, [&](uint64_t done, uint64_t total) {
        EXPECT_GE(done, last_done);
        last_done = done;
        last_total = total;
      });
  ASSERT_TRUE(reloaded.ok()) << reloaded.status();
  EXPECT_EQ(last_done, 3U);
  EXPECT_EQ(last_total, 3U);
}

// Changes that no program of ours makes: damage that a database's own checks do not see.
class ImpossibleRecords : public ::testing::TestWithParam<const char*> {};

TEST_P(ImpossibleRecords, AreDamageNotACrash) {
  testing::TemporaryFolder folder;
  testing::FakeClock clock;
  const std::string path = folder.File("vigie.db");
  {
    auto store = OpenSqliteStore(path);
    ASSERT_TRUE(store.ok());
    auto catalog = Catalog::Open(**store, clock, {}, {});
    ASSERT_TRUE(catalog.ok());
    ASSERT_TRUE((*catalog)->CreateList(kOwnersOfEachRole[0], {.id = "known"}).ok());
    Random random(45);
    const NewEntry entry = EntryOf({PdqPrint(random.Hash())});
    ASSERT_TRUE((*catalog)->Upload(kOwnersOfEachRole[0], "known", {&entry, 1}).ok());
  }
  {
    auto raw = SqlConnection::Open(path);
    ASSERT_TRUE(raw.ok());
    ASSERT_TRUE((*raw)->Exec("PRAGMA foreign_keys=OFF").ok());
    const absl::Status status = (*raw)->Exec(GetParam());
    ASSERT_TRUE(status.ok()) << status;
  }
  auto store = OpenSqliteStore(path);
  ASSERT_TRUE(store.ok());
  const auto catalog = Catalog::Open(**store, clock, {}, {});
  EXPECT_EQ(ReasonOf(catalog.status()), "DATABASE_DAMAGED") << catalog.status();
}

INSTANTIATE_TEST_SUITE_P(
    Load, ImpossibleRecords,
    ::testing::Values("UPDATE fingerprints SET entry=4000000000",
                      "UPDATE fingerprints SET row=4000000000", "UPDATE fingerprints SET row=0",
                      "UPDATE fingerprints SET position=300",
                      "UPDATE fingerprints SET algorithm=9, value=x''",
                      "UPDATE fingerprints SET value=x'00'", "UPDATE entries SET number=4000000000",
                      "UPDATE entries SET list=7", "UPDATE entries SET state=77",
                      "UPDATE lists SET number=4000000000", "UPDATE lists SET number=0",
                      "UPDATE meta SET value=0 WHERE key='entries'",
                      "UPDATE meta SET value=0 WHERE key='rows'"));

}  // namespace
}  // namespace vigie
