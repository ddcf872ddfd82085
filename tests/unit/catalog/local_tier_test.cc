// Local fingerprints of entries: who may hand them in, when they are found, and what is left of
// them.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/catalog/catalog.h"
#include "engine/store/sqlite.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

using testing::EntryOf;
using testing::kErasure;
using testing::kFlagger;
using testing::PdqPrint;
using testing::Random;
using testing::Take;
using testing::World;

// Places and descriptors by chance: two of them have nothing in common.
LocalFingerprint SomePlaces(Random& random, size_t count = 60) {
  LocalFingerprint local{.width = 512, .height = 384, .keypoints = {}, .descriptors = {}};
  for (size_t i = 0; i < count; ++i) {
    local.keypoints.push_back({.x = static_cast<uint16_t>(8 * (20 + random.Below(470))),
                               .y = static_cast<uint16_t>(8 * (20 + random.Below(340))),
                               .level = 0,
                               .angle = 0});
    local.descriptors.push_back(random.Hash());
  }
  return local;
}

class LocalTier : public ::testing::Test {
 protected:
  LocalTier() : world_({.checkpoint_folder = checkpoints_.File("checkpoint")}), random_(5) {
    world_.MakeList(kFlagger, "known", ListKind::kBlock, {.local = true});
  }

  NewEntry EntryWith(const LocalFingerprint& local) {
    NewEntry entry = EntryOf({PdqPrint(random_.Hash())});
    entry.local = EncodeLocal(local);
    return entry;
  }
  EntryRecord Submit(const LocalFingerprint& local) {
    return world_.Submit(kFlagger, "known", EntryWith(local));
  }
  UploadResult SubmitAgain(const NewEntry& entry, bool validate_only = false) {
    return Take(world_.catalog().Upload(kFlagger, "known", {&entry, 1}, validate_only))
        .results.at(0);
  }
  std::string Refusal(NewEntry entry, std::string_view list = "known") {
    return ReasonOf(
        Take(world_.catalog().Upload(kFlagger, list, {&entry, 1})).results.at(0).status);
  }
  std::vector<EntryNumber> Found(
      const LocalFingerprint& upload,
      absl::FunctionRef<bool(const ListRecord&)> wanted = [](const ListRecord&) { return true; }) {
    std::vector<EntryNumber> entries;
    for (const JoinedLocal& joined :
         Take(world_.catalog().FindLocal(upload, wanted, [] { return true; })).matches) {
      EXPECT_EQ(joined.list->id, "known");
      EXPECT_GE(joined.match.evidence.inliers, kMinInliers);
      entries.push_back(joined.match.entry);
    }
    return entries;
  }
  bool IsAnywhere(const std::string& bytes) {
    for (const auto& file : std::filesystem::recursive_directory_iterator(
             std::filesystem::path(world_.file()).parent_path())) {
      if (!file.is_regular_file()) continue;
      std::ifstream stream(file.path(), std::ios::binary);
      const std::string content{std::istreambuf_iterator<char>(stream), {}};
      if (content.find(bytes) != std::string::npos) return true;
    }
    return false;
  }

  testing::TemporaryFolder checkpoints_;
  World world_;
  Random random_;
};

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(LocalTier, WhatWasAcknowledgedIsFoundAtOnceAndAfterEveryKindOfStart) {
  std::vector<LocalFingerprint> known;
  std::vector<EntryNumber> numbers;
  for (int i = 0; i < 20; ++i) {
    known.push_back(SomePlaces(random_));
    numbers.push_back(Submit(known.back()).number);
    ASSERT_THAT(Found(known.back()), ElementsAre(numbers.back()));
  }
  EXPECT_THAT(Found(SomePlaces(random_)), IsEmpty());
  for (const bool checkpoint : {false, true}) {
    if (checkpoint) {
      ASSERT_TRUE(world_.catalog().WriteCheckpoint(checkpoints_.File("checkpoint")).ok());
      known.push_back(SomePlaces(random_));  // after the checkpoint
      numbers.push_back(Submit(known.back()).number);
    }
    world_.Reopen();
    EXPECT_EQ(world_.catalog().load_report().from_checkpoint, checkpoint);
    EXPECT_EQ(world_.catalog().local_stats().pictures, known.size());
    for (size_t i = 0; i < known.size(); ++i) {
      EXPECT_THAT(Found(known[i]), ElementsAre(numbers[i])) << i;
    }
  }
}

