// What is looked at when entries are submitted: what is near them, how many there are, and what a
// dry run says.
#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/catalog/catalog.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::EntryOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kHourUs;
using testing::kOrgA;
using testing::kOrgB;
using testing::Md5Print;
using testing::PdqPrint;
using testing::Random;
using testing::Sha256Print;
using ::testing::SizeIs;
using testing::Take;
using testing::WithRole;
using testing::World;

const Principal kOperator = WithRole(Role::kOperator, "operations");

class Guards : public ::testing::Test {
 protected:
  explicit Guards(CatalogOptions options = {}) : world_(options) {}

  Catalog& catalog() { return world_.catalog(); }
  UploadOutcome Upload(const Principal& caller, std::string_view list,
                       const std::vector<NewEntry>& entries, bool validate_only = false) {
    return Take(catalog().Upload(caller, list, entries, validate_only));
  }
  std::vector<Notice> NoticesOf(const Principal& caller, std::string_view list, NewEntry entry) {
    const UploadOutcome outcome = Upload(caller, list, {std::move(entry)});
    EXPECT_TRUE(outcome.results.at(0).status.ok()) << outcome.results[0].status;
    EXPECT_TRUE(outcome.results[0].created);
    EXPECT_TRUE(catalog().IsActing(outcome.results[0].entry.number));
    return outcome.results[0].notices;
  }
  std::vector<EventRecord> EventsOf(EventKind kind) {
    std::vector<EventRecord> found;
    EXPECT_TRUE(world_.store()
                    .ScanEvents(0,
                                [&](const EventRecord& event) {
                                  if (event.kind == kind) found.push_back(event);
                                  return absl::OkStatus();
                                })
                    .ok());
    return found;
  }

  World world_;
  Random random_{41};
  const Pdq256 hash_ = random_.Hash();
};

class AllowConflict : public Guards {
 protected:
  AllowConflict() {
    world_.MakeList(kOrgA, "known");
    world_.MakeList(kOperator, "harmless", ListKind::kAllow);
  }
};

TEST_F(AllowConflict, IsToldWithoutSayingOfWhatAndTheEntryActs) {
  world_.Submit(kOperator, "harmless", EntryOf({PdqPrint(hash_)}));
  const auto notices = NoticesOf(kOrgA, "known", EntryOf({PdqPrint(random_.Near(hash_, 31))}));
  ASSERT_THAT(notices, SizeIs(1));
  EXPECT_EQ(notices[0].code, NoticeCode::kAllowConflict);
  EXPECT_EQ(notices[0].entry, 0U);
  EXPECT_EQ(notices[0].list_id, "");
  EXPECT_EQ(notices[0].distance, 0);
  EXPECT_THAT(notices[0].message, ::testing::Not(HasSubstr("harmless list")));
  EXPECT_THAT(NoticesOf(kOrgA, "known", EntryOf({PdqPrint(random_.Near(hash_, 32))})), IsEmpty());
}

TEST_F(AllowConflict, NamesTheEntryOfTheSubmittersOwnOrganisation) {
  const Principal court = WithRole(Role::kAuthority, "court");
  world_.MakeList(court, "cases");
  world_.MakeList(court, "cleared", ListKind::kAllow);
  world_.Submit(kOperator, "harmless", EntryOf({PdqPrint(hash_)}));
  const EntryRecord own = world_.Submit(court, "cleared", EntryOf({PdqPrint(hash_)}));
  NewEntry entry = EntryOf({PdqPrint(random_.Near(hash_, 7))});
  entry.case_reference = "case";
  const auto notices = NoticesOf(court, "cases", entry);
  ASSERT_THAT(notices, SizeIs(1));
  EXPECT_EQ(notices[0].entry, own.number);
  EXPECT_EQ(notices[0].list_id, "cleared");
  EXPECT_EQ(notices[0].distance, 7);
}

TEST_F(AllowConflict, GoesByTheDistanceOfTheListOfTheNewEntry) {
  world_.MakeList(kOrgA, "strict", ListKind::kBlock, {.max_distance = 8});
  world_.Submit(kOperator, "harmless", EntryOf({PdqPrint(hash_)}));
  EXPECT_THAT(NoticesOf(kOrgA, "strict", EntryOf({PdqPrint(random_.Near(hash_, 9))})), IsEmpty());
  EXPECT_THAT(NoticesOf(kOrgA, "strict", EntryOf({PdqPrint(random_.Near(hash_, 8))})), SizeIs(1));
}

