// Lists of the catalogue: their rules, their owners, their pages.
#include <gmock/gmock.h>

#include <climits>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/catalog/catalog.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

using ::testing::ElementsAre;
using testing::EntryOf;
using ::testing::IsEmpty;
using testing::kOrgA;
using testing::kOrgB;
using testing::PdqPrint;
using testing::Random;
using ::testing::SizeIs;
using testing::WithRole;
using testing::World;

template <typename T>
std::string Reason(const absl::StatusOr<T>& result) {
  return ReasonOf(result.status());
}

std::string CreateWith(World& world, const ListSettings& settings,
                       ListKind kind = ListKind::kBlock) {
  static int number = 0;
  return Reason(world.catalog().CreateList(
      WithRole(Role::kAuthority, "org-a"),
      {.id = absl::StrCat("l", ++number), .kind = kind, .settings = settings}));
}

TEST(Lists, ANewListHasTheDefaultsOfItsOwner) {
  World world;
  const ListRecord list = world.MakeList(kOrgA, "known");
  EXPECT_EQ(list.organisation, "org-a");
  EXPECT_EQ(list.display_name, "known");
  EXPECT_EQ(list.action, Action::kBlock);
  EXPECT_EQ(list.max_distance, kDefaultMaxDistance);
  EXPECT_EQ(list.provisional_hours, 30 * 24);
  EXPECT_THAT(list.audience, IsEmpty());
  EXPECT_EQ(list.created_us, world.clock().Now());
  EXPECT_EQ(list.revision, world.catalog().revision());
  EXPECT_EQ(world.MakeList(WithRole(Role::kVictimService, "org-v"), "victims").provisional_hours,
            72);
  EXPECT_EQ(world.MakeList(WithRole(Role::kOperator, "org-o"), "benign", ListKind::kAllow).action,
            Action::kReportOnly);
  const auto got = world.catalog().GetList(kOrgA, "known");
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(got->number, list.number);
}

TEST(Lists, IdsAreNamesAndTakenOnceForTheWholeServer) {
  World world;
  for (const char* id : {"", "A", "1a", "a-", "a_b", "a b"}) {
    EXPECT_EQ(Reason(world.catalog().CreateList(kOrgA, {.id = id})), "LIST_INVALID") << id;
  }
  EXPECT_EQ(Reason(world.catalog().CreateList(kOrgA, {.id = std::string(64, 'a')})),
            "LIST_INVALID");
  world.MakeList(kOrgA, std::string(63, 'a'));
  world.MakeList(kOrgA, "taken");
  EXPECT_EQ(Reason(world.catalog().CreateList(kOrgA, {.id = "taken"})), "LIST_EXISTS");
  EXPECT_EQ(Reason(world.catalog().CreateList(kOrgB, {.id = "taken"})), "LIST_EXISTS");
  ASSERT_TRUE(world.catalog().DeleteList(kOrgA, "taken", false).ok());
  EXPECT_EQ(Reason(world.catalog().CreateList(kOrgA, {.id = "taken"})), "LIST_EXISTS")
      << "verdicts have carried it";
}

TEST(Lists, SettingsHaveLimits) {
  World world;
  EXPECT_EQ(CreateWith(world, {.display_name = std::string(200, 'x')}), "");
  EXPECT_EQ(CreateWith(world, {.display_name = std::string(201, 'x')}), "LIST_INVALID");
  EXPECT_EQ(CreateWith(world, {.action = Action::kHoldForReview}), "");
  EXPECT_EQ(CreateWith(world, {.action = Action::kProvisionalBlock}), "LIST_INVALID");
  EXPECT_EQ(CreateWith(world, {.action = Action::kBlock}, ListKind::kAllow), "LIST_INVALID");
  EXPECT_EQ(CreateWith(world, {.max_distance = 0}), "");
  EXPECT_EQ(CreateWith(world, {.max_distance = 31}), "");
  EXPECT_EQ(CreateWith(world, {.max_distance = 32}), "LIST_INVALID");
  EXPECT_EQ(CreateWith(world, {.max_distance = -1}), "LIST_INVALID");
  EXPECT_EQ(CreateWith(world, {.provisional_hours = 1}), "");
  EXPECT_EQ(CreateWith(world, {.provisional_hours = 366 * 24}), "");
  EXPECT_EQ(CreateWith(world, {.provisional_hours = 0}), "LIST_INVALID");
  EXPECT_EQ(CreateWith(world, {.provisional_hours = 366 * 24 + 1}), "LIST_INVALID");
  EXPECT_EQ(CreateWith(world, {.audience = std::vector<std::string>(1000, "org")}), "");
  EXPECT_EQ(CreateWith(world, {.audience = std::vector<std::string>(1001, "org")}), "LIST_INVALID");
  EXPECT_EQ(CreateWith(world, {.audience = {{"not a name\n"}}}), "LIST_INVALID");
}

