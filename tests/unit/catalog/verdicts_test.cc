// What is kept of verdicts: who was told of which entry, what became of it, and what is told back.
#include <gmock/gmock.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/catalog/verdict_book.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

using ::testing::ElementsAre;
using testing::EntryOf;
using ::testing::IsEmpty;
using testing::kHourUs;
using testing::PdqPrint;
using testing::Random;
using testing::Take;
using testing::WithRole;
using testing::World;

UploadId UploadOf(int number) {
  UploadId id{};
  id[0] = static_cast<uint8_t>(number);
  id[1] = static_cast<uint8_t>(number >> 8);
  return id;
}

class Verdicts : public ::testing::Test {
 protected:
  Verdicts() { Open(); }

  void Open(VerdictBookOptions options = {}) {
    book_ = std::make_unique<VerdictBook>(world_.catalog(), world_.clock(), options);
  }
  void Restart() {
    book_.reset();
    world_.Reopen();
    Open();
  }

  EntryNumber Submit(std::string_view list = "known") {
    return world_.Submit(flagger_, list, EntryOf({PdqPrint(random_.Hash())})).number;
  }

  // A verdict of the present revision, or of `revision`, that named these entries.
  void Say(const std::string& organisation, std::vector<EntryNumber> entries, int upload = 1,
           Revision revision = 0, Action action = Action::kProvisionalBlock) {
    VerdictRecord verdict{.time_us = world_.clock().Now(),
                          .organisation = organisation,
                          .key_id = "key-of-" + organisation,
                          .outcome = entries.empty() ? Outcome::kNoMatch : Outcome::kMatch,
                          .action = action,
                          .revision = revision != 0 ? revision : world_.catalog().revision(),
                          .matches = {}};
    for (const EntryNumber entry : entries) {
      verdict.matches.push_back({.entry = entry, .list = list_.number, .action = action});
    }
    if (entries.empty()) verdict.action.reset();
    book_->Note(verdict, UploadOf(upload));
  }

  // The entries that changed for `organisation` since `*after`, which moves on.
  std::vector<EntryNumber> Changes(const std::string& organisation, Revision* after) {
    std::vector<EntryNumber> entries;
    while (true) {
      const auto page =
          Take(world_.catalog().ReadChanges(WithRole(Role::kPlatform, organisation), *after));
      for (const SightedState& change : page.changes) entries.push_back(change.entry);
      if (page.revision == *after) return entries;
      *after = page.revision;
    }
  }

  void Withdraw(EntryNumber entry) {
    ASSERT_TRUE(world_.Act(flagger_, "known", entry, EntryAction::kWithdraw).ok());
  }

  Sightings Seen(EntryNumber entry) {
    return Take(world_.store().verdicts().CountSightings(entry));
  }

  std::vector<std::string> EventsFrom(uint64_t after) {
    std::vector<std::string> kinds;
    EXPECT_TRUE(world_.store()
                    .ScanEvents(after,
                                [&](const EventRecord& event) {
                                  kinds.emplace_back(Name(event.kind));
                                  return absl::OkStatus();
                                })
                    .ok());
    return kinds;
  }
  uint64_t LastEvent() { return Take(world_.store().ReadLastEvent())->number; }

  World world_;
  Random random_{5};
  const Principal flagger_ = testing::Flagger("org-a");
  const Principal reviewer_ = WithRole(Role::kReviewer, "moderators");
  const Principal operator_ = WithRole(Role::kOperator, "host");
  const ListRecord list_ = world_.MakeList(flagger_, "known");
  std::unique_ptr<VerdictBook> book_;
};

TEST_F(Verdicts, TheFirstOfAPairIsDurableAtOnceAndLaterOnesWithTheNextFlush) {
  const EntryNumber entry = Submit();
  uint64_t events = LastEvent();
  Say("forum", {entry});
  EXPECT_THAT(EventsFrom(events), ElementsAre("upload_provisionally_blocked"));
  events = LastEvent();
  Say("forum", {entry}, 2);
  EXPECT_THAT(EventsFrom(events), IsEmpty());
  Say("network", {entry}, 3, 0, Action::kHoldForReview);  // another organisation's first
  EXPECT_THAT(EventsFrom(events), ElementsAre("upload_held")) << "by itself";
  Say("forum", {entry}, 4);
  ASSERT_TRUE(book_->Flush(/*all=*/false).ok());
  const Sightings seen = Seen(entry);
  EXPECT_EQ(seen.provisionally_blocked, 3);
  EXPECT_EQ(seen.held, 1);
  EXPECT_EQ(seen.blocked, 0);
  EXPECT_EQ(seen.platforms, 2);
}

