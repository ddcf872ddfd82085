// Events, their chain, decisions and expiry in the SQLite store; databases of before.
#include <gmock/gmock.h>

#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/store/event_chain.h"
#include "engine/store/sqlite.h"
#include "engine/store/sqlite_store.h"
#include "tests/unit/store/store_fixture.h"

namespace vigie {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using SqliteEvents = SqliteStoreTest;

TEST_F(SqliteEvents, AnOlderDatabaseIsMigratedWithWhatItHolds) {
  Fill();
  EntryRecord expected = AnEntry(1, 1, "ref-1", 1);
  expected.reason_code = ReasonCode::kNone;
  expected.renewals = 0;
  expected.first_decider = expected.last_decider = {};
  expected.decided_us = 0;
  for (const int version : {2, 1}) {
    store_.reset();
    {
      const auto raw = SqlConnection::Open(path_);
      ASSERT_TRUE(raw.ok());
      ASSERT_OK(BackToVersion3(**raw));
      ASSERT_OK((*raw)->Exec(
          "DROP INDEX entries_by_expiry; DROP INDEX entries_contested; DROP INDEX entries_erased;"
          "DROP TABLE events; DROP TABLE event_heads; PRAGMA user_version=2"));
      for (const char* column :
           {"reason_code", "renewals", "first_decider_key", "first_decider_person",
            "last_decider_key", "last_decider_person", "decided_us"}) {
        ASSERT_OK((*raw)->Exec(absl::StrCat("ALTER TABLE entries DROP COLUMN ", column).c_str()));
      }
      if (version == 1) {
        ASSERT_OK(
            (*raw)->Exec("DROP INDEX entries_by_revision;"
                         "DELETE FROM meta WHERE key='checkpoint'; PRAGMA user_version=1"));
      }
    }
    store_ = Open(path_);
    EXPECT_EQ(Fields(**store_->ReadEntry(1)), Fields(expected));
    EXPECT_EQ(*store_->ReadCheckpointMark(), 0U);
    ASSERT_OK(store_->ScanEntriesSince(0, [](const EntryRecord&) { return absl::OkStatus(); }));
    const auto genesis = store_->ReadLastEvent();
    ASSERT_TRUE(genesis.ok() && genesis->has_value());
    EXPECT_EQ((*genesis)->number, 1U);
    EXPECT_EQ((*genesis)->kind, EventKind::kGenesis);
    EXPECT_EQ((*genesis)->last_entry, 1U) << "entries that were there before events were kept";
    EXPECT_EQ((*genesis)->revision, 1U);
  }
}

// Every field different from its default and from the others.
EventRecord AnEvent(EntryNumber entry, EventKind kind) {
  return {.time_us = 31,
          .kind = kind,
          .list = 1,
          .entry = entry,
          .last_entry = entry + 2,
          .from = EntryState::kContested,
          .to = EntryState::kWithdrawn,
          .organisation = "org-e",
          .role = Role::kReviewer,
          .key_id = "key-e",
          .person = "Éléonore",
          .reason = ReasonCode::kNotIllegal,
          .legal_basis = "basis",
          .case_reference = "case",
          .revision = 33};
}

auto Fields(const EventRecord& e) {
  return std::tuple(e.number, e.time_us, e.kind, e.list, e.entry, e.last_entry, e.from, e.to,
                    e.organisation, e.role, e.key_id, e.person, e.reason, e.legal_basis,
                    e.case_reference, e.revision, e.digest);
}

TEST_F(SqliteEvents, EventsFormAChainAndSurviveAsTheyWere) {
  std::vector<EventRecord> written;
  {
    const auto transaction = Begin(*store_);
    for (const EntryNumber entry : {1, 4}) {
      written.push_back(AnEvent(entry, EventKind::kEntrySubmitted));
      ASSERT_OK(transaction->AppendEvent(written.back()));
    }
    written.push_back(AnEvent(5, EventKind::kEntryReversed));
    written.back().last_entry = 5;
    ASSERT_OK(transaction->AppendEvent(written.back()));
    ASSERT_OK(transaction->Commit({.revision = 1, .lists = 0, .entries = 0, .rows = 0}));
  }
  {
    EventRecord dropped = AnEvent(9, EventKind::kEntrySubmitted);
    ASSERT_OK(Begin(*store_)->AppendEvent(dropped));  // and not committed
  }
  Reopen();
  EventDigest previous{};
  uint64_t number = 0;
  ASSERT_OK(store_->ScanEvents(0, [&](const EventRecord& event) {
    EXPECT_EQ(event.number, ++number);
    EXPECT_EQ(event.digest, DigestOf(event, previous));
    if (number > 1) {
      EXPECT_EQ(Fields(event), Fields(written.at(number - 2)));
    }
    previous = event.digest;
    return absl::OkStatus();
  }));
  EXPECT_EQ(number, 4U);
  const auto kinds = [&](EntryNumber entry) {
    std::vector<EventKind> found;
    for (const EventRecord& event : testing::Take(store_->ReadEvents(entry))) {
      found.push_back(event.kind);
    }
    return found;
  };
  using enum EventKind;
  EXPECT_THAT(kinds(3), ElementsAre(kEntrySubmitted));
  EXPECT_THAT(kinds(5), ElementsAre(kEntrySubmitted, kEntryReversed));
  EXPECT_THAT(kinds(7), IsEmpty());
}

TEST(EventChain, TheDigestDependsOnEveryField) {
  const EventRecord base = AnEvent(1, EventKind::kEntryReversed);
  std::vector<EventRecord> others(16, base);
  others[0].number = 99;
  others[1].time_us = 99;
  others[2].kind = EventKind::kEntryRevoked;
  others[3].list = 99;
  others[4].entry = 99;
  others[5].last_entry = 99;
  others[6].from = std::nullopt;
  others[7].to = EntryState::kConfirmed;
  others[8].organisation = "org-f";
  others[9].role = std::nullopt;
  others[10].key_id = "key-f";
  others[11].person = "";
  others[12].reason = ReasonCode::kNone;
  others[13].legal_basis = "basisc";  // the same bytes in a row, divided otherwise
  others[13].case_reference = "ase";
  others[14].case_reference = "x";
  others[15].revision = 99;
  std::set<EventDigest> digests = {DigestOf(base, {})};
  for (const EventRecord& other : others) digests.insert(DigestOf(other, {}));
  digests.insert(DigestOf(base, DigestOf(base, {})));
  EXPECT_THAT(digests, SizeIs(18));
  EventRecord same = base;
  same.digest[3] = 7;
  EXPECT_EQ(DigestOf(same, {}), DigestOf(base, {})) << "its own digest is not part of it";
}

TEST_F(SqliteEvents, HeadsSurvive) {
  HeadRecord head{.number = 3, .time_us = 5};
  head.digest.fill(0);
  head.digest[31] = 1;
  head.public_key.fill(2);
  head.signature.fill(3);
  ASSERT_OK(store_->InsertHead(head));
  Reopen();
  const auto heads = store_->ReadHeads();
  ASSERT_TRUE(heads.ok());
  ASSERT_THAT(*heads, SizeIs(1));
  const HeadRecord& read = heads->front();
  EXPECT_EQ(std::tuple(read.number, read.digest, read.time_us, read.public_key, read.signature),
            std::tuple(head.number, head.digest, head.time_us, head.public_key, head.signature));
}

TEST_F(SqliteEvents, WhatIsDueIsWhatIsUndecidedAndOver) {
  const auto write = Begin(*store_);
  ASSERT_OK(write->InsertList(AList(1, "list-1")));
  EntryNumber number = 0;
  for (int state = 1; state <= 9; ++state) {
    for (const TimeUs expires : {0, 50, 40, 60}) {
      ++number;
      EntryRecord entry = AnEntry(number, 1, absl::StrCat("r", number), 3 * number);
      entry.state = static_cast<EntryState>(state);
      entry.expires_us = expires;
      ASSERT_OK(write->InsertEntry(entry));
    }
  }
  ASSERT_OK(write->Commit({.revision = 1, .lists = 1, .entries = number, .rows = 4 * number}));
  // Provisional: 5 to 8; contested: 13 to 16.
  EXPECT_THAT(*store_->ReadDue(50, 10), ElementsAre(7, 15, 6, 14));
  EXPECT_THAT(*store_->ReadDue(50, 1), SizeIs(1));
  EXPECT_THAT(*store_->ReadDue(39, 10), IsEmpty());
  EXPECT_EQ(*store_->CountInState(EntryState::kErased), 4U);
}

TEST_F(SqliteEvents, FingerprintsFollowTheirEntryToOtherRows) {
  Fill();
  EntryRecord entry = AnEntry(1, 1, "ref-1", 1);
  entry.first_row = 9;
  const auto transaction = Begin(*store_);
  ASSERT_OK(transaction->UpdateEntry(entry));
  ASSERT_OK(transaction->Commit({.revision = 2, .lists = 1, .entries = 1, .rows = 11}));
  EXPECT_EQ(Fields(**store_->ReadEntry(1)), Fields(entry));
  std::vector<RowId> rows;
  ASSERT_OK(store_->ScanFingerprints([&](const FingerprintRow& row) {
    EXPECT_EQ(row.row, 9U + static_cast<RowId>(row.position));
    rows.push_back(row.row);
    return absl::OkStatus();
  }));
  EXPECT_THAT(rows, ElementsAre(9, 10, 11));
}

}  // namespace
}  // namespace vigie