TEST_F(AllowConflict, IsFoundByDigestsAndByAnyFingerprint) {
  world_.Submit(kOperator, "harmless", EntryOf({Sha256Print("x"), PdqPrint(hash_)}));
  EXPECT_THAT(NoticesOf(kOrgA, "known", EntryOf({Sha256Print("x")})), SizeIs(1));
  EXPECT_THAT(NoticesOf(kOrgA, "known",
                        EntryOf({Md5Print("y"), PdqPrint(random_.Hash()),
                                 PdqPrint(random_.Near(hash_, 3))})),
              SizeIs(1));
  EXPECT_THAT(NoticesOf(kOrgA, "known", EntryOf({Sha256Print("z")})), IsEmpty());
}

TEST_F(AllowConflict, EndsWhenTheAllowEntryOrItsListDoes) {
  const EntryRecord entry = world_.Submit(kOperator, "harmless", EntryOf({PdqPrint(hash_)}));
  const auto near = [&] { return EntryOf({PdqPrint(random_.Near(hash_, 2))}); };
  EXPECT_THAT(NoticesOf(kOrgA, "known", near()), SizeIs(1));
  ASSERT_TRUE(world_.Act(kOperator, "harmless", entry.number, EntryAction::kWithdraw).ok());
  EXPECT_THAT(NoticesOf(kOrgA, "known", near()), IsEmpty());
  world_.Submit(kOperator, "harmless", EntryOf({PdqPrint(random_.Near(hash_, 1))}));
  EXPECT_THAT(NoticesOf(kOrgA, "known", near()), SizeIs(1)) << "added after the first look";
  ASSERT_TRUE(catalog().DeleteList(kOperator, "harmless", /*force=*/true).ok());
  EXPECT_THAT(NoticesOf(kOrgA, "known", near()), IsEmpty());
}

TEST_F(AllowConflict, IsFoundAfterARestart) {
  world_.Submit(kOperator, "harmless", EntryOf({PdqPrint(hash_)}));
  world_.Reopen();
  EXPECT_THAT(NoticesOf(kOrgA, "known", EntryOf({PdqPrint(hash_)})), SizeIs(1));
}

TEST_F(AllowConflict, IsOneEventARunInTheHistoryOfItsEntries) {
  world_.Submit(kOperator, "harmless", EntryOf({PdqPrint(hash_)}));
  const auto near = [&] { return EntryOf({PdqPrint(random_.Near(hash_, 5))}); };
  const auto far = [&] { return EntryOf({PdqPrint(random_.Hash())}); };
  const UploadOutcome outcome = Upload(kOrgA, "known", {far(), near(), near(), far(), near()});
  const EntryNumber first = outcome.results[0].entry.number;
  const auto events = EventsOf(EventKind::kAllowConflict);
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_EQ(events[0].entry, first + 1);
  EXPECT_EQ(events[0].last_entry, first + 2);
  EXPECT_EQ(events[1].entry, first + 4);
  EXPECT_EQ(events[1].last_entry, first + 4);
  EXPECT_EQ(events[0].list, outcome.results[0].entry.list);
  EXPECT_EQ(events[0].organisation, "org-a");
  for (EntryNumber i = 0; i < 5; ++i) {
    std::vector<EventKind> kinds;
    for (const auto& e : Take(world_.store().ReadEvents(first + i))) kinds.push_back(e.kind);
    if (i == 0 || i == 3) {
      EXPECT_THAT(kinds, ElementsAre(EventKind::kEntrySubmitted)) << i;
    } else {
      EXPECT_THAT(kinds, ElementsAre(EventKind::kEntrySubmitted, EventKind::kAllowConflict)) << i;
    }
  }
}

TEST_F(AllowConflict, OfAnEntryThatIsThereAlreadyIsNotToldAgain) {
  world_.Submit(kOperator, "harmless", EntryOf({PdqPrint(hash_)}));
  EXPECT_THAT(NoticesOf(kOrgA, "known", EntryOf({PdqPrint(hash_)}, "ref")), SizeIs(1));
  const UploadOutcome again = Upload(kOrgA, "known", {EntryOf({PdqPrint(hash_)}, "ref")});
  EXPECT_FALSE(again.results[0].created);
  EXPECT_THAT(again.results[0].notices, IsEmpty());
  EXPECT_THAT(EventsOf(EventKind::kAllowConflict), SizeIs(1));
}

