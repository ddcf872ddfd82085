// What trusted flaggers may submit: within their designation, and nothing else.
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "engine/catalog/entry_rules.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

using testing::EntryOf;
using testing::Flagger;
using testing::PdqPrint;
using testing::Take;
using testing::World;

constexpr Role kEveryRole[] = {Role::kPlatform,  Role::kVictimService, Role::kTrustedFlagger,
                               Role::kAuthority, Role::kReviewer,      Role::kAuditor,
                               Role::kOperator};

TEST(CheckSubmission, EveryRoleCategoryAndTimeIsDecidedByTheDesignationAlone) {
  struct Case {
    std::optional<Designation> designation;
    TimeUs now;
    const char* in_set;  // what is said of a category of the designation, and of another
    const char* outside;
  };
  const CategorySet ncii = 1U << 3 | 1U << 4;
  const Designation open{.id = "D", .categories = ncii};
  const Designation dated{.id = "D", .categories = ncii, .from_us = 100, .until_us = 200};
  const Case cases[] = {
      {std::nullopt, 150, "NOT_DESIGNATED", "NOT_DESIGNATED"},
      {open, 0, "", "CATEGORY_NOT_DESIGNATED"},
      {open, INT64_MAX, "", "CATEGORY_NOT_DESIGNATED"},
      {dated, 99, "DESIGNATION_EXPIRED", "DESIGNATION_EXPIRED"},
      {dated, 100, "", "CATEGORY_NOT_DESIGNATED"},
      {dated, 199, "", "CATEGORY_NOT_DESIGNATED"},
      {dated, 200, "DESIGNATION_EXPIRED", "DESIGNATION_EXPIRED"},
      {Designation{.id = "D", .categories = 0}, 1, "CATEGORY_NOT_DESIGNATED",
       "CATEGORY_NOT_DESIGNATED"},
      {Designation{.id = "D"}, 1, "", ""},
  };
  int cells = 0;
  for (const Case& each : cases) {
    for (const Role role : kEveryRole) {
      for (int c = 1; c <= static_cast<int>(Category::kOther); ++c) {
        const Principal caller{
            .key_id = "k", .organisation = "org", .role = role, .designation = each.designation};
        ListRecord list;
        list.category = static_cast<Category>(c);
        const absl::Status status = CheckSubmission(caller, list, each.now);
        const char* expected = role != Role::kTrustedFlagger ? ""
                               : c == 3 || c == 4            ? each.in_set
                                                             : each.outside;
        EXPECT_EQ(ReasonOf(status), expected) << Name(role) << ' ' << c << ' ' << each.now;
        EXPECT_EQ(status.code(),
                  *expected == '\0' ? absl::StatusCode::kOk : absl::StatusCode::kPermissionDenied);
        ++cells;
      }
    }
  }
  std::printf("%d cells checked\n", cells);
}

class DesignationTest : public ::testing::Test {
 protected:
  DesignationTest() : flagger_(Flagger("helpline")) {
    world_.MakeList(flagger_, "known");  // of the category ncii
    entry_ = world_.Submit(flagger_, "known", NewPicture());
  }
  NewEntry NewPicture() { return EntryOf({PdqPrint(random_.Hash())}); }
  std::string Submit() {
    const NewEntry entry = NewPicture();
    return ReasonOf(
        Take(world_.catalog().Upload(flagger_, "known", {&entry, 1})).results.at(0).status);
  }
  std::string Create(std::string id, Category category) {
    return ReasonOf(world_.catalog()
                        .CreateList(flagger_, {.id = std::move(id), .category = category})
                        .status());
  }
  std::string Widen() {
    return ReasonOf(world_.catalog().UpdateList(flagger_, "known", {.max_distance = 3}).status());
  }
  std::string Act(EntryAction action, Decision decision = {}) {
    return ReasonOf(world_.Act(flagger_, "known", entry_.number, action, decision).status());
  }
  // What could make more act than acts already.
  void ExpectAllRefused(const std::string& reason) {
    EXPECT_EQ(Submit(), reason);
    EXPECT_EQ(Create("another", Category::kNcii), reason);
    EXPECT_EQ(Widen(), reason);
    EXPECT_EQ(Act(EntryAction::kRenew), reason);
  }

  testing::Random random_{20261122};
  World world_;
  Principal flagger_;
  EntryRecord entry_;
};

TEST_F(DesignationTest, WhoIsNotDesignatedSubmitsAndRenewsNothing) {
  flagger_.designation.reset();
  ExpectAllRefused("NOT_DESIGNATED");
  EXPECT_EQ(world_.catalog().ListEntries(flagger_, "known", 10, "")->items.size(), 1U);
}

TEST_F(DesignationTest, ADesignationEndsAtItsTimeAndWhatIsOnesOwnStaysOnesOwn) {
  flagger_.designation->until_us = world_.clock().Now() + 5;
  world_.clock().Advance(4);
  EXPECT_EQ(Submit(), "");
  world_.clock().Advance(1);
  ExpectAllRefused("DESIGNATION_EXPIRED");
  EXPECT_TRUE(
      world_.catalog().GetEntry(flagger_, "known", world_.catalog().EntryId(entry_.number)).ok());
  EXPECT_EQ(Act(EntryAction::kContest, {.reason = ReasonCode::kWrongPicture}), "");
  EXPECT_EQ(Act(EntryAction::kWithdraw, {.person = "Ana Lys"}), "");
  EXPECT_EQ(Act(EntryAction::kErase, {.person = "Ana Lys", .reason = ReasonCode::kDataProtection}),
            "");
  EXPECT_TRUE(world_.catalog().DeleteList(flagger_, "known", /*force=*/true).ok());
}

TEST_F(DesignationTest, OtherCategoriesAreRefused) {
  flagger_.designation->categories = 1U << static_cast<unsigned>(Category::kCsam);
  ExpectAllRefused("CATEGORY_NOT_DESIGNATED");
  EXPECT_EQ(Create("csam-list", Category::kCsam), "");
}

TEST_F(DesignationTest, AForeignListIsNotFoundWhateverTheDesignation) {
  flagger_.organisation = "another";
  flagger_.designation.reset();
  EXPECT_EQ(Widen(), "LIST_NOT_FOUND");
  EXPECT_EQ(Act(EntryAction::kRenew), "LIST_NOT_FOUND");
  const NewEntry entry = NewPicture();
  EXPECT_EQ(ReasonOf(world_.catalog().Upload(flagger_, "known", {&entry, 1}).status()),
            "LIST_NOT_FOUND");
}

}  // namespace
}  // namespace vigie