TEST_F(Verdicts, EventsSayWhoWasToldWhatOfWhich) {
  const EntryNumber entry = Submit();
  Say("forum", {entry}, 1, 0, Action::kBlock);
  const auto event = Take(world_.store().ReadLastEvent());
  EXPECT_EQ(event->kind, EventKind::kUploadBlocked);
  EXPECT_EQ(event->entry, entry);
  EXPECT_EQ(event->list, list_.number);
  EXPECT_EQ(event->to, EntryState::kProvisional);
  EXPECT_EQ(event->organisation, "forum");
  EXPECT_EQ(event->role, Role::kPlatform);
  EXPECT_EQ(event->key_id, "key-of-forum");
  EXPECT_EQ(event->revision, world_.catalog().revision());
  EXPECT_THAT(Take(world_.store().ReadEvents(entry)), ::testing::SizeIs(1))
      << "no part of its life";
}

TEST_F(Verdicts, ChecksAreCountedByDayOrganisationAndAnswer) {
  Open({.no_match_sample = 10});
  for (int i = 0; i < 100; ++i) Say("forum", {});
  const EntryNumber entry = Submit();
  for (int i = 0; i < 3; ++i) Say("forum", {entry}, i);
  ASSERT_TRUE(book_->Flush(/*all=*/true).ok());
  ASSERT_TRUE(book_->Flush(/*all=*/true).ok());
  std::map<Outcome, int64_t> checks;
  for (const CheckCount& count : Take(world_.store().verdicts().ReadCheckCounts(0))) {
    EXPECT_EQ(count.organisation, "forum");
    checks[count.outcome] += count.checks;
  }
  EXPECT_EQ(checks[Outcome::kNoMatch], 100) << "every tenth, as ten";
  EXPECT_EQ(checks[Outcome::kMatch], 3) << "each";
}

TEST_F(Verdicts, AVerdictThatCouldNotBeWrittenIsWrittenLater) {
  const EntryNumber entry = Submit();
  world_.store().FailAt(1);
  Say("forum", {entry});
  EXPECT_EQ(Seen(entry).platforms, 0);
  ASSERT_TRUE(book_->Flush(/*all=*/false).ok());
  EXPECT_EQ(Seen(entry).provisionally_blocked, 1);
  EXPECT_EQ(book_->dropped(), 0U);
}

TEST_F(Verdicts, TheLastAreKeptWithTheirMatches) {
  const EntryNumber a = Submit();
  const EntryNumber b = Submit();
  Say("forum", {a});
  Say("forum", {a, b}, 2);
  ASSERT_TRUE(book_->Flush(/*all=*/false).ok());
  const auto all = Take(world_.store().verdicts().ReadVerdicts(10));
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].matches.size(), 1U);
  EXPECT_EQ(all[1].matches.size(), 2U);
  EXPECT_EQ(all[1].matches[1].entry, b);
  EXPECT_EQ(all[1].action, Action::kProvisionalBlock);
  EXPECT_EQ(Take(world_.store().verdicts().ReadVerdicts(1)).size(), 1U);
}

TEST_F(Verdicts, APlatformIsToldOfWhatItWasToldAndOfNothingElse) {
  const EntryNumber seen = Submit();
  const EntryNumber other = Submit();
  Revision after = world_.catalog().revision();
  Say("forum", {seen});
  EXPECT_THAT(Changes("forum", &after), IsEmpty());
  Withdraw(other);
  EXPECT_THAT(Changes("forum", &after), IsEmpty()) << "no verdict has named it";
  Withdraw(seen);
  Revision elsewhere = after;
  EXPECT_THAT(Changes("forum", &after), ElementsAre(seen));
  EXPECT_THAT(Changes("forum", &after), IsEmpty()) << "once";
  EXPECT_THAT(Changes("network", &elsewhere), IsEmpty());
}

TEST_F(Verdicts, WhatEndedWhileTheVerdictWasOnItsWayIsTold) {
  const EntryNumber entry = Submit();
  const Revision made_on = world_.catalog().revision();
  Revision after = made_on;
  Withdraw(entry);
  EXPECT_THAT(Changes("forum", &after), IsEmpty()) << "nobody was told of it yet";
  Say("forum", {entry}, 1, made_on);
  EXPECT_THAT(Changes("forum", &after), ElementsAre(entry));
}