TEST_F(AllowConflict, OfManyAllowEntriesAgreesWithComparingAll) {
  std::vector<Pdq256> harmless;
  std::vector<NewEntry> entries;
  for (int i = 0; i < 1500; ++i) {
    harmless.push_back(random_.Hash());
    entries.push_back(EntryOf({PdqPrint(harmless.back())}));
  }
  Upload(kOperator, "harmless", entries);
  ASSERT_TRUE(catalog().Maintain().ok());
  std::vector<NewEntry> wanted;
  std::vector<bool> expected;
  for (int i = 0; i < 600; ++i) {
    const Pdq256 base = random_.OneIn(2) ? harmless[random_.Below(1500)] : random_.Hash();
    const Pdq256 hash = random_.Near(base, 25 + static_cast<int>(random_.Below(13)));
    wanted.push_back(EntryOf({PdqPrint(hash)}, absl::StrCat("e", i)));
    expected.push_back(std::any_of(harmless.begin(), harmless.end(), [&](const Pdq256& other) {
      return HammingDistance(hash, other) <= kDefaultMaxDistance;
    }));
  }
  const UploadOutcome outcome = Upload(kOrgA, "known", wanted);
  for (size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(HasConflict(outcome.results[i]), expected[i]) << i;
  }
  EXPECT_GT(std::count(expected.begin(), expected.end(), true), 50);
}

class Duplicates : public Guards {
 protected:
  Duplicates() {
    world_.MakeList(kOrgA, "known");
    world_.MakeList(kOrgA, "second");
    world_.MakeList(kOrgB, "others");
  }
};

TEST_F(Duplicates, OfOtherListsOfTheOrganisationAreNamed) {
  const EntryRecord exact = world_.Submit(kOrgA, "second", EntryOf({PdqPrint(hash_)}));
  const EntryRecord near =
      world_.Submit(kOrgA, "second", EntryOf({PdqPrint(random_.Near(hash_, 10))}));
  world_.Submit(kOrgA, "second", EntryOf({PdqPrint(random_.Near(hash_, 11))}));
  const auto notices = NoticesOf(kOrgA, "known", EntryOf({PdqPrint(hash_)}));
  ASSERT_THAT(notices, SizeIs(2));
  EXPECT_EQ(notices[0].code, NoticeCode::kDuplicate);
  EXPECT_EQ(notices[0].entry, exact.number);
  EXPECT_EQ(notices[0].list_id, "second");
  EXPECT_EQ(notices[0].distance, 0);
  EXPECT_EQ(notices[1].entry, near.number);
  EXPECT_EQ(notices[1].distance, 10);
}

TEST_F(Duplicates, OfOtherOrganisationsAndOfTheSameListAreNotTold) {
  world_.Submit(kOrgB, "others", EntryOf({PdqPrint(hash_), Sha256Print("x")}));
  world_.Submit(kOrgA, "known", EntryOf({PdqPrint(random_.Near(hash_, 1)), Sha256Print("x")}));
  EXPECT_THAT(NoticesOf(kOrgA, "known", EntryOf({PdqPrint(hash_), Sha256Print("x")})), IsEmpty());
}

TEST_F(Duplicates, AreFoundByDigestsOnceAnEntry) {
  world_.Submit(kOrgA, "second", EntryOf({Md5Print("x"), Sha256Print("x"), PdqPrint(hash_)}));
  const auto notices = NoticesOf(
      kOrgA, "known", EntryOf({Md5Print("x"), Sha256Print("x"), PdqPrint(random_.Near(hash_, 2))}));
  ASSERT_THAT(notices, SizeIs(1));
  EXPECT_EQ(notices[0].distance, 0);
}

TEST_F(Duplicates, OfEntriesThatActNoMoreAreNotTold) {
  const EntryRecord entry = world_.Submit(kOrgA, "second", EntryOf({PdqPrint(hash_)}));
  ASSERT_TRUE(world_.Act(kOrgA, "second", entry.number, EntryAction::kWithdraw).ok());
  EXPECT_THAT(NoticesOf(kOrgA, "known", EntryOf({PdqPrint(hash_)})), IsEmpty());
}

TEST_F(Duplicates, AreAFewWhenThereAreMany) {
  std::vector<NewEntry> many;
  for (int i = 0; i < 30; ++i) many.push_back(EntryOf({PdqPrint(hash_)}, absl::StrCat("e", i)));
  Upload(kOrgA, "second", many);
  EXPECT_THAT(NoticesOf(kOrgA, "known", EntryOf({PdqPrint(hash_)})), SizeIs(8));
}

