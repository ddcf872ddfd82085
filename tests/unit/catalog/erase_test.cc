// What is left of an erased entry: nothing in memory's answers, the database's files or the
// checkpoint, but its number, its state and its events.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/catalog/catalog.h"
#include "engine/store/sqlite.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

using testing::EntryOf;
using ::testing::IsEmpty;
using testing::kErasure;
using testing::kFlagger;
using testing::PdqPrint;
using testing::Random;
using testing::Sha256Print;
using testing::Take;
using testing::World;

std::string Bytes(const Pdq256& hash) { return {hash.bytes.begin(), hash.bytes.end()}; }

// The files below `folder` that hold `bytes` anywhere.
std::vector<std::string> FilesWith(const std::string& bytes, const std::filesystem::path& folder) {
  std::vector<std::string> found;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
    if (!file.is_regular_file()) continue;
    std::ifstream stream(file.path(), std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(stream), {}};
    if (content.find(bytes) != std::string::npos) found.push_back(file.path().filename());
  }
  return found;
}

class Erasing : public ::testing::Test {
 protected:
  Erasing() : world_({.checkpoint_folder = checkpoints_.File("checkpoint")}), random_(51) {
    world_.MakeList(kFlagger, "known");
    for (int i = 0; i < 300; ++i) Submit(random_.Hash());
  }

  NewEntry Picture(const Pdq256& hash) {
    NewEntry entry = EntryOf({PdqPrint(hash), Sha256Print(Bytes(hash))});
    entry.jurisdiction = "Atlantis-" + ToHex(hash.bytes).substr(0, 12);
    return entry;
  }
  EntryRecord Submit(const Pdq256& hash) { return world_.Submit(kFlagger, "known", Picture(hash)); }
  void Checkpoint() {
    const absl::Status status = world_.catalog().WriteCheckpoint(checkpoints_.File("checkpoint"));
    ASSERT_TRUE(status.ok()) << status;
  }
  std::vector<std::string> Traces(const std::string& bytes) {
    auto traces = FilesWith(bytes, std::filesystem::path(world_.file()).parent_path());
    for (const auto& name : FilesWith(bytes, checkpoints_.path())) traces.push_back(name);
    return traces;
  }
  void ExpectNoTrace(const Pdq256& hash, const EntryRecord& entry) {
    EXPECT_THAT(Traces(Bytes(hash)), IsEmpty());
    EXPECT_THAT(Traces(Sha256Print(Bytes(hash)).value), IsEmpty());
    EXPECT_THAT(Traces(entry.external_reference), IsEmpty());
    EXPECT_THAT(Traces(entry.jurisdiction), IsEmpty());
  }
  void Erase(EntryNumber entry) {
    const auto erased = world_.Act(kFlagger, "known", entry, EntryAction::kErase, kErasure);
    ASSERT_TRUE(erased.ok()) << erased.status();
    EXPECT_THAT(erased->fingerprints, IsEmpty());
    EXPECT_THAT(erased->jurisdiction, IsEmpty());
  }

  testing::TemporaryFolder checkpoints_;
  World world_;
  Random random_;
};

TEST_F(Erasing, LeavesNoTraceInAnyFile) {
  const Pdq256 hash = random_.Hash();
  const EntryRecord entry = Submit(hash);
  for (int i = 0; i < 300; ++i) Submit(random_.Hash());
  ASSERT_TRUE(world_.catalog().Maintain().ok());
  Checkpoint();
  EXPECT_FALSE(Traces(Bytes(hash)).empty()) << "it was there";
  EXPECT_FALSE(Traces(entry.jurisdiction).empty());
  Erase(entry.number);
  ExpectNoTrace(hash, entry);
  EXPECT_THAT(world_.Near(hash), IsEmpty());
  Checkpoint();  // the index in memory still holds its row
  ExpectNoTrace(hash, entry);
  world_.Reopen();
  EXPECT_TRUE(world_.catalog().load_report().from_checkpoint)
      << world_.catalog().load_report().checkpoint;
  EXPECT_THAT(world_.Near(hash), IsEmpty());
  Checkpoint();
  ExpectNoTrace(hash, entry);
  const auto events = Take(world_.store().ReadEvents(entry.number));
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[1].person, "Ana Lys");
}