TEST_F(Verdicts, ARevisionThatNeverWasIsRefused) {
  const Revision last = world_.catalog().revision();
  const Principal forum = WithRole(Role::kPlatform, "forum");
  EXPECT_TRUE(world_.catalog().ReadChanges(forum, last).ok());
  EXPECT_EQ(ReasonOf(world_.catalog().ReadChanges(forum, last + 1).status()), "REVISION_UNKNOWN");
}

TEST_F(Verdicts, OfTwoFirstVerdictsTheOlderStateCounts) {
  const EntryNumber entry = Submit();
  const Revision older = world_.catalog().revision();
  const Decision contest{.person = "", .reason = ReasonCode::kConsentGiven};
  ASSERT_TRUE(
      world_.Act(WithRole(Role::kPlatform, "board"), "known", entry, EntryAction::kContest, contest)
          .ok());
  Say("forum", {entry}, 1);
  Revision after = world_.catalog().revision();
  EXPECT_THAT(Changes("forum", &after), IsEmpty());
  const VerdictMatch match{.entry = entry, .list = list_.number, .action = Action::kBlock};
  ASSERT_TRUE(world_.catalog()
                  .RecordVerdicts({.verdicts = {{.time_us = world_.clock().Now(),
                                                 .organisation = "forum",
                                                 .key_id = "key",
                                                 .outcome = Outcome::kMatch,
                                                 .action = Action::kBlock,
                                                 .revision = older,
                                                 .matches = {match}}},
                                   .counts = {}},
                                  {})
                  .ok());
  EXPECT_THAT(Changes("forum", &after), ElementsAre(entry)) << "it was made before the contest";
}

TEST_F(Verdicts, SuspendingKeepsTheContestsDeadlineAndReason) {
  const EntryNumber entry = Submit();
  const Decision decision{
      .person = "Ana Lys", .reason = ReasonCode::kIllegalContent, .note = "why"};
  ASSERT_TRUE(world_.Act(reviewer_, "known", entry, EntryAction::kConfirm, decision).ok());
  ASSERT_TRUE(world_.Act(flagger_, "known", entry, EntryAction::kContest, decision).ok());
  const std::string id = world_.catalog().EntryId(entry);
  const auto before = Take(world_.catalog().GetOutcome(reviewer_, "known", id));
  world_.clock().Advance(kHourUs);
  ASSERT_TRUE(world_
                  .Act(operator_, "known", entry, EntryAction::kSuspend,
                       {.person = "Op Era", .reason = ReasonCode::kOther, .note = "off"})
                  .ok());
  const auto after = Take(world_.catalog().GetOutcome(reviewer_, "known", id));
  EXPECT_EQ(after.deadline_us, before.deadline_us);
  EXPECT_EQ(after.entry.reason, "why");
  EXPECT_EQ(after.entry.reason_code, ReasonCode::kIllegalContent);
  EXPECT_EQ(after.history.back().reason, ReasonCode::kOther);
  EXPECT_EQ(after.history.back().time_us, world_.clock().Now());
}

TEST_F(Verdicts, AChangedOrDeletedListIsAChangeOfItsEntries) {
  const EntryNumber entry = Submit();
  Say("forum", {entry});
  Revision after = world_.catalog().revision();
  ASSERT_TRUE(world_.catalog()
                  .UpdateList(flagger_, "known", {.audience = std::vector<std::string>{"network"}})
                  .ok());
  const auto page = Take(world_.catalog().ReadChanges(WithRole(Role::kPlatform, "forum"), after));
  ASSERT_EQ(page.changes.size(), 1U);
  EXPECT_FALSE(page.changes[0].acts) << "the list does not act for it any more";
  after = page.revision;
  ASSERT_TRUE(world_.catalog().DeleteList(flagger_, "known", /*force=*/true).ok());
  EXPECT_THAT(Changes("forum", &after), ElementsAre(entry));
}

TEST_F(Verdicts, ExpiryIsAChangeAndNothingIsLostOverARestart) {
  const EntryNumber entry = Submit();
  Say("forum", {entry});
  Revision after = world_.catalog().revision();
  world_.clock().Advance(31 * 24 * kHourUs);
  ASSERT_TRUE(world_.catalog().Maintain().ok());
  Restart();
  const auto page = Take(world_.catalog().ReadChanges(WithRole(Role::kPlatform, "forum"), after));
  ASSERT_EQ(page.changes.size(), 1U);
  EXPECT_EQ(page.changes[0].state, EntryState::kExpired);
  EXPECT_EQ(page.changes[0].reason, ReasonCode::kTimeOver);
  EXPECT_FALSE(page.changes[0].acts);
}