TEST_F(LocalTier, OnlyListsThatOptedInTakeThem) {
  world_.MakeList(kFlagger, "hashes");
  EXPECT_EQ(Refusal(EntryWith(SomePlaces(random_)), "hashes"), "LOCAL_TIER_OFF");
  EXPECT_EQ(Refusal(EntryOf({PdqPrint(random_.Hash())}), "hashes"), "");
  const auto allow = world_.catalog().CreateList(
      testing::WithRole(Role::kOperator, "operations"),
      {.id = "harmless", .kind = ListKind::kAllow, .settings = {.local = true}});
  EXPECT_EQ(ReasonOf(allow.status()), "LIST_INVALID");
}

TEST_F(LocalTier, WhatIsNoLocalFingerprintIsRefused) {
  NewEntry entry = EntryWith(SomePlaces(random_));
  entry.local.pop_back();
  EXPECT_EQ(Refusal(entry), "HASH_MALFORMED");
  entry.local = "none";
  EXPECT_EQ(Refusal(entry), "HASH_MALFORMED");
  EXPECT_EQ(Refusal(EntryWith(SomePlaces(random_, kKnownKeypoints + 1))), "HASH_MALFORMED");
  EXPECT_EQ(Refusal(EntryWith(SomePlaces(random_, kKnownKeypoints))), "");
  EXPECT_EQ(Refusal(EntryWith(SomePlaces(random_, kMinInliers - 1))), "QUALITY_TOO_LOW");
  EXPECT_EQ(world_.catalog().local_stats().pictures, 1U);
}

TEST_F(LocalTier, AListThatOptsOutIsNotSearchedAndNothingIsLost) {
  const LocalFingerprint local = SomePlaces(random_);
  const EntryNumber entry = Submit(local).number;
  ASSERT_TRUE(world_.catalog().UpdateList(kFlagger, "known", {.local = false}).ok());
  EXPECT_THAT(Found(local), IsEmpty());
  world_.Reopen();
  EXPECT_THAT(Found(local), IsEmpty());
  ASSERT_TRUE(world_.catalog().UpdateList(kFlagger, "known", {.local = true}).ok());
  EXPECT_THAT(Found(local), ElementsAre(entry));
  EXPECT_THAT(Found(local, [](const ListRecord&) { return false; }), IsEmpty());
}

TEST_F(LocalTier, WhatEndsIsNotFoundAndWhatIsRenewedIs) {
  const LocalFingerprint withdrawn = SomePlaces(random_);
  const LocalFingerprint expiring = SomePlaces(random_);
  const EntryNumber first = Submit(withdrawn).number;
  const EntryRecord second = Submit(expiring);
  ASSERT_TRUE(world_.Act(kFlagger, "known", first, EntryAction::kWithdraw).ok());
  EXPECT_THAT(Found(withdrawn), IsEmpty());
  EXPECT_EQ(world_.catalog().local_stats().pictures, 1U);
  world_.clock().Set(second.expires_us);
  EXPECT_THAT(Found(expiring), IsEmpty()) << "by the clock, before anybody has written it down";
  ASSERT_TRUE(world_.catalog().Maintain().ok());
  EXPECT_EQ(world_.catalog().local_stats().pictures, 0U);
  ASSERT_TRUE(world_.Act(kFlagger, "known", second.number, EntryAction::kRenew).ok());
  EXPECT_THAT(Found(expiring), ElementsAre(second.number));
  world_.Reopen();
  EXPECT_THAT(Found(expiring), ElementsAre(second.number));
  EXPECT_THAT(Found(withdrawn), IsEmpty());
  ASSERT_TRUE(world_.catalog().DeleteList(kFlagger, "known", /*force=*/true).ok());
  EXPECT_THAT(Found(expiring), IsEmpty());
  EXPECT_EQ(world_.catalog().local_stats().pictures, 0U);
}

