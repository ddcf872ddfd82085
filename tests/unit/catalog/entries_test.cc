// Entries of the catalogue: submission, idempotence, life, owners, pages.
#include <gmock/gmock.h>

#include <climits>
#include <string>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/catalog/entry_life.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

using ::testing::ElementsAre;
using testing::EntryOf;
using ::testing::IsEmpty;
using testing::kHourUs;
using testing::kOrgA;
using testing::kOrgB;
using testing::Md5Print;
using testing::PdqPrint;
using testing::Random;
using testing::Sha256Print;
using ::testing::SizeIs;
using ::testing::StartsWith;
using testing::WithRole;
using testing::World;

template <typename T>
std::string Reason(const absl::StatusOr<T>& result) {
  return ReasonOf(result.status());
}

class Entries : public ::testing::Test {
 protected:
  void SetUp() override {
    world_.MakeList(kOrgA, "known");
    world_.MakeList(kOrgA, "second");
    world_.MakeList(kOrgB, "others");
  }

  Catalog& catalog() { return world_.catalog(); }
  std::string IdOf(const EntryRecord& entry) { return catalog().EntryId(entry.number); }
  UploadOutcome Upload(const std::vector<NewEntry>& entries) {
    auto outcome = catalog().Upload(kOrgA, "known", entries);
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    return *std::move(outcome);
  }
  std::string Refusal(const NewEntry& entry) {
    return ReasonOf(Upload({entry}).results.at(0).status);
  }

  World world_;
  Random random_{1};
};

TEST_F(Entries, ASubmissionIsMatchableOnceAcknowledged) {
  const Pdq256 hash = random_.Hash();
  NewEntry wanted = EntryOf({PdqPrint(hash, 77), Sha256Print("x"), Md5Print("x")}, "ref");
  wanted.subject = Subject::kAdult;
  wanted.jurisdiction = "FR";
  wanted.legal_basis = "law";
  wanted.case_reference = "case";
  const UploadOutcome outcome = Upload({wanted});
  ASSERT_THAT(outcome.results, SizeIs(1));
  const UploadResult& result = outcome.results[0];
  ASSERT_TRUE(result.status.ok()) << result.status;
  EXPECT_TRUE(result.created);
  EXPECT_EQ(result.entry.state, EntryState::kProvisional);
  EXPECT_EQ(result.entry.expires_us / kSecondUs, world_.clock().Now() / kSecondUs + 30 * 24 * 3600);
  EXPECT_EQ(result.entry.submitter, kOrgA.key_id);
  EXPECT_EQ(result.entry.subject, Subject::kAdult);
  EXPECT_EQ(result.entry.case_reference, "case");
  EXPECT_FALSE(result.entry.court_basis);
  EXPECT_EQ(outcome.revision, catalog().revision());
  EXPECT_EQ(result.entry.revision, outcome.revision);

  const auto hits = catalog().FindNear({{random_.Near(hash, 31)}}, 31);
  ASSERT_TRUE(hits.ok());
  ASSERT_THAT(*hits, SizeIs(1));
  EXPECT_EQ(hits->front().row.entry, result.entry.number);
  EXPECT_EQ(hits->front().row.quality, 77);
  EXPECT_EQ(hits->front().distance, 31);
  EXPECT_EQ(hits->front().list->id, "known");
  EXPECT_EQ(hits->front().entry.expires_us, result.entry.expires_us);
  const auto copies = catalog().FindCopies(Algorithm::kMd5, Md5Print("x").value);
  ASSERT_THAT(copies, SizeIs(1));
  EXPECT_EQ(copies[0].row.position, 2);
  EXPECT_EQ(copies[0].distance, 0);
}

TEST_F(Entries, EachEntryOfAnUploadHasItsOwnResult) {
  const Fingerprint good = PdqPrint(random_.Hash());
  Fingerprint short_value = good;
  short_value.value.pop_back();
  const UploadOutcome outcome = Upload({EntryOf({good}, "good"), EntryOf({short_value}),
                                        EntryOf({PdqPrint(random_.Hash(), 49)}), EntryOf({}),
                                        EntryOf({Sha256Print("x")}, "exact")});
  std::vector<std::string> reasons;
  for (const UploadResult& result : outcome.results) reasons.push_back(ReasonOf(result.status));
  EXPECT_THAT(reasons, ElementsAre("", "HASH_MALFORMED", "QUALITY_TOO_LOW", "ENTRY_INVALID", ""));
  EXPECT_THAT(catalog().ListEntries(kOrgA, "known", 10, "")->items, SizeIs(2));
}

