#include "tests/support/catalog_session.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "engine/catalog/audit.h"
#include "engine/store/sqlite_store.h"
#include "tests/support/engine_fixtures.h"

namespace vigie::testing {
namespace {

constexpr int kEntries = 4;
const Decision kByAna = {
    .person = "Ana Lys", .reason = ReasonCode::kOther, .case_reference = "24/1"};
const Decision kByBo = {.person = "Bo Ek", .reason = ReasonCode::kOther};

const std::vector<Pdq256>& Hashes() {
  static const std::vector<Pdq256> hashes = [] {
    Random random(11);
    std::vector<Pdq256> made;
    for (int i = 0; i < kEntries; ++i) made.push_back(random.Hash());
    return made;
  }();
  return hashes;
}

// Of the last entry, which gains it when it is submitted again.
const LocalFingerprint& Places() {
  static const LocalFingerprint places = [] {
    Random random(12);
    LocalFingerprint made{.width = 512, .height = 384, .keypoints = {}, .descriptors = {}};
    for (uint16_t i = 0; i < 24; ++i) {
      made.keypoints.push_back({.x = static_cast<uint16_t>(8 * (60 + 70 * (i % 6))),
                                .y = static_cast<uint16_t>(8 * (60 + 80 * (i / 6))),
                                .level = 0,
                                .angle = 0});
      made.descriptors.push_back(random.Hash());
    }
    return made;
  }();
  return places;
}

Change Act(Role role, std::string organisation, EntryNumber entry, EntryAction action,
           Decision decision) {
  return [=](Catalog& catalog) {
    return catalog
        .Transition(WithRole(role, organisation), "known", catalog.EntryId(entry), action, decision)
        .status();
  };
}

}  // namespace

std::vector<Change> Script() {
  using enum EntryAction;
  const auto upload = [](size_t first, size_t count) {
    return [=](Catalog& catalog) {
      std::vector<NewEntry> entries;
      for (size_t i = first; i < first + count; ++i) {
        entries.push_back(EntryOf({PdqPrint(Hashes()[i])}));
      }
      return catalog.Upload(kOrgA, "known", entries).status();
    };
  };
  const VerdictBatch said = {
      .verdicts = {{.time_us = 5,
                    .organisation = "forum",
                    .key_id = "key",
                    .outcome = Outcome::kMatch,
                    .action = Action::kProvisionalBlock,
                    .revision = 1,
                    .matches = {{.entry = 1, .list = 1, .action = Action::kProvisionalBlock}}}},
      .counts = {}};
  return {
      [](Catalog& catalog) {
        return catalog.CreateList(kOrgA, {.id = "known", .settings = {.local = true}}).status();
      },
      upload(0, 3),
      upload(3, 1),
      [](Catalog& catalog) {
        NewEntry again = EntryOf({PdqPrint(Hashes().back())});
        again.local = EncodeLocal(Places());
        return catalog.Upload(kOrgA, "known", {&again, 1}).status();
      },
      [said](Catalog& catalog) {
        const EntryNumber too_many = 2;
        return catalog.RecordVerdicts(said, {&too_many, 1});
      },
      [](Catalog& catalog) {
        return catalog.GiveFeedback(WithRole(Role::kPlatform, "forum"), "known", catalog.EntryId(1),
                                    catalog.SealUpload("forum", UploadId{}), /*correct=*/false,
                                    /*release=*/true);
      },
      Act(Role::kReviewer, "moderators", 1, kConfirm, kByAna),
      Act(Role::kPlatform, "forum", 1, kContest, kByBo),
      Act(Role::kReviewer, "others", 1, kReverse, kByBo),
      Act(Role::kReviewer, "moderators", 2, kResume, kByAna),
      Act(Role::kOperator, "host", 2, kSuspend, kByAna),
      Act(Role::kTrustedFlagger, "org-a", 2, kRenew, {}),
      Act(Role::kReviewer, "moderators", 3, kReject, kByAna),
      Act(Role::kAuthority, "court", 3, kRevoke, kByAna),
      Act(Role::kTrustedFlagger, "org-a", 4, kWithdraw, {}),
      Act(Role::kAuthority, "court", 2, kErase, kByAna),
  };
}

std::string Everything(Store& store, Catalog& catalog) {
  std::string text;
  for (EntryNumber number = 1; number <= kEntries; ++number) {
    const auto entry = Take(store.ReadEntry(number));
    if (!entry.has_value()) continue;
    absl::StrAppend(&text, number, " ", ToAbsl(Name(entry->state)), " ",
                    ToAbsl(Name(entry->suspension)), " ", entry->renewals, " ",
                    entry->fingerprints.size(), " ", entry->local.size(), ":");
    for (const EventRecord& event : Take(store.ReadEvents(number))) {
      absl::StrAppend(&text, " ", ToAbsl(Name(event.kind)));
    }
    const Sightings seen = Take(store.verdicts().CountSightings(number));
    absl::StrAppend(&text, " seen ", seen.provisionally_blocked, " released ",
                    catalog.IsReleased(number, "forum", UploadId{}) ? "yes" : "no", "\n");
    const Pdq256 hash = Hashes()[number - 1];
    const bool found = !Take(catalog.FindNear({&hash, 1}, 0)).empty();
    EXPECT_EQ(found, catalog.IsActing(number)) << number;
    if (number != kEntries) continue;
    const auto always = [](const auto&...) { return true; };
    const bool local_found = !Take(catalog.FindLocal(Places(), always, always)).matches.empty();
    EXPECT_EQ(local_found, found && !entry->local.empty());
  }
  for (const Tally& tally : Take(store.verdicts().ReadTallies("org-a"))) {
    absl::StrAppend(&text, ToAbsl(Name(tally.kind)), " ", tally.entries, "\n");
  }
  TemporaryFolder folder;
  const auto key = Take(SigningKey::LoadOrMake(folder.File("key")));
  const auto chain = VerifyEvents(store, key.public_key(), std::nullopt);
  EXPECT_TRUE(chain.ok()) << chain.status();
  if (chain.ok()) absl::StrAppend(&text, chain->events, " events");
  return text;
}

std::string EverythingIn(const std::string& file) {
  FakeClock clock;
  const auto store = Take(OpenSqliteStore(file));
  const auto catalog = Take(Catalog::Open(*store, clock, {}, {}));
  return Everything(*store, *catalog);
}

}  // namespace vigie::testing