TEST(Lists, AServerMayAllowWiderDistances) {
  World world({.max_distance_limit = kMaxDistanceLimit});
  EXPECT_EQ(CreateWith(world, {.max_distance = 47}), "");
  EXPECT_EQ(CreateWith(world, {.max_distance = 48}), "LIST_INVALID");
  EXPECT_EQ(world.catalog().WidestDistance(), 47);
}

TEST(Lists, OnlyRolesThatMaySubmitCreateThem) {
  World world;
  const auto create = [&](Role role, ListKind kind) {
    static int number = 0;
    return Reason(world.catalog().CreateList(WithRole(role, "org"),
                                             {.id = absl::StrCat("r", ++number), .kind = kind}));
  };
  for (const Role role : {Role::kPlatform, Role::kReviewer, Role::kAuditor}) {
    EXPECT_EQ(create(role, ListKind::kBlock), "ROLE_MAY_NOT_SUBMIT");
    EXPECT_EQ(create(role, ListKind::kAllow), "ROLE_MAY_NOT_SUBMIT");
  }
  for (const Role role : {Role::kVictimService, Role::kTrustedFlagger}) {
    EXPECT_EQ(create(role, ListKind::kBlock), "");
    EXPECT_EQ(create(role, ListKind::kAllow), "ROLE_MAY_NOT_SUBMIT");
  }
  EXPECT_EQ(create(Role::kOperator, ListKind::kBlock), "ROLE_MAY_NOT_SUBMIT");
  EXPECT_EQ(create(Role::kOperator, ListKind::kAllow), "");
  EXPECT_EQ(create(Role::kAuthority, ListKind::kBlock), "");
  EXPECT_EQ(create(Role::kAuthority, ListKind::kAllow), "");
}

TEST(Lists, AnOrganisationHasALimitedNumber) {
  World world({.max_lists_per_organisation = 2});
  world.MakeList(kOrgA, "one");
  world.MakeList(kOrgA, "two");
  EXPECT_EQ(Reason(world.catalog().CreateList(kOrgA, {.id = "three"})), "TOO_MANY_LISTS");
  world.MakeList(kOrgB, "others");
  ASSERT_TRUE(world.catalog().DeleteList(kOrgA, "one", false).ok());
  world.MakeList(kOrgA, "three");
}

TEST(Lists, UpdateChangesWhatIsSetAndKeepsTheRest) {
  World world;
  const ListRecord before = world.MakeList(kOrgA, "known", ListKind::kBlock,
                                           {.display_name = "Known", .max_distance = 20});
  world.clock().Advance(testing::kHourUs);
  const auto after = world.catalog().UpdateList(
      kOrgA, "known", {.action = Action::kReportOnly, .audience = {{"forum"}}});
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(after->display_name, "Known");
  EXPECT_EQ(after->max_distance, 20);
  EXPECT_EQ(after->action, Action::kReportOnly);
  EXPECT_THAT(after->audience, ElementsAre("forum"));
  EXPECT_EQ(after->created_us, before.created_us);
  EXPECT_EQ(after->updated_us, world.clock().Now());
  EXPECT_GT(after->revision, before.revision);
  EXPECT_EQ(Reason(world.catalog().UpdateList(kOrgA, "known", {.max_distance = 99})),
            "LIST_INVALID");
  world.Reopen();
  const auto reopened = world.catalog().GetList(kOrgA, "known");
  ASSERT_TRUE(reopened.ok());
  EXPECT_EQ(reopened->action, Action::kReportOnly);
  EXPECT_EQ(reopened->max_distance, 20);
  EXPECT_EQ(reopened->revision, after->revision);
}

TEST(Lists, AnotherOrganisationFindsNone) {
  World world;
  world.MakeList(kOrgA, "known");
  Catalog& catalog = world.catalog();
  EXPECT_EQ(Reason(catalog.GetList(kOrgB, "known")), "LIST_NOT_FOUND");
  EXPECT_EQ(Reason(catalog.UpdateList(kOrgB, "known", {.max_distance = 1})), "LIST_NOT_FOUND");
  EXPECT_EQ(ReasonOf(catalog.DeleteList(kOrgB, "known", true)), "LIST_NOT_FOUND");
  EXPECT_EQ(Reason(catalog.Upload(kOrgB, "known", {})), "LIST_NOT_FOUND");
  EXPECT_EQ(Reason(catalog.ListEntries(kOrgB, "known", 10, "")), "LIST_NOT_FOUND");
  EXPECT_THAT(catalog.ListLists(kOrgB, 10, "")->items, IsEmpty());
  EXPECT_EQ(catalog.GetList(kOrgA, "known")->max_distance, kDefaultMaxDistance);
  // The answer for what is not there is the same, word for word.
  EXPECT_EQ(catalog.GetList(kOrgB, "known").status(), catalog.GetList(kOrgB, "none").status());
}