class NoDuplicates : public Guards {
 protected:
  NoDuplicates() : Guards({.find_duplicates = false}) {}
};

TEST_F(NoDuplicates, AreLookedForWhenSwitchedOff) {
  world_.MakeList(kOrgA, "known");
  world_.MakeList(kOrgA, "second");
  world_.MakeList(kOperator, "harmless", ListKind::kAllow);
  world_.Submit(kOrgA, "second", EntryOf({PdqPrint(hash_)}));
  EXPECT_THAT(NoticesOf(kOrgA, "known", EntryOf({PdqPrint(hash_)})), IsEmpty());
  world_.Submit(kOperator, "harmless", EntryOf({PdqPrint(hash_)}));
  EXPECT_THAT(NoticesOf(kOrgA, "known", EntryOf({PdqPrint(hash_)}, "b")), SizeIs(1))
      << "conflicts are";
}

TEST_F(Duplicates, RelatedEntriesOfAnyOrganisationAreFoundForReviewers) {
  world_.MakeList(kOperator, "harmless", ListKind::kAllow);
  const EntryRecord entry =
      world_.Submit(kOrgA, "known", EntryOf({PdqPrint(hash_), Sha256Print("x")}));
  const EntryRecord theirs =
      world_.Submit(kOrgB, "others", EntryOf({PdqPrint(random_.Near(hash_, 9))}));
  world_.Submit(kOrgB, "others", EntryOf({PdqPrint(random_.Near(hash_, 11))}));
  const EntryRecord same = world_.Submit(kOrgA, "known", EntryOf({Sha256Print("x")}));
  const EntryRecord allowed =
      world_.Submit(kOperator, "harmless", EntryOf({PdqPrint(random_.Near(hash_, 31))}));
  const auto related = Take(catalog().FindRelated(entry));
  ASSERT_THAT(related, SizeIs(3));
  EXPECT_EQ(related[0].entry, same.number);
  EXPECT_EQ(related[1].entry, theirs.number);
  EXPECT_EQ(related[1].distance, 9);
  EXPECT_EQ(related[1].list->organisation, "org-b");
  EXPECT_EQ(related[2].entry, allowed.number);
  EXPECT_EQ(related[2].list->kind, ListKind::kAllow);
  EXPECT_EQ(related[2].state, EntryState::kConfirmed);
}

class DryRuns : public Duplicates {};

TEST_F(DryRuns, SayWhatAnUploadWouldAndWriteNothing) {
  world_.MakeList(kOperator, "harmless", ListKind::kAllow);
  world_.Submit(kOperator, "harmless", EntryOf({PdqPrint(hash_)}));
  world_.Submit(kOrgA, "known", EntryOf({PdqPrint(hash_)}, "there"));
  const Pdq256 other = random_.Hash();
  const std::vector<NewEntry> entries = {
      EntryOf({PdqPrint(random_.Near(hash_, 20))}, "conflict"),
      EntryOf({PdqPrint(hash_)}, "there"),
      EntryOf({PdqPrint(other)}, "there"),
      EntryOf({PdqPrint(other, 10)}, "poor"),
      EntryOf({PdqPrint(other)}, "twice"),
      EntryOf({PdqPrint(other)}, "twice"),
      EntryOf({PdqPrint(hash_)}, "twice"),
  };
  const Revision revision = catalog().revision();
  const uint64_t events = Take(world_.store().ReadLastEvent())->number;
  const EntryNumber last = Take(world_.store().ReadCounters()).entries;
  const UploadOutcome dry = Upload(kOrgA, "known", entries, /*validate_only=*/true);
  EXPECT_EQ(catalog().revision(), revision);
  EXPECT_EQ(dry.revision, revision);
  EXPECT_EQ(Take(world_.store().ReadLastEvent())->number, events);
  EXPECT_THAT(world_.Near(other), IsEmpty());
  const UploadOutcome real = Upload(kOrgA, "known", entries);
  ASSERT_EQ(dry.results.size(), real.results.size());
  for (size_t i = 0; i < real.results.size(); ++i) {
    const UploadResult& would = dry.results[i];
    const UploadResult& did = real.results[i];
    EXPECT_EQ(would.status, did.status) << i;
    EXPECT_EQ(would.created, did.created) << i;
    EXPECT_EQ(would.notices.size(), did.notices.size()) << i;
    if (!did.status.ok()) continue;
    EXPECT_EQ(would.entry.state, did.entry.state) << i;
    EXPECT_EQ(would.entry.expires_us, did.entry.expires_us) << i;
    // What does not exist has no name, also when the message itself would have made it before.
    EXPECT_EQ(would.entry.number, did.entry.number > last ? 0U : did.entry.number) << i;
  }
  EXPECT_TRUE(real.results[0].created);
  EXPECT_THAT(dry.results[0].notices, SizeIs(1));
  EXPECT_FALSE(real.results[1].created);
  EXPECT_EQ(ReasonOf(dry.results[2].status), "EXTERNAL_REFERENCE_CONFLICT");
  EXPECT_EQ(ReasonOf(dry.results[3].status), "QUALITY_TOO_LOW");
  EXPECT_FALSE(dry.results[5].created);
}