TEST_F(Entries, FieldsHaveLimits) {
  const Fingerprint print = PdqPrint(random_.Hash(), 50);
  EXPECT_EQ(Refusal(EntryOf({print})), "") << "the floor itself is enough";
  EXPECT_EQ(Refusal(EntryOf({PdqPrint(random_.Hash(), 101)})), "HASH_MALFORMED");
  EXPECT_EQ(Refusal(EntryOf(std::vector<Fingerprint>(kMaxFingerprints, print), "many")), "");
  EXPECT_EQ(Refusal(EntryOf(std::vector<Fingerprint>(kMaxFingerprints + 1, print))),
            "ENTRY_INVALID");
  EXPECT_EQ(Refusal(EntryOf({print}, std::string(256, 'r'))), "");
  EXPECT_EQ(Refusal(EntryOf({print}, std::string(257, 'r'))), "ENTRY_INVALID");
  EXPECT_EQ(Refusal(EntryOf({print}, "line\nbreak")), "ENTRY_INVALID");
  EXPECT_EQ(Refusal(EntryOf({print}, std::string("nul\0", 4))), "ENTRY_INVALID");
  NewEntry entry = EntryOf({print}, "text");
  entry.case_reference = std::string(257, 'c');
  EXPECT_EQ(Refusal(entry), "ENTRY_INVALID");
}

TEST_F(Entries, AnUnknownAlgorithmIsMalformed) {
  EXPECT_EQ(Refusal(EntryOf({{.algorithm = static_cast<Algorithm>(200), .value = ""}})),
            "HASH_MALFORMED");
}

TEST_F(Entries, SubmittingAgainIsTheSameEntry) {
  const NewEntry entry = EntryOf({PdqPrint(random_.Hash())}, "ref");
  const UploadOutcome first = Upload({entry});
  const UploadOutcome again = Upload({entry, entry});
  for (const UploadResult& result : again.results) {
    EXPECT_TRUE(result.status.ok()) << result.status;
    EXPECT_FALSE(result.created);
    EXPECT_EQ(result.entry.number, first.results[0].entry.number);
  }
  EXPECT_EQ(again.revision, first.revision) << "nothing has changed";
  EXPECT_THAT(catalog().ListEntries(kOrgA, "known", 10, "")->items, SizeIs(1));
}

TEST_F(Entries, AReferenceNamesOnePictureOnly) {
  Upload({EntryOf({PdqPrint(random_.Hash())}, "ref")});
  EXPECT_EQ(Refusal(EntryOf({PdqPrint(random_.Hash())}, "ref")), "EXTERNAL_REFERENCE_CONFLICT");
  const UploadOutcome both = Upload(
      {EntryOf({PdqPrint(random_.Hash())}, "new"), EntryOf({PdqPrint(random_.Hash())}, "new")});
  EXPECT_TRUE(both.results[0].created);
  EXPECT_EQ(ReasonOf(both.results[1].status), "EXTERNAL_REFERENCE_CONFLICT");
  const auto second =
      catalog().Upload(kOrgA, "second", {{EntryOf({PdqPrint(random_.Hash())}, "ref")}});
  EXPECT_TRUE(second->results[0].created) << "a reference is unique within its list";
}

TEST_F(Entries, WithoutAReferenceOneIsDerivedFromTheFingerprints) {
  const Pdq256 hash = random_.Hash();
  const UploadOutcome first = Upload({EntryOf({PdqPrint(hash)})});
  EXPECT_THAT(first.results[0].entry.external_reference, StartsWith("auto-"));
  EXPECT_FALSE(Upload({EntryOf({PdqPrint(hash)})}).results[0].created);
  EXPECT_TRUE(Upload({EntryOf({PdqPrint(random_.Near(hash, 1))})}).results[0].created);
  EXPECT_TRUE(Upload({EntryOf({PdqPrint(hash), Sha256Print("x")})}).results[0].created);
  World other;
  other.MakeList(kOrgA, "known");
  EXPECT_NE(other.Submit(kOrgA, "known", EntryOf({PdqPrint(hash)})).external_reference,
            first.results[0].entry.external_reference)
      << "without this database's key it says nothing about the hash";
}

