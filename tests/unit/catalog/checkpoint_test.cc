// A start from a checkpoint gives what a start from the database gives, whatever has happened to
// the checkpoint.
#include "engine/catalog/checkpoint.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/catalog/catalog.h"
#include "engine/store/sqlite_store.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

using testing::EntryOf;
using testing::Flagger;
using testing::PdqPrint;
using testing::Random;
using testing::Sha256Print;
using testing::Take;
using testing::World;

const std::vector<Principal> kOwners = {Flagger("org-a"), Flagger("org-b"),
                                        testing::WithRole(Role::kAuthority, "court")};

std::string BytesOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void SetBytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

void Append(const JoinedHit& hit, std::string* all) {
  absl::StrAppend(all, hit.query, ":", hit.distance, " entry ", hit.row.entry, "/",
                  hit.row.position, " q", hit.row.quality, " ", ToAbsl(Name(hit.entry.state)), " ",
                  hit.entry.court_basis ? "court " : "", hit.entry.expires_us, " ", hit.list->id,
                  "\n");
}

// A catalogue that was used for a while, and what may be asked of it.
class Checkpoints : public ::testing::Test {
 protected:
  Checkpoints() : random_(71) {
    for (int i = 0; i < 8; ++i) near_.push_back(random_.Hash());
    for (const Principal& caller : kOwners) world_.MakeList(caller, "list-" + caller.organisation);
  }

  std::string Folder() const { return folder_.File("checkpoint"); }
  std::string ListOf(const Principal& caller) const { return "list-" + caller.organisation; }
  Catalog& catalog() { return world_.catalog(); }

  NewEntry AnEntry() {
    NewEntry entry = EntryOf(
        {PdqPrint(random_.Near(near_[random_.Below(8)], static_cast<int>(random_.Below(12))),
                  50 + static_cast<int>(random_.Below(50)))});
    if (random_.OneIn(3)) {
      entry.fingerprints.push_back(Sha256Print(absl::StrCat("copy ", random_.Below(5))));
    }
    if (random_.OneIn(5)) entry.fingerprints.push_back(PdqPrint(random_.Hash()));
    entry.case_reference = "case";
    return entry;
  }

  void Use(int steps) {
    for (int step = 0; step < steps; ++step) {
      const Principal& caller = kOwners[random_.Below(kOwners.size())];
      switch (random_.Below(8)) {
        case 0:
          if (last_ > 0) {
            (void)catalog().Transition(
                caller, ListOf(caller),
                catalog().EntryId(static_cast<EntryNumber>(1 + random_.Below(last_))),
                EntryAction::kWithdraw, {.note = "why"});
          }
          break;
        case 1:
          world_.clock().Advance(static_cast<TimeUs>(random_.Below(30)) * testing::kHourUs);
          break;
        case 2:
          ASSERT_TRUE(catalog().Maintain().ok());
          break;
        case 3:
          (void)catalog().UpdateList(caller, ListOf(caller),
                                     {.max_distance = static_cast<int>(random_.Below(32))});
          break;
        case 4:
          if (random_.OneIn(10)) {
            const std::string extra = absl::StrCat("extra-", step, "-", last_);
            world_.MakeList(caller, extra);
            world_.Submit(caller, extra, AnEntry());
            const bool gone = random_.OneIn(2);
            ASSERT_TRUE(!gone || catalog().DeleteList(caller, extra, true).ok());
          }
          break;
        default: {
          std::vector<NewEntry> entries;
          for (size_t i = random_.Below(4); i > 0; --i) entries.push_back(AnEntry());
          const auto outcome = Take(catalog().Upload(caller, ListOf(caller), entries));
          for (const auto& result : outcome.results) last_ = std::max(last_, result.entry.number);
        }
      }
    }
  }