TEST_F(LocalTier, AnEntryThatIsThereGainsOneWhenSubmittedAgain) {
  const LocalFingerprint local = SomePlaces(random_);
  NewEntry entry = EntryWith(local);
  const std::string value = std::exchange(entry.local, "");
  const EntryRecord bare = SubmitAgain(entry).entry;
  EXPECT_THAT(Found(local), IsEmpty());
  entry.local = value;
  const UploadResult imagined = SubmitAgain(entry, /*validate_only=*/true);
  EXPECT_TRUE(imagined.local_added);
  EXPECT_THAT(Found(local), IsEmpty());
  const UploadResult gained = SubmitAgain(entry);
  EXPECT_TRUE(gained.local_added && !gained.created);
  EXPECT_EQ(gained.entry.number, bare.number);
  EXPECT_GT(gained.entry.revision, bare.revision);
  EXPECT_THAT(Found(local), ElementsAre(bare.number));

  // Another one does not take its place.
  entry.local = EncodeLocal(SomePlaces(random_));
  EXPECT_FALSE(SubmitAgain(entry).local_added);
  for (int i = 0; i < 5; ++i) Submit(SomePlaces(random_));
  const auto events = Take(world_.store().ReadEvents(bare.number));
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].kind, EventKind::kEntrySubmitted);
  EXPECT_EQ(events[1].kind, EventKind::kLocalAdded);
  EXPECT_EQ(events[1].organisation, kFlagger.organisation);
  EXPECT_EQ(events[1].from, EntryState::kProvisional);
  EXPECT_EQ(Take(world_.store().ReadEvents(bare.number + 1)).size(), 1U);

  ASSERT_TRUE(world_.catalog().WriteCheckpoint(checkpoints_.File("checkpoint")).ok());
  world_.Reopen();
  EXPECT_THAT(Found(local), ElementsAre(bare.number));
}

TEST_F(LocalTier, OneMessageMayMakeAnEntryAndGiveItItsPlaces) {
  const LocalFingerprint local = SomePlaces(random_);
  const NewEntry full = EntryWith(local);
  NewEntry bare = full;
  bare.local.clear();
  const NewEntry message[] = {bare, full, full};
  for (const bool validate_only : {true, false}) {
    const auto done = Take(world_.catalog().Upload(kFlagger, "known", message, validate_only));
    EXPECT_TRUE(done.results[0].created && !done.results[0].local_added);
    EXPECT_TRUE(!done.results[1].created && done.results[1].local_added);
    EXPECT_TRUE(!done.results[2].created && !done.results[2].local_added);
  }
  const std::vector<EntryNumber> found = Found(local);
  ASSERT_EQ(found.size(), 1U);
  const auto events = Take(world_.store().ReadEvents(found[0]));
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].kind, EventKind::kEntrySubmitted);
  EXPECT_EQ(events[1].kind, EventKind::kLocalAdded);
  EXPECT_EQ(events[1].number, events[0].number + 1);
}

TEST_F(LocalTier, WhatWasSuspendedOnceGainsNone) {
  NewEntry entry = EntryWith(SomePlaces(random_));
  const std::string value = std::exchange(entry.local, "");
  const EntryNumber number = SubmitAgain(entry).entry.number;
  const Principal reviewer = testing::WithRole(Role::kReviewer, "moderators");
  const Decision look = {.person = "Ana Lys", .reason = ReasonCode::kOther};
  const auto suspended = world_.Act(testing::WithRole(Role::kOperator, "operations"), "known",
                                    number, EntryAction::kSuspend, look);
  ASSERT_TRUE(suspended.ok()) << suspended.status();
  entry.local = value;
  EXPECT_FALSE(SubmitAgain(entry).local_added);
  const auto resumed = world_.Act(reviewer, "known", number, EntryAction::kResume, look);
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_FALSE(SubmitAgain(entry).local_added) << "a human has looked at it";
}