TEST_F(Entries, TheSameValuesWithAnotherQualityAreTheSamePicture) {
  const Pdq256 hash = random_.Hash();
  const UploadOutcome first = Upload({EntryOf({PdqPrint(hash, 80)})});
  const UploadOutcome again = Upload({EntryOf({PdqPrint(hash, 79)})});
  EXPECT_TRUE(again.results[0].status.ok()) << again.results[0].status;
  EXPECT_FALSE(again.results[0].created);
  EXPECT_EQ(again.results[0].entry.number, first.results[0].entry.number);
  EXPECT_EQ(again.results[0].entry.fingerprints[0].quality, 80);
}

TEST_F(Entries, ReimportDoesNotReviveWhatWasWithdrawn) {
  const Pdq256 hash = random_.Hash();
  const NewEntry entry = EntryOf({PdqPrint(hash)});
  const EntryRecord made = world_.Submit(kOrgA, "known", entry);
  ASSERT_TRUE(
      catalog()
          .Transition(kOrgA, "known", IdOf(made), EntryAction::kWithdraw, {.note = "mistake"})
          .ok());
  for (const bool reopened : {false, true}) {
    if (reopened) world_.Reopen();
    const UploadOutcome again = Upload({entry});
    EXPECT_TRUE(again.results[0].status.ok());
    EXPECT_FALSE(again.results[0].created);
    EXPECT_EQ(again.results[0].entry.state, EntryState::kWithdrawn);
    EXPECT_THAT(world_.Near(hash), IsEmpty());
  }
}

TEST_F(Entries, WithdrawingTakesEffectAtOnceAndForGood) {
  const Pdq256 hash = random_.Hash();
  const EntryRecord entry =
      world_.Submit(kOrgA, "known", EntryOf({PdqPrint(hash), Sha256Print("x")}));
  ASSERT_THAT(world_.Near(hash), ElementsAre(entry.number));
  world_.clock().Advance(kHourUs);
  const auto withdrawn = catalog().Transition(kOrgA, "known", IdOf(entry), EntryAction::kWithdraw,
                                              {.note = "asked to"});
  ASSERT_TRUE(withdrawn.ok()) << withdrawn.status();
  EXPECT_EQ(withdrawn->state, EntryState::kWithdrawn);
  EXPECT_EQ(withdrawn->reason, "asked to");
  EXPECT_EQ(withdrawn->updated_us, world_.clock().Now());
  EXPECT_GT(withdrawn->revision, entry.revision);
  EXPECT_EQ(withdrawn->revision, catalog().revision());
  for (const bool reopened : {false, true}) {
    if (reopened) world_.Reopen();
    EXPECT_THAT(world_.Near(hash), IsEmpty());
    EXPECT_THAT(catalog().FindCopies(Algorithm::kSha256, Sha256Print("x").value), IsEmpty());
    EXPECT_EQ(catalog().GetEntry(kOrgA, "known", IdOf(entry))->state, EntryState::kWithdrawn);
  }
  const auto again = catalog().Transition(kOrgA, "known", IdOf(entry), EntryAction::kWithdraw,
                                          {.note = "other words"});
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->reason, "asked to") << "withdrawing twice is one withdrawal";
  EXPECT_EQ(again->revision, withdrawn->revision);
}

TEST_F(Entries, OneOrganisationsWithdrawalLeavesTheOthersEntry) {
  const Pdq256 hash = random_.Hash();
  const EntryRecord own = world_.Submit(kOrgA, "known", EntryOf({PdqPrint(hash)}));
  const EntryRecord others = world_.Submit(kOrgB, "others", EntryOf({PdqPrint(hash)}));
  EXPECT_THAT(world_.Near(hash), ElementsAre(own.number, others.number));
  ASSERT_TRUE(catalog().Transition(kOrgA, "known", IdOf(own), EntryAction::kWithdraw, {}).ok());
  EXPECT_THAT(world_.Near(hash), ElementsAre(others.number));
}