  std::string Describe(Catalog& of) const {
    std::string all = absl::StrCat("revision ", of.revision(), " widest ", of.WidestDistance());
    for (const Principal& caller : kOwners) {
      for (const ListRecord& list : Take(of.ListLists(caller, 1000, "")).items) {
        absl::StrAppend(&all, "\n", list.id, " ", list.revision, "\n");
        for (const EntryRecord& e : Take(of.ListEntries(caller, list.id, 1000, "")).items) {
          absl::StrAppend(&all, e.number, " ", ToAbsl(Name(e.state)), " ", e.first_row,
                          of.IsActing(e.number) ? " acts\n" : "\n");
        }
      }
    }
    for (const int distance : {0, 10, 31}) {
      for (const JoinedHit& hit : Take(of.FindNear(near_, distance))) Append(hit, &all);
    }
    for (int i = 0; i < 5; ++i) {
      const std::string value = Sha256Print(absl::StrCat("copy ", i)).value;
      for (const JoinedHit& hit : of.FindCopies(Algorithm::kSha256, value)) Append(hit, &all);
    }
    return all;
  }

  void Write() {
    const absl::Status status = catalog().WriteCheckpoint(Folder());
    ASSERT_TRUE(status.ok()) << status;
  }

  // A start with the checkpoint; whatever has happened to it, it answers as one without.
  std::unique_ptr<Catalog> Start() {
    auto started = Take(Catalog::Open(world_.store(), world_.clock(),
                                      {.index = options_, .checkpoint_folder = Folder()}, {}));
    auto from_database = Take(Catalog::Open(world_.store(), world_.clock(), {}, {}));
    EXPECT_EQ(Describe(*started), Describe(*from_database));
    EXPECT_TRUE(started->health().ok());
    return started;
  }
  void ExpectRebuilt(const std::string& what) {
    const auto started = Start();
    EXPECT_FALSE(started->load_report().from_checkpoint) << what;
    EXPECT_FALSE(ReasonOf(started->load_report().checkpoint).empty()) << what;
  }
  void ExpectUsed() {
    const auto started = Start();
    EXPECT_TRUE(started->load_report().from_checkpoint) << started->load_report().checkpoint;
  }

  std::vector<std::string> Files() const {
    std::vector<std::string> files;
    for (const auto& file : std::filesystem::directory_iterator(Folder())) {
      files.push_back(file.path().string());
    }
    std::sort(files.begin(), files.end());
    return files;
  }

  LiveIndexOptions options_ = {.head_capacity = 8};
  testing::TemporaryFolder folder_;
  World world_{{.index = options_}};
  Random random_;
  std::vector<Pdq256> near_;
  EntryNumber last_ = 0;
};

class RandomUse : public Checkpoints, public ::testing::WithParamInterface<uint64_t> {};