TEST_F(DryRuns, TakeNoRoomOfTheQuotaAndSayWhenThereIsNone) {
  Principal caller = kOrgA;
  caller.daily_entries = 2;
  const auto three = [&] {
    return std::vector{EntryOf({PdqPrint(random_.Hash())}), EntryOf({PdqPrint(random_.Hash())}),
                       EntryOf({PdqPrint(random_.Hash())})};
  };
  for (int i = 0; i < 3; ++i) {
    const UploadOutcome dry = Upload(caller, "known", three(), /*validate_only=*/true);
    EXPECT_TRUE(dry.results[1].status.ok());
    EXPECT_EQ(ReasonOf(dry.results[2].status), "QUOTA_EXCEEDED");
  }
  EXPECT_TRUE(Upload(caller, "known", three()).results[1].status.ok());
}

class Quotas : public Duplicates {
 protected:
  // The reasons of `count` new entries in one upload.
  std::vector<std::string> Submit(int64_t daily, size_t count, Principal caller = kOrgA,
                                  std::string_view list = "known") {
    caller.daily_entries = daily;
    std::vector<NewEntry> entries;
    for (size_t i = 0; i < count; ++i) entries.push_back(EntryOf({PdqPrint(random_.Hash())}));
    std::vector<std::string> reasons;
    for (const UploadResult& result : Upload(caller, list, entries).results) {
      reasons.push_back(ReasonOf(result.status));
      message_ = std::string(MessageOf(result.status));
    }
    return reasons;
  }
  std::string message_;
};

TEST_F(Quotas, BoundNewEntriesOfAnOrganisationInADay) {
  EXPECT_THAT(Submit(3, 2), ElementsAre("", ""));
  EXPECT_THAT(Submit(3, 2, kOrgA, "second"), ElementsAre("", "QUOTA_EXCEEDED"));
  EXPECT_THAT(Submit(3, 1), ElementsAre("QUOTA_EXCEEDED"));
  EXPECT_THAT(Submit(3, 1, kOrgB, "others"), ElementsAre("")) << "an organisation each";
  EXPECT_THAT(Submit(4, 2), ElementsAre("", "QUOTA_EXCEEDED")) << "a larger quota";
  EXPECT_THAT(Submit(0, 2), ElementsAre("", "")) << "0: any number";
}

TEST_F(Quotas, EntriesSentAgainDoNotCountAndAreNotRefused) {
  Principal caller = kOrgA;
  caller.daily_entries = 1;
  const std::vector<NewEntry> entry = {EntryOf({PdqPrint(hash_)}, "ref")};
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Upload(caller, "known", entry).results[0].status.ok());
  EXPECT_THAT(Submit(2, 2), ElementsAre("", "QUOTA_EXCEEDED"));
}

TEST_F(Quotas, RefusedEntriesDoNotCount) {
  Principal caller = kOrgA;
  caller.daily_entries = 1;
  Upload(caller, "known", {EntryOf({PdqPrint(hash_, 5)})});
  EXPECT_THAT(Submit(1, 1), ElementsAre(""));
}