TEST_F(Entries, AnUnconfirmedEntryActsUntilItsTimeIsOver) {
  const Pdq256 hash = random_.Hash();
  const EntryRecord entry = world_.Submit(kOrgA, "known", EntryOf({PdqPrint(hash)}));
  world_.clock().Set(entry.expires_us - 1);
  EXPECT_THAT(world_.Near(hash), ElementsAre(entry.number));
  EXPECT_EQ(catalog().GetEntry(kOrgA, "known", IdOf(entry))->state, EntryState::kProvisional);
  world_.clock().Set(entry.expires_us);
  for (const bool reopened : {false, true}) {
    if (reopened) world_.Reopen();
    EXPECT_THAT(world_.Near(hash), IsEmpty());
    EXPECT_EQ(catalog().GetEntry(kOrgA, "known", IdOf(entry))->state, EntryState::kExpired);
    EXPECT_EQ(catalog().ListEntries(kOrgA, "known", 1, "")->items.at(0).state,
              EntryState::kExpired);
  }
  EXPECT_EQ(Upload({EntryOf({PdqPrint(hash)})}).results[0].entry.state, EntryState::kExpired);
  EXPECT_TRUE(catalog().Transition(kOrgA, "known", IdOf(entry), EntryAction::kWithdraw, {}).ok());
}

TEST_F(Entries, TheListSaysHowLongAnEntryActs) {
  ASSERT_TRUE(catalog().UpdateList(kOrgA, "known", {.provisional_hours = 2}).ok());
  const EntryRecord entry = world_.Submit(kOrgA, "known", EntryOf({PdqPrint(random_.Hash())}));
  EXPECT_EQ(entry.expires_us, world_.clock().Now() / kSecondUs * kSecondUs + 2 * kHourUs);
}

TEST_F(Entries, AnAuthoritysEntryIsConfirmedAndNamesItsCase) {
  const Principal court = WithRole(Role::kAuthority, "court");
  world_.MakeList(court, "orders");
  NewEntry entry = EntryOf({PdqPrint(random_.Hash())});
  EXPECT_EQ(ReasonOf(catalog().Upload(court, "orders", {{entry}})->results[0].status),
            "CASE_REFERENCE_REQUIRED");
  entry.case_reference = "24/1";
  const EntryRecord made = world_.Submit(court, "orders", entry);
  EXPECT_EQ(made.state, EntryState::kConfirmed);
  EXPECT_TRUE(made.court_basis);
  EXPECT_EQ(made.expires_us, 0);
  world_.clock().Advance(20000 * kHourUs);
  EXPECT_THAT(world_.Near(PdqOf(made.fingerprints[0])), ElementsAre(made.number));
}

TEST_F(Entries, ARoleThatMayNotSubmitIsRefusedAlsoToItsOwnOrganisationsList) {
  const auto outcome = catalog().Upload(WithRole(Role::kPlatform, "org-a"), "known",
                                        {{EntryOf({PdqPrint(random_.Hash())})}});
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(ReasonOf(outcome->results[0].status), "ROLE_MAY_NOT_SUBMIT");
}

TEST_F(Entries, AnotherOrganisationOrListFindsNone) {
  const EntryRecord entry = world_.Submit(kOrgA, "known", EntryOf({PdqPrint(random_.Hash())}));
  const std::string id = IdOf(entry);
  EXPECT_EQ(Reason(catalog().GetEntry(kOrgB, "known", id)), "LIST_NOT_FOUND");
  EXPECT_EQ(Reason(catalog().GetEntry(kOrgB, "others", id)), "ENTRY_NOT_FOUND");
  EXPECT_EQ(Reason(catalog().GetEntry(kOrgA, "second", id)), "ENTRY_NOT_FOUND");
  EXPECT_EQ(Reason(catalog().GetEntry(kOrgA, "known", "1")), "ENTRY_NOT_FOUND");
  EXPECT_EQ(Reason(catalog().GetEntry(kOrgA, "known", catalog().EntryId(999))), "ENTRY_NOT_FOUND");
  EXPECT_EQ(Reason(catalog().Transition(kOrgB, "known", id, EntryAction::kWithdraw, {})),
            "LIST_NOT_FOUND");
  EXPECT_EQ(Reason(catalog().Transition(kOrgB, "others", id, EntryAction::kWithdraw, {})),
            "ENTRY_NOT_FOUND");
  EXPECT_EQ(Reason(catalog().Transition(kOrgA, "second", id, EntryAction::kWithdraw, {})),
            "ENTRY_NOT_FOUND");
  EXPECT_EQ(catalog().GetEntry(kOrgA, "known", id)->state, EntryState::kProvisional);
}