TEST_F(LocalTier, WhatSomebodyDecidedGainsNone) {
  const std::string value = EncodeLocal(SomePlaces(random_));
  std::vector<NewEntry> entries;
  for (int i = 0; i < 3; ++i) {
    entries.push_back(EntryOf({PdqPrint(random_.Hash())}));
    entries.back().external_reference = absl::StrCat("ref-", i);
  }
  const auto number = [&](size_t i) { return SubmitAgain(entries[i]).entry.number; };
  ASSERT_TRUE(world_
                  .Act(testing::WithRole(Role::kReviewer, "moderators"), "known", number(0),
                       EntryAction::kConfirm,
                       {.person = "Ana Lys", .reason = ReasonCode::kIllegalContent})
                  .ok());
  ASSERT_TRUE(world_.Act(kFlagger, "known", number(1), EntryAction::kWithdraw).ok());
  ASSERT_NE(number(2), 0U);
  for (NewEntry& entry : entries) entry.local = value;
  EXPECT_FALSE(SubmitAgain(entries[0]).local_added) << "confirmed";
  EXPECT_FALSE(SubmitAgain(entries[1]).local_added) << "withdrawn";
  EXPECT_EQ(world_.catalog().local_stats().pictures, 0U);
  EXPECT_TRUE(SubmitAgain(entries[2]).local_added);
  EXPECT_EQ(world_.catalog().local_stats().pictures, 1U);
}

TEST_F(LocalTier, ErasingLeavesNoTraceOfIt) {
  const LocalFingerprint local = SomePlaces(random_, kKnownKeypoints);
  const EntryNumber entry = Submit(local).number;
  for (int i = 0; i < 20; ++i) Submit(SomePlaces(random_));
  // Within one page: a value is longer than that.
  const auto trace = [&](size_t i) {
    const auto& bytes = local.descriptors[i].bytes;
    return IsAnywhere({bytes.begin(), bytes.end()});
  };
  ASSERT_TRUE(trace(0) || trace(1));
  ASSERT_TRUE(world_.Act(kFlagger, "known", entry, EntryAction::kErase, kErasure).ok());
  for (size_t i = 0; i < local.descriptors.size(); ++i) EXPECT_FALSE(trace(i)) << i;
  EXPECT_THAT(Found(local), IsEmpty());
  world_.Reopen();
  EXPECT_EQ(world_.catalog().local_stats().pictures, 20U);
}

TEST_F(LocalTier, ADamagedOneIsFoundBeforeItIsUsed) {
  Submit(SomePlaces(random_));
  ASSERT_TRUE(Take(SqlConnection::Open(world_.file()))
                  ->Exec("UPDATE local_fingerprints SET value=zeroblob(length(value))")
                  .ok());
  const absl::Status found = world_.store().CheckIntegrity(Thoroughness::kEverything, {});
  EXPECT_EQ(ReasonOf(found), "DATABASE_DAMAGED");
  EXPECT_THAT(std::string(found.message()), ::testing::HasSubstr("local_fingerprints"));
  EXPECT_EQ(ReasonOf(Catalog::Open(world_.store(), world_.clock(), {}, {}).status()),
            "DATABASE_DAMAGED");
}

TEST_F(LocalTier, ValuesAreForNobody) {
  const EntryRecord entry = Submit(SomePlaces(random_));
  const auto decided = world_.Act(testing::WithRole(Role::kReviewer, "moderators"), "known",
                                  entry.number, EntryAction::kConfirm,
                                  {.person = "Ana Lys", .reason = ReasonCode::kIllegalContent});
  ASSERT_TRUE(decided.ok()) << decided.status();
  EXPECT_TRUE(decided->local.empty());
}

}  // namespace
}  // namespace vigie