TEST(Lists, ADeletedListIsGoneAndStopsMatchingAtOnce) {
  World world;
  Random random(1);
  const Pdq256 hash = random.Hash();
  world.MakeList(kOrgA, "known");
  world.Submit(kOrgA, "known", EntryOf({PdqPrint(hash), testing::Sha256Print("x")}));
  ASSERT_THAT(world.Near(hash), SizeIs(1));
  EXPECT_EQ(ReasonOf(world.catalog().DeleteList(kOrgA, "known", false)), "LIST_NOT_EMPTY");
  ASSERT_THAT(world.Near(hash), SizeIs(1));
  ASSERT_TRUE(world.catalog().DeleteList(kOrgA, "known", true).ok());
  for (const bool reopened : {false, true}) {
    if (reopened) world.Reopen();
    const std::string value = testing::Sha256Print("x").value;
    EXPECT_THAT(world.Near(hash), IsEmpty());
    EXPECT_THAT(world.catalog().FindCopies(Algorithm::kSha256, value), IsEmpty());
    EXPECT_EQ(Reason(world.catalog().GetList(kOrgA, "known")), "LIST_NOT_FOUND");
    EXPECT_EQ(ReasonOf(world.catalog().DeleteList(kOrgA, "known", true)), "LIST_NOT_FOUND");
    EXPECT_EQ(Reason(world.catalog().Upload(kOrgA, "known", {})), "LIST_NOT_FOUND");
    EXPECT_THAT(world.catalog().ListLists(kOrgA, 10, "")->items, IsEmpty());
    EXPECT_EQ(world.catalog().WidestDistance(), -1);
  }
}

TEST(Lists, PagesVisitEveryListOnce) {
  World world;
  std::vector<std::string> expected;
  for (int i = 0; i < 7; ++i) {
    expected.push_back(absl::StrCat("list-", i));
    world.MakeList(kOrgA, expected.back());
    world.MakeList(kOrgB, absl::StrCat("others-", i));
  }
  for (const int size : {1, 2, 3, 7, 100}) {
    std::vector<std::string> seen;
    std::string token;
    do {
      const auto page = world.catalog().ListLists(kOrgA, size, token);
      ASSERT_TRUE(page.ok()) << page.status();
      ASSERT_LE(page->items.size(), static_cast<size_t>(size));
      for (const ListRecord& list : page->items) seen.push_back(list.id);
      token = page->next_page_token;
    } while (!token.empty());
    EXPECT_EQ(seen, expected) << "pages of " << size;
  }
}

TEST(Lists, APageTokenServesItsOwnRequestOnly) {
  World world;
  for (int i = 0; i < 3; ++i) {
    world.MakeList(kOrgA, absl::StrCat("a-", i));
    world.MakeList(kOrgB, absl::StrCat("b-", i));
  }
  const std::string token = world.catalog().ListLists(kOrgA, 1, "")->next_page_token;
  ASSERT_FALSE(token.empty());
  EXPECT_EQ(Reason(world.catalog().ListLists(kOrgB, 1, token)), "PAGE_TOKEN_INVALID");
  EXPECT_EQ(Reason(world.catalog().ListEntries(kOrgA, "a-0", 1, token)), "PAGE_TOKEN_INVALID");
  EXPECT_EQ(Reason(world.catalog().ListLists(kOrgA, 1, "nonsense")), "PAGE_TOKEN_INVALID");
  for (size_t i = 0; i < token.size(); ++i) {
    std::string tampered = token;
    tampered[i] = tampered[i] == 'a' ? 'b' : 'a';
    EXPECT_EQ(Reason(world.catalog().ListLists(kOrgA, 1, tampered)), "PAGE_TOKEN_INVALID") << i;
  }
  EXPECT_TRUE(world.catalog().ListLists(kOrgA, 1, token).ok());
}

TEST(Lists, PageSizesOutsideTheLimitsAreBroughtInside) {
  World world;
  world.MakeList(kOrgA, "one");
  world.MakeList(kOrgA, "two");
  for (const int size : {0, -1, INT_MIN}) {
    const auto page = world.catalog().ListLists(kOrgA, size, "");
    ASSERT_TRUE(page.ok());
    EXPECT_THAT(page->items, SizeIs(1)) << size;
    EXPECT_FALSE(page->next_page_token.empty());
  }
  EXPECT_THAT(world.catalog().ListLists(kOrgA, INT_MAX, "")->items, SizeIs(2));
}

}  // namespace
}  // namespace vigie