TEST_F(Entries, PagesVisitEveryEntryOnce) {
  std::vector<EntryNumber> expected;
  for (int i = 0; i < 7; ++i) {
    expected.push_back(world_.Submit(kOrgA, "known", EntryOf({PdqPrint(random_.Hash())})).number);
    world_.Submit(kOrgA, "second", EntryOf({PdqPrint(random_.Hash())}));
  }
  for (const int size : {1, 3, 7, 100}) {
    std::vector<EntryNumber> seen;
    std::string token;
    do {
      const auto page = catalog().ListEntries(kOrgA, "known", size, token);
      ASSERT_TRUE(page.ok()) << page.status();
      for (const EntryRecord& entry : page->items) seen.push_back(entry.number);
      token = page->next_page_token;
    } while (!token.empty());
    EXPECT_EQ(seen, expected) << "pages of " << size;
  }
  EXPECT_THAT(catalog().ListEntries(kOrgA, "known", 0, "")->items, SizeIs(1));
  EXPECT_THAT(catalog().ListEntries(kOrgA, "known", INT_MIN, "")->items, SizeIs(1));
  EXPECT_THAT(catalog().ListEntries(kOrgA, "known", INT_MAX, "")->items, SizeIs(7));
}

TEST_F(Entries, APageTokenServesItsOwnListOnly) {
  for (int i = 0; i < 2; ++i) {
    world_.Submit(kOrgA, "known", EntryOf({PdqPrint(random_.Hash())}));
    world_.Submit(kOrgA, "second", EntryOf({PdqPrint(random_.Hash())}));
    world_.Submit(kOrgB, "others", EntryOf({PdqPrint(random_.Hash())}));
  }
  const std::string token = catalog().ListEntries(kOrgA, "known", 1, "")->next_page_token;
  ASSERT_FALSE(token.empty());
  EXPECT_EQ(Reason(catalog().ListEntries(kOrgA, "second", 1, token)), "PAGE_TOKEN_INVALID");
  EXPECT_EQ(Reason(catalog().ListEntries(kOrgB, "others", 1, token)), "PAGE_TOKEN_INVALID");
  EXPECT_EQ(Reason(catalog().ListLists(kOrgA, 1, token)), "PAGE_TOKEN_INVALID");
  EXPECT_EQ(Reason(catalog().ListEntries(kOrgA, "known", 1, catalog().EntryId(1))),
            "PAGE_TOKEN_INVALID");
  EXPECT_TRUE(catalog().ListEntries(kOrgA, "known", 1, token).ok());
}

TEST_F(Entries, TheirIndexIsMergedFurtherThanItMustWhenThereIsTime) {
  std::vector<NewEntry> many(LiveIndexOptions{}.many_in_heads);
  const auto upload = [&] {
    for (NewEntry& entry : many) entry = EntryOf({PdqPrint(random_.Hash())});
    Upload(many);
    ASSERT_TRUE(catalog().Maintain().ok());
  };
  upload();
  EXPECT_EQ(catalog().index_stats().segments, 1U);
  EXPECT_EQ(catalog().index_stats().head_rows, 0U);
  upload();
  EXPECT_EQ(catalog().index_stats().head_rows, many.size()) << "not so soon again";
  world_.clock().Advance(10 * kSecondUs);
  ASSERT_TRUE(catalog().Maintain().ok());
  EXPECT_EQ(catalog().index_stats().segments, 1U);
  EXPECT_EQ(catalog().index_stats().head_rows, 0U);
  EXPECT_EQ(catalog().index_stats().rows, 2 * many.size());
}

}  // namespace
}  // namespace vigie