TEST_F(Erasing, AlsoOfWhatHadLeftTheIndexBefore) {
  const Pdq256 hash = random_.Hash();
  const EntryRecord entry = Submit(hash);
  Checkpoint();
  ASSERT_TRUE(world_.Act(kFlagger, "known", entry.number, EntryAction::kWithdraw).ok());
  Checkpoint();
  EXPECT_FALSE(FilesWith(Bytes(hash), checkpoints_.path()).empty()) << "hidden rows are kept there";
  Erase(entry.number);
  ExpectNoTrace(hash, entry);
  Checkpoint();
  ExpectNoTrace(hash, entry);
}

TEST_F(Erasing, ACrashBetweenTheCommitAndTheFilesIsMadeGoodAtTheNextStart) {
  const Pdq256 hash = random_.Hash();
  const EntryRecord entry = Submit(hash);
  Checkpoint();
  // As if it had crashed: the checkpoint of before is back.
  const auto saved = checkpoints_.path() / "saved";
  std::filesystem::copy(checkpoints_.File("checkpoint"), saved);
  Erase(entry.number);
  std::filesystem::remove_all(checkpoints_.File("checkpoint"));
  std::filesystem::rename(saved, checkpoints_.File("checkpoint"));
  EXPECT_FALSE(Traces(Bytes(hash)).empty());
  world_.Reopen();
  EXPECT_FALSE(world_.catalog().load_report().from_checkpoint);
  ExpectNoTrace(hash, entry);
  EXPECT_THAT(world_.Near(hash), IsEmpty());
}

TEST_F(Erasing, SubmittingItAgainFindsTheTombstoneAndNothingElseDoes) {
  const Pdq256 hash = random_.Hash();
  const EntryRecord entry = Submit(hash);
  Erase(entry.number);
  for (const bool reopened : {false, true}) {
    if (reopened) world_.Reopen();
    const NewEntry again = Picture(hash);
    const auto result = Take(world_.catalog().Upload(kFlagger, "known", {&again, 1})).results[0];
    EXPECT_TRUE(result.status.ok()) << result.status;
    EXPECT_FALSE(result.created);
    EXPECT_EQ(result.entry.number, entry.number);
    EXPECT_EQ(result.entry.state, EntryState::kErased);
    EXPECT_THAT(world_.Near(hash), IsEmpty());
  }
  EXPECT_EQ(Submit(random_.Hash()).state, EntryState::kProvisional);
}

TEST_F(Erasing, AReaderOfTheOldStateDelaysScrubbingOnly) {
  const Pdq256 hash = random_.Hash();
  const EntryRecord entry = Submit(hash);
  {
    // A connection that reads keeps the log from being emptied.
    const auto reader = Take(SqlConnection::Open(world_.file()));
    ASSERT_TRUE(reader->Exec("BEGIN").ok());
    ASSERT_TRUE(reader->QueryInt("SELECT count(*) FROM fingerprints").ok());
    Erase(entry.number);
    EXPECT_FALSE(Traces(Bytes(hash)).empty());
  }
  world_.clock().Advance(3600 * kSecondUs);
  ASSERT_TRUE(world_.catalog().Maintain().ok());
  ExpectNoTrace(hash, entry);
}

TEST_F(Erasing, ReachesWhatADeletedListHeld) {
  const Pdq256 hash = random_.Hash();
  const EntryRecord entry = Submit(hash);
  ASSERT_TRUE(world_.catalog().DeleteList(kFlagger, "known", /*force=*/true).ok());
  EXPECT_EQ(ReasonOf(world_.Act(kFlagger, "known", entry.number, EntryAction::kWithdraw).status()),
            "LIST_NOT_FOUND");
  EXPECT_EQ(ReasonOf(world_
                         .Act(testing::Flagger("others"), "known", entry.number,
                              EntryAction::kErase, kErasure)
                         .status()),
            "LIST_NOT_FOUND");
  Erase(entry.number);
  ExpectNoTrace(hash, entry);
}

}  // namespace
}  // namespace vigie