TEST_F(Verdicts, RandomVerdictsAndChangesAgreeWithANaiveModel) {
  const std::vector<std::string> platforms = {"forum", "network", "board"};
  std::vector<EntryNumber> acting;
  std::set<std::pair<std::string, EntryNumber>> told, expected, got;
  std::map<std::string, Revision> after;
  std::vector<std::pair<Revision, EntryNumber>> late;  // verdicts on their way
  for (int step = 0; step < 1500; ++step) {
    const size_t dice = random_.Below(10);
    const std::string& platform = platforms[random_.Below(3)];
    if (acting.empty() || dice < 2) {
      acting.push_back(Submit());
    } else if (dice < 5) {
      const EntryNumber entry = acting[random_.Below(acting.size())];
      Say(platform, {entry}, step);
      told.insert({platform, entry});
    } else if (dice < 6) {
      late.emplace_back(world_.catalog().revision(), acting[random_.Below(acting.size())]);
    } else if (dice < 7 && !late.empty()) {
      const auto [revision, entry] = late.back();
      late.pop_back();
      Say(platform, {entry}, step, revision);
      told.insert({platform, entry});
      const bool ended = std::find(acting.begin(), acting.end(), entry) == acting.end();
      if (ended) expected.insert({platform, entry});
    } else if (dice < 9) {
      const size_t which = random_.Below(acting.size());
      Withdraw(acting[which]);
      for (const std::string& each : platforms) {
        if (told.contains({each, acting[which]})) expected.insert({each, acting[which]});
      }
      acting.erase(acting.begin() + static_cast<std::ptrdiff_t>(which));
    } else {
      for (const EntryNumber entry : Changes(platform, &after[platform])) {
        got.insert({platform, entry});
      }
    }
    if (step % 400 == 399) Restart();
  }
  for (const std::string& platform : platforms) {
    for (const EntryNumber entry : Changes(platform, &after[platform])) {
      got.insert({platform, entry});
    }
  }
  EXPECT_EQ(got, expected);
  EXPECT_GT(got.size(), 100U);
}

TEST_F(Verdicts, TooManyDifferentUploadsSuspendAnEntryUntilSomebodyHasLooked) {
  Open({.match_rate = {.uploads = 5, .window_us = kHourUs}});
  const EntryNumber entry = Submit();
  for (int upload = 0; upload < 50; ++upload) Say("forum", {entry}, upload % 5);
  const auto suspension = [&] { return Take(world_.store().ReadEntry(entry))->suspension; };
  EXPECT_EQ(suspension(), Suspension::kNone) << "five different ones, again and again";
  const uint64_t events = LastEvent();
  Revision after = world_.catalog().revision();
  Say("forum", {entry}, 5);
  EXPECT_EQ(suspension(), Suspension::kMatchRate);
  EXPECT_THAT(EventsFrom(events), ::testing::Contains("entry_suspended"));
  EXPECT_THAT(Changes("forum", &after), ElementsAre(entry));
  ASSERT_TRUE(world_
                  .Act(reviewer_, "known", entry, EntryAction::kResume,
                       {.person = "Ana Lys", .reason = ReasonCode::kIllegalContent})
                  .ok());
  for (int upload = 100; upload < 150; ++upload) Say("forum", {entry}, upload);
  ASSERT_TRUE(book_->Flush(/*all=*/false).ok());
  EXPECT_EQ(suspension(), Suspension::kCleared);
  Restart();
  EXPECT_EQ(suspension(), Suspension::kCleared);
}

TEST_F(Verdicts, WhatACourtHasConfirmedIsNotSuspendedByItsRate) {
  Open({.match_rate = {.uploads = 2, .window_us = kHourUs}});
  const EntryNumber entry = Submit();
  ASSERT_TRUE(
      world_
          .Act(WithRole(Role::kAuthority, "court"), "known", entry, EntryAction::kConfirm,
               {.person = "Ana Lys", .reason = ReasonCode::kCourtOrder, .case_reference = "24/1"})
          .ok());
  for (int upload = 0; upload < 9; ++upload) Say("forum", {entry}, upload);
  ASSERT_TRUE(book_->Flush(/*all=*/false).ok());
  EXPECT_EQ(Take(world_.store().ReadEntry(entry))->suspension, Suspension::kNone);
}

