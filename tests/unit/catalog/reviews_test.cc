// The queue of undecided entries, over more of them than one read takes.
#include <gmock/gmock.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/catalog/catalog.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

using testing::EntryOf;
using ::testing::IsEmpty;
using testing::kFlagger;
using testing::kReviewer;
using testing::PdqPrint;
using ::testing::SizeIs;
using testing::Take;
using testing::WithRole;
using testing::World;

class Reviews : public ::testing::Test {
 protected:
  Reviews() : random_(41) {
    world_.MakeList(kFlagger, "long", ListKind::kBlock, {.provisional_hours = 100});
    world_.MakeList(kFlagger, "short", ListKind::kBlock, {.provisional_hours = 1});
  }

  void Submit(std::string_view list, int count) {
    std::vector<NewEntry> entries;
    for (int i = 0; i < count; ++i) {
      entries.push_back(EntryOf({PdqPrint(random_.Hash())}, absl::StrCat(next_++)));
    }
    Take(world_.catalog().Upload(kFlagger, list, entries));
  }

  std::vector<EntryOutcome> All(const ReviewFilter& filter, int page_size) {
    std::vector<EntryOutcome> all;
    std::string token;
    int pages = 0;
    do {
      auto page = Take(world_.catalog().ListReviews(kReviewer, filter, page_size, token));
      EXPECT_LE(page.items.size(), static_cast<size_t>(page_size));
      for (EntryOutcome& outcome : page.items) all.push_back(std::move(outcome));
      token = page.next_page_token;
    } while (!token.empty() && ++pages < 5000);
    EXPECT_LT(pages, 5000);
    return all;
  }

  World world_;
  testing::Random random_;
  int next_ = 0;
};

TEST_F(Reviews, EveryUndecidedEntryComesOnceOldestDeadlineFirst) {
  Submit("long", 700);
  Submit("short", 40);
  Submit("long", 500);
  for (const int size : {7, 500, 1000}) {
    const auto all = All({}, size);
    ASSERT_THAT(all, SizeIs(1240)) << size;
    std::set<EntryNumber> numbers;
    for (size_t i = 0; i < all.size(); ++i) {
      numbers.insert(all[i].entry.number);
      EXPECT_EQ(all[i].list->id, i < 40 ? "short" : "long");
      EXPECT_EQ(all[i].deadline_us, all[i].entry.expires_us);
      EXPECT_TRUE(i == 0 || all[i - 1].deadline_us <= all[i].deadline_us);
      EXPECT_THAT(all[i].entry.fingerprints, IsEmpty());
    }
    EXPECT_THAT(numbers, SizeIs(1240));
  }
}

TEST_F(Reviews, AFilterFindsTheFewAmongMany) {
  Submit("long", 11'000);
  ASSERT_TRUE(world_
                  .Act(WithRole(Role::kPlatform, "forum"), "long", 10'900, EntryAction::kContest,
                       {.reason = ReasonCode::kConsentGiven})
                  .ok());
  const auto contested = All({.state = EntryState::kContested}, 10);
  ASSERT_THAT(contested, SizeIs(1));
  EXPECT_EQ(contested[0].entry.number, 10'900U);
  EXPECT_THAT(All({.list = "short"}, 10), IsEmpty());
  EXPECT_THAT(All({.category = Category::kCsam}, 10), IsEmpty());
}

TEST_F(Reviews, WhatHasExpiredOrIsOfADeletedListIsNotWaiting) {
  Submit("short", 3);
  Submit("long", 2);
  world_.clock().Advance(2 * testing::kHourUs);
  EXPECT_THAT(All({}, 10), SizeIs(2)) << "also before it is written down";
  ASSERT_TRUE(world_.catalog().DeleteList(kFlagger, "long", true).ok());
  EXPECT_THAT(All({}, 10), IsEmpty());
}

TEST_F(Reviews, AContestOfAConfirmedEntryIsDueInDaysAlsoWhenTheyArePast) {
  Submit("long", 1);
  ASSERT_TRUE(world_
                  .Act(kReviewer, "long", 1, EntryAction::kConfirm,
                       {.person = "Ana Lys", .reason = ReasonCode::kOther})
                  .ok());
  EXPECT_THAT(All({}, 10), IsEmpty());
  ASSERT_TRUE(world_
                  .Act(WithRole(Role::kPlatform, "forum"), "long", 1, EntryAction::kContest,
                       {.reason = ReasonCode::kConsentGiven})
                  .ok());
  const TimeUs due = world_.clock().Now() + kReviewUs;
  world_.clock().Advance(3 * kReviewUs);
  Submit("long", 1);
  const auto all = All({}, 10);
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].deadline_us, due) << "overdue comes first";
}

}  // namespace
}  // namespace vigie