TEST_P(RandomUse, BeforeAndAfterTheCheckpointIsThereAfterAStart) {
  random_ = Random(GetParam());
  for (int round = 0; round < 6; ++round) {
    Use(60);
    Write();
    ExpectUsed();
    Use(static_cast<int>(random_.Below(40)));
    ExpectUsed();
    Use(static_cast<int>(random_.Below(40)));
    ASSERT_TRUE(catalog().Maintain().ok());  // what is due is written by one of the two only
    const auto started = Start();
    ASSERT_TRUE(started->load_report().from_checkpoint);
    // What was started so can be saved, and started from, again.
    ASSERT_TRUE(started->Maintain().ok());
    ASSERT_TRUE(started->WriteCheckpoint(Folder()).ok());
    ExpectUsed();
  }
  EXPECT_GT(last_, 100U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomUse, ::testing::Values(72, 73, 74, 75));

TEST_F(Checkpoints, OfAnEmptyCatalogueIsOne) {
  Write();
  ExpectUsed();
}

TEST_F(Checkpoints, WhatIsDoneAfterItCountsAfterAStart) {
  const Principal& caller = kOwners[0];
  const Pdq256 before = random_.Hash();
  const Pdq256 after = random_.Hash();
  const Pdq256 deleted = random_.Hash();
  const auto entry = [&](const Pdq256& hash) {
    return EntryOf({PdqPrint(hash), Sha256Print("copy 1")});
  };
  const EntryRecord first = world_.Submit(caller, ListOf(caller), entry(before));
  world_.MakeList(caller, "short-lived");
  world_.Submit(caller, "short-lived", entry(deleted));
  Write();
  EXPECT_EQ(catalog().rows_changed(), 0U);
  ASSERT_TRUE(catalog()
                  .Transition(caller, ListOf(caller), catalog().EntryId(first.number),
                              EntryAction::kWithdraw, {})
                  .ok());
  ASSERT_TRUE(catalog().DeleteList(caller, "short-lived", true).ok());
  const EntryRecord late = world_.Submit(caller, ListOf(caller), entry(after));
  EXPECT_EQ(catalog().rows_changed(), 4U);

  const auto started = Start();
  ASSERT_TRUE(started->load_report().from_checkpoint) << started->load_report().checkpoint;
  EXPECT_EQ(started->rows_changed(), 4U);
  EXPECT_TRUE(started->FindNear({&before, 1}, 31)->empty());
  EXPECT_TRUE(started->FindNear({&deleted, 1}, 31)->empty());
  ASSERT_EQ(started->FindNear({&after, 1}, 31)->size(), 1U);
  const auto copies = started->FindCopies(Algorithm::kSha256, Sha256Print("copy 1").value);
  ASSERT_EQ(copies.size(), 1U);
  EXPECT_EQ(copies[0].row.entry, late.number);
  // It goes on numbering where the other stood.
  const NewEntry next = entry(before);
  const auto outcome = Take(started->Upload(caller, "list-org-a", {&next, 1}));
  EXPECT_FALSE(outcome.results[0].created) << "withdrawn stays withdrawn";
}

TEST_F(Checkpoints, FilesAreTheOwnersOnlyAndOldOnesGo) {
  Use(80);
  Write();
  const auto first = Files();
  Use(80);
  SetBytes(Folder() + "/0123456789abcdef.facts.tmp", "half-written");
  SetBytes(Folder() + "/notes", "not ours");
  Write();
  for (const std::string& file : Files()) {
    if (file.ends_with("/notes")) continue;
    struct stat facts {};
    ASSERT_EQ(stat(file.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0600U) << file;
    EXPECT_FALSE(file.ends_with(".tmp"));
    EXPECT_EQ(std::count(first.begin(), first.end(), file), file.ends_with("/manifest") ? 1 : 0);
  }
  EXPECT_TRUE(std::filesystem::exists(Folder() + "/notes"));
  struct stat facts {};
  ASSERT_EQ(stat(Folder().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0700U);
  ExpectUsed();
}

TEST_F(Checkpoints, CutAnywhereAreRebuilt) {
  Use(150);
  Write();
  for (const std::string& file : Files()) {
    const std::string whole = BytesOf(file);
    for (size_t i = 0; i < 64; ++i) {
      SetBytes(file, whole.substr(0, whole.size() * i / 64));
      ExpectRebuilt(absl::StrCat(file, " cut at ", i, "/64"));
    }
    SetBytes(file, whole + std::string(7, '\0'));
    ExpectRebuilt(file + " extended");
    SetBytes(file, whole);
  }
  ExpectUsed();
}

TEST_F(Checkpoints, ChangedInAnyBitAreRebuilt) {
  Use(150);
  Write();
  for (const std::string& file : Files()) {
    const std::string whole = BytesOf(file);
    for (int i = 0; i < 60; ++i) {
      const size_t at =
          random_.Below(i % 3 == 0 ? std::min<size_t>(96, whole.size()) : whole.size());
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ (1 << random_.Below(8)));
      SetBytes(file, changed);
      ExpectRebuilt(absl::StrCat(file, " byte ", at));
    }
    SetBytes(file, whole);
  }
  ExpectUsed();
}

TEST_F(Checkpoints, ThatLackAFileAreRebuilt) {
  Use(100);
  Write();
  const auto files = Files();
  ASSERT_GE(files.size(), 4U);
  for (const std::string& file : files) {
    std::filesystem::rename(file, file + ".away");
    ExpectRebuilt(file + " missing");
    std::filesystem::rename(file + ".away", file);
  }
  ExpectUsed();
  // Each is sound, and not the one that the manifest names.
  const auto facts = *std::find_if(files.begin(), files.end(),
                                   [](const auto& file) { return file.ends_with(".facts"); });
  const std::string old = BytesOf(facts);
  Use(20);
  Write();
  for (const std::string& file : Files()) {
    if (file.ends_with(".facts")) SetBytes(file, old);
  }
  ExpectRebuilt("the facts of an older one");
}

TEST_F(Checkpoints, WithoutAnEndAreRebuiltAndWrittenAnew) {
  Use(100);
  Write();
  Use(30);
  const std::string before = BytesOf(Folder() + "/manifest");
  // Ended after the database took the mark, before the manifest was there.
  const uint64_t mark = *world_.store().ReadCheckpointMark();
  ASSERT_TRUE(world_.store().SetCheckpointMark(mark + 1).ok());
  ExpectRebuilt("a mark without a manifest");
  Write();
  ExpectUsed();
  // The manifest of an older one came back.
  SetBytes(Folder() + "/manifest", before);
  ExpectRebuilt("an older manifest");
  std::filesystem::remove(Folder() + "/manifest");
  ExpectRebuilt("no manifest");
  std::filesystem::remove_all(Folder());
  ExpectRebuilt("no folder");
  Write();
  ExpectUsed();
}

TEST_F(Checkpoints, OfAnotherDatabaseVersionOrTimeAreRefused) {
  Use(100);
  Write();
  const CheckpointManifest good = Take(ReadManifest(Folder()));
  const auto with = [&](const std::function<void(CheckpointManifest&)>& change) {
    CheckpointManifest manifest = good;
    change(manifest);
    EXPECT_TRUE(WriteManifest(Folder(), manifest).ok());
  };
  with([](auto& manifest) { manifest.database[3] ^= 1; });
  ExpectRebuilt("of another database");
  with([](auto& manifest) { manifest.revision += 1000; });
  ExpectRebuilt("newer than the database");
  with([](auto& manifest) { manifest.last_entry += 1; });
  ExpectRebuilt("more entries than there are");
  with([](auto& manifest) { manifest.last_row -= 1; });
  ExpectRebuilt("fewer rows than there are");
  with([](auto& manifest) { manifest.segments.clear(); });
  ExpectRebuilt("rows that no segment has");
  with([](auto& manifest) { manifest.segments.push_back(manifest.segments[0]); });
  ExpectRebuilt("a segment that there is not");
  with([](auto&) {});
  ExpectUsed();

  for (const std::string& file : Files()) {
    const std::string whole = BytesOf(file);
    for (const char version : {'\0', '\x7f', 'M'}) {
      std::string other = whole.substr(0, whole.size() - sizeof(uint64_t));
      other[8] = version;
      {
        CheckedFileWriter writer(file);
        ASSERT_TRUE(writer.Write(other.data(), other.size()).ok());
        ASSERT_TRUE(writer.Finish().ok());
      }
      ExpectRebuilt(absl::StrCat(file, " of version ", int{version}));
    }
    SetBytes(file, whole);
  }
  ExpectUsed();
  options_.kind = IndexKind::kFlat;
  ExpectRebuilt("another kind of index is configured");
}

TEST_F(Checkpoints, OfADatabaseThatWentAnotherWayAreRefused) {
  Use(60);
  const std::string backup = folder_.File("backup.db");
  {
    const auto raw = Take(OpenSqliteStore(world_.file()));  // so that the log is in the file
  }
  std::filesystem::copy_file(world_.file(), backup);
  if (std::filesystem::exists(world_.file() + "-wal")) {
    std::filesystem::copy_file(world_.file() + "-wal", backup + "-wal");
  }
  const Principal& caller = kOwners[0];
  const Pdq256 lost = random_.Hash();
  world_.Submit(caller, ListOf(caller), EntryOf({PdqPrint(lost)}));
  Write();
  // The backup is put in place and used until it has a higher revision than the checkpoint.
  auto store = Take(OpenSqliteStore(backup));
  auto restored = Take(Catalog::Open(*store, world_.clock(), {}, {}));
  std::vector<Pdq256> kept;
  while (restored->revision() <= catalog().revision()) {
    kept.push_back(random_.Hash());
    const NewEntry entry = EntryOf({PdqPrint(kept.back())});
    ASSERT_TRUE(restored->Upload(caller, ListOf(caller), {&entry, 1}).ok());
  }
  restored = Take(Catalog::Open(*store, world_.clock(), {.checkpoint_folder = Folder()}, {}));
  EXPECT_FALSE(restored->load_report().from_checkpoint);
  EXPECT_TRUE(restored->FindNear({&lost, 1}, 31)->empty());
  for (const Pdq256& hash : kept) EXPECT_EQ(restored->FindNear({&hash, 1}, 0)->size(), 1U);
}

TEST_F(Checkpoints, WrittenWhileWritersRunAreConsistent) {
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      Random random(200 + static_cast<uint64_t>(t));
      const Principal& caller = kOwners[static_cast<size_t>(t)];
      for (int i = 0; i < 60; ++i) {
        std::vector<Fingerprint> prints = {PdqPrint(random.Near(near_[random.Below(8)], 5))};
        if (random.OneIn(2)) prints.push_back(Sha256Print(absl::StrCat("copy ", random.Below(5))));
        NewEntry entry = EntryOf(prints);
        entry.case_reference = "case";
        const auto outcome = catalog().Upload(caller, ListOf(caller), {&entry, 1});
        if (!outcome.ok()) ++wrong;
        if (outcome.ok() && random.OneIn(3)) {
          const std::string id = catalog().EntryId(outcome->results[0].entry.number);
          if (!catalog().Transition(caller, ListOf(caller), id, EntryAction::kWithdraw, {}).ok())
            ++wrong;
        }
      }
    });
  }
  std::thread maintainer([&] {
    while (!stop) {
      if (!catalog().Maintain().ok()) ++wrong;
    }
  });
  std::thread second([&] {  // waits for the other writer of checkpoints
    while (!stop) {
      if (!catalog().WriteCheckpoint(Folder()).ok()) ++wrong;
    }
  });
  for (int i = 0; i < 5; ++i) Write();
  for (auto& thread : threads) thread.join();
  stop = true;
  maintainer.join();
  second.join();
  EXPECT_EQ(wrong, 0);
  // The last one may be of any moment; each was good.
  ExpectUsed();
}

// One left as it was at some moment of a busy catalogue, which then went on.
TEST_F(Checkpoints, WrittenInTheMidstOfChangesAndLeftThereAreGood) {
  for (int round = 0; round < 5; ++round) {
    std::thread writer([&] { Use(60); });
    Write();
    writer.join();
    ExpectUsed();
  }
}

TEST_F(Checkpoints, ThatCannotBeWrittenAreAnErrorAndLeaveNothing) {
  Use(30);
  SetBytes(Folder(), "a file where the folder should be");
  EXPECT_EQ(ReasonOf(catalog().WriteCheckpoint(Folder())), "FILE_FAILED");
  ExpectRebuilt("not a folder");
  std::filesystem::remove(Folder());
  EXPECT_EQ(ReasonOf(catalog().WriteCheckpoint(folder_.File("no/such/folder"))), "FILE_FAILED");
  EXPECT_GT(catalog().rows_changed(), 0U);
}

}  // namespace
}  // namespace vigie