class FeedbackOn : public Verdicts {
 protected:
  absl::Status Give(const std::string& organisation, EntryNumber entry, int upload, bool correct,
                    bool release = false) {
    return world_.catalog().GiveFeedback(
        WithRole(Role::kPlatform, organisation), "known", world_.catalog().EntryId(entry),
        world_.catalog().SealUpload(organisation, UploadOf(upload)), correct, release);
  }
  SubmitterRecord Record() { return Take(world_.catalog().GetSubmitterRecord(reviewer_, "org-a")); }
};

TEST_F(FeedbackOn, AnEntryIsCountedOnceAPairAndTheLastWordCounts) {
  const EntryNumber entry = Submit();
  EXPECT_EQ(ReasonOf(Give("forum", entry, 1, true)), "NOT_MATCHED");
  Say("forum", {entry});
  EXPECT_EQ(ReasonOf(Give("network", entry, 1, true)), "NOT_MATCHED");
  ASSERT_TRUE(Give("forum", entry, 1, true).ok());
  ASSERT_TRUE(Give("forum", entry, 1, true).ok());
  ASSERT_TRUE(Give("forum", entry, 2, false).ok());
  EXPECT_EQ(Record().true_positives, 1);
  EXPECT_EQ(Record().false_positives, 1);
  ASSERT_TRUE(Give("forum", entry, 1, false).ok());
  EXPECT_EQ(Record().true_positives, 0);
  EXPECT_EQ(Record().false_positives, 2);
  const auto counts = Take(world_.store().verdicts().CountFeedback(entry));
  EXPECT_EQ(counts.correct, 0);
  EXPECT_EQ(counts.wrong, 2);
  EXPECT_EQ(Take(world_.store().ReadLastEvent())->kind, EventKind::kFeedbackFalse);
}

TEST_F(FeedbackOn, AReleaseIsOfOneUploadOnOnePlatformAndLasts) {
  const EntryNumber entry = Submit();
  Say("forum", {entry});
  EXPECT_EQ(ReasonOf(Give("forum", entry, 1, true, true)), "FEEDBACK_INVALID");
  ASSERT_TRUE(Give("forum", entry, 1, false, true).ok());
  Restart();
  const Catalog& catalog = world_.catalog();
  EXPECT_TRUE(catalog.IsReleased(entry, "forum", UploadOf(1)));
  EXPECT_FALSE(catalog.IsReleased(entry, "forum", UploadOf(2)));
  EXPECT_FALSE(catalog.IsReleased(entry, "network", UploadOf(1)));
  ASSERT_TRUE(Give("forum", entry, 1, true).ok());
  EXPECT_FALSE(catalog.IsReleased(entry, "forum", UploadOf(1))) << "taken back";
}

TEST_F(FeedbackOn, DecisionsMakeTheRecordOfASubmitter) {
  const Decision decision{.person = "Ana Lys", .reason = ReasonCode::kOther};
  const EntryNumber right = Submit();
  const EntryNumber wrong = Submit();
  const EntryNumber late = Submit();
  ASSERT_TRUE(world_.Act(reviewer_, "known", right, EntryAction::kConfirm, decision).ok());
  ASSERT_TRUE(world_.Act(reviewer_, "known", wrong, EntryAction::kReject, decision).ok());
  world_.clock().Advance(31 * 24 * kHourUs);
  ASSERT_TRUE(world_.catalog().Maintain().ok());
  Restart();
  const SubmitterRecord record = Record();
  EXPECT_EQ(record.submitted, 3);
  EXPECT_EQ(record.found_right, 1);
  EXPECT_EQ(record.found_wrong, 1);
  EXPECT_EQ(record.expired, 1) << late;
}

TEST_F(Verdicts, AnUploadIsNamedByItsValuesAndTheDatabasesKey) {
  World other;
  const UploadId id = world_.catalog().UploadIdOf("values");
  EXPECT_EQ(world_.catalog().UploadIdOf("values"), id);
  EXPECT_NE(world_.catalog().UploadIdOf("valuez"), id);
  EXPECT_NE(other.catalog().UploadIdOf("values"), id);
  const std::string text = world_.catalog().SealUpload("forum", id);
  EXPECT_EQ(world_.catalog().OpenUpload("forum", text), id);
  EXPECT_EQ(world_.catalog().OpenUpload("network", text), std::nullopt) << "was not told";
  for (size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = changed[i] == 'a' ? 'q' : 'a';
    EXPECT_NE(world_.catalog().OpenUpload("forum", changed), id) << i;
  }
}

}  // namespace
}  // namespace vigie