TEST_F(Quotas, SayWhenThereIsRoomAgainAndKeepTheirWord) {
  const TimeUs start = 1'700'000'000 * kSecondUs / kHourUs * kHourUs;
  world_.clock().Set(start + kHourUs / 2);  // 2023-11-14T22:30
  EXPECT_THAT(Submit(2, 1), ElementsAre(""));
  world_.clock().Set(start + 5 * kHourUs);
  EXPECT_THAT(Submit(2, 2), ElementsAre("", "QUOTA_EXCEEDED"));
  EXPECT_THAT(message_, HasSubstr("2023-11-15T23:00:00Z"));
  world_.clock().Set(start + 25 * kHourUs - 1);
  EXPECT_THAT(Submit(2, 1), ElementsAre("QUOTA_EXCEEDED"));
  world_.clock().Set(start + 25 * kHourUs);
  EXPECT_THAT(Submit(2, 2), ElementsAre("", "QUOTA_EXCEEDED"));
  EXPECT_THAT(message_, HasSubstr("2023-11-16T04:00:00Z")) << "the one after five hours";
}

TEST_F(Quotas, AreTheSameAfterARestart) {
  Submit(0, 3);
  world_.clock().Advance(20 * kHourUs);
  Submit(0, 2);
  world_.clock().Advance(kHourUs);
  world_.Reopen();
  EXPECT_THAT(Submit(6, 2), ElementsAre("", "QUOTA_EXCEEDED"));
  world_.clock().Advance(5 * kHourUs);  // the first three are forgotten
  world_.Reopen();
  EXPECT_THAT(Submit(6, 4), ElementsAre("", "", "", "QUOTA_EXCEEDED"));
}

TEST_F(Quotas, AFailedCommitTakesNoRoom) {
  Principal caller = kOrgA;
  caller.daily_entries = 1;
  const std::vector<NewEntry> entry = {EntryOf({PdqPrint(hash_)}, "ref")};
  int failures = 0;
  for (int call = 1; call < 50; ++call) {
    world_.store().FailAt(call);
    const auto outcome = catalog().Upload(caller, "known", entry);
    world_.store().FailAt(0);
    if (!outcome.ok()) {
      ++failures;
      continue;
    }
    EXPECT_TRUE(outcome->results[0].status.ok()) << outcome->results[0].status;
    break;
  }
  EXPECT_GT(failures, 3);
  EXPECT_THAT(Submit(2, 2), ElementsAre("", "QUOTA_EXCEEDED")) << "the entry counts once";
}

TEST_F(Quotas, TwoUploadsAtOnceDoNotExceedItTogether) {
  constexpr int kThreads = 4;
  constexpr int kDaily = 100;
  std::vector<std::vector<NewEntry>> batches(kThreads * 20);
  for (auto& batch : batches) {
    for (int i = 0; i < 5; ++i) batch.push_back(EntryOf({PdqPrint(random_.Hash())}));
  }
  Principal caller = kOrgA;
  caller.daily_entries = kDaily;
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int b = 0; b < 20; ++b) {
        const auto outcome =
            catalog().Upload(caller, "known", batches[static_cast<size_t>(20 * t + b)]);
        if (!outcome.ok()) continue;
        for (const UploadResult& result : outcome->results) taken += result.status.ok() ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken.load(), kDaily);
}

TEST(Quota, NeverMoreThanTheQuotaInAnyDayAndAnHourLongerAtMost) {
  Random random(43);
  Quota quota;
  std::vector<TimeUs> taken;
  constexpr int64_t kDaily = 20;
  TimeUs now = 1'700'000'000 * kSecondUs;
  for (int round = 0; round < 20'000; ++round) {
    now += static_cast<TimeUs>(random.Below(40 * 60)) * kSecondUs;
    const auto since = [&](TimeUs from) {
      return std::count_if(taken.begin(), taken.end(), [&](TimeUs t) { return t > from; });
    };
    const Quota::Room room = quota.RoomFor("org", kDaily, now);
    if (room.entries > 0) {
      ASSERT_LE(since(now - 24 * kHourUs), kDaily - room.entries);
      ASSERT_GE(since(now - 25 * kHourUs), kDaily - room.entries);
      taken.push_back(now);
      quota.Count("org", 1, now);
    } else {
      ASSERT_GE(since(now - 25 * kHourUs), kDaily);
      ASSERT_GT(room.again_us, now);
      ASSERT_LE(room.again_us, now + 25 * kHourUs);
      ASSERT_EQ(quota.RoomFor("org", kDaily, room.again_us - 1).entries, 0);
      ASSERT_GT(quota.RoomFor("org", kDaily, room.again_us).entries, 0);
    }
  }
  EXPECT_GT(taken.size(), 1000U);
}

}  // namespace
}  // namespace vigie
