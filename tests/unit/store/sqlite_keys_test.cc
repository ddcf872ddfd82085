// Keys and organisations of the SQLite store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "engine/store/sqlite_schema.h"
#include "tests/unit/store/store_fixture.h"

namespace vigie {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SqliteKeys : public SqliteStoreTest {
 protected:
  static KeyRecord Secret(std::string id, TimeUs until = 0) {
    KeyRecord key = AKey(std::move(id));
    key.credential = Credential::kSecret;
    key.until_us = until;
    return key;
  }
  KeyRecord Key(const std::string& id) {
    const std::vector<KeyRecord> keys = store_->ReadKeys().value();
    for (const KeyRecord& key : keys) {
      if (key.id == id) return key;
    }
    ADD_FAILURE() << "no key " << id;
    return {};
  }
  // The kinds of the events after the first `skipped`.
  std::vector<EventKind> Events(uint64_t skipped) {
    std::vector<EventKind> kinds;
    EXPECT_TRUE(store_
                    ->ScanEvents(skipped,
                                 [&](const EventRecord& event) {
                                   kinds.push_back(event.kind);
                                   return absl::OkStatus();
                                 })
                    .ok());
    return kinds;
  }
};

TEST_F(SqliteKeys, KeysSurviveAndAreRevokedOnce) {
  ASSERT_OK(store_->InsertKey(AKey("k1")));
  EXPECT_EQ(ReasonOf(store_->InsertKey(AKey("k1"))), "KEY_EXISTS");
  EXPECT_EQ(ReasonOf(store_->RevokeKey("k2", 5)), "KEY_NOT_FOUND");
  Reopen();
  ASSERT_THAT(*store_->ReadKeys(), SizeIs(1));
  EXPECT_EQ(Fields(store_->ReadKeys()->at(0)), Fields(AKey("k1")));
  ASSERT_OK(store_->RevokeKey("k1", 100));
  ASSERT_OK(store_->RevokeKey("k1", 200));
  EXPECT_EQ(store_->ReadKeys()->at(0).revoked_us, 100) << "the first time counts";
}

TEST_F(SqliteKeys, ACertificateIsRegisteredOnceAlsoWhenItWasRevoked) {
  ASSERT_OK(store_->InsertKey(AKey("k1")));
  EXPECT_EQ(ReasonOf(store_->InsertKey(AKey("k2"))), "KEY_EXISTS");
  ASSERT_OK(store_->RevokeKey("k1", 5));
  EXPECT_EQ(ReasonOf(store_->InsertKey(AKey("k2"))), "KEY_EXISTS");
  ASSERT_OK(store_->InsertKey(Secret("k3")));  // the digest of a secret is another thing
}

TEST_F(SqliteKeys, RotatingInsertsTheNextAndLetsTheOldOneEnd) {
  ASSERT_OK(store_->InsertKey(Secret("k1")));
  KeyRecord next = Secret("k2");
  next.created_us = 100;
  EXPECT_EQ(ReasonOf(store_->RotateKey("none", 500, next)), "KEY_NOT_FOUND");
  EXPECT_EQ(ReasonOf(store_->RotateKey("k1", 500, Secret("k1"))), "KEY_EXISTS");
  EXPECT_EQ(Key("k1").until_us, 0) << "both or neither";
  const uint64_t events = (*store_->ReadLastEvent())->number;
  ASSERT_OK(store_->RotateKey("k1", 500, next));
  EXPECT_EQ(Key("k1").until_us, 500);
  EXPECT_EQ(Fields(Key("k2")), Fields(next));
  EXPECT_THAT(Events(events), ElementsAre(EventKind::kKeyCreated, EventKind::kKeyEndSet));
  Reopen();
  EXPECT_EQ(Key("k1").until_us, 500);
}

TEST_F(SqliteKeys, RotatingNeverProlongsAndNeverRevives) {
  ASSERT_OK(store_->InsertKey(Secret("soon", 200)));
  KeyRecord next = Secret("n1");
  next.created_us = 100;
  ASSERT_OK(store_->RotateKey("soon", 500, next));
  EXPECT_EQ(Key("soon").until_us, 200);
  next = Secret("n2");
  next.created_us = 200;
  EXPECT_EQ(ReasonOf(store_->RotateKey("soon", 500, next)), "KEY_ENDED");
  ASSERT_OK(store_->InsertKey(Secret("revoked")));
  ASSERT_OK(store_->RevokeKey("revoked", 50));
  EXPECT_EQ(ReasonOf(store_->RotateKey("revoked", 500, next)), "KEY_ENDED");
  EXPECT_THAT(*store_->ReadKeys(), SizeIs(3)) << "what was refused left nothing";
}

TEST_F(SqliteKeys, OrganisationsAreAddedAndReplaced) {
  EXPECT_THAT(*store_->ReadOrganisations(), IsEmpty());
  const OrganisationRecord full{
      .id = "helpline",
      .designation =
          Designation{.id = "É-1", .categories = 12, .from_us = 7, .until_us = 1LL << 50},
      .daily_entries = 5000,
      .checks_per_second = 600,
      .images_per_second = 70,
      .created_us = 3,
      .updated_us = 4};
  ASSERT_OK(store_->SetOrganisation(full));
  const OrganisationRecord bare{.id = "abc", .created_us = 5, .updated_us = 5};
  ASSERT_OK(store_->SetOrganisation(bare));
  Reopen();
  ASSERT_THAT(*store_->ReadOrganisations(), SizeIs(2));
  EXPECT_EQ(Fields(store_->ReadOrganisations()->at(0)), Fields(bare));
  EXPECT_EQ(Fields(store_->ReadOrganisations()->at(1)), Fields(full));
  ASSERT_OK(store_->SetOrganisation({.id = "helpline", .created_us = 9, .updated_us = 9}));
  const OrganisationRecord now = store_->ReadOrganisations()->at(1);
  EXPECT_EQ(now.designation, std::nullopt);
  EXPECT_EQ(now.created_us, 3) << "the first time stays";
  EXPECT_EQ(now.updated_us, 9);
}

TEST_F(SqliteKeys, AnEventSaysWhatAnOrganisationWasDesignatedFor) {
  ASSERT_OK(store_->SetOrganisation(
      {.id = "helpline",
       .designation =
           Designation{.id = "A-1", .categories = 1U << 1 | 1U << 3, .until_us = 86'400'000'000},
       .updated_us = 4}));
  EventRecord event = **store_->ReadLastEvent();
  EXPECT_EQ(event.kind, EventKind::kOrganisationChanged);
  EXPECT_EQ(event.organisation, "helpline");
  EXPECT_EQ(event.legal_basis, "A-1: csam ncii until 1970-01-02T00:00:00Z");
  ASSERT_OK(store_->SetOrganisation({.id = "helpline", .updated_us = 5}));
  EXPECT_EQ((*store_->ReadLastEvent())->legal_basis, "no designation");
}

TEST_F(SqliteKeys, TheVersionFollowsKeysAndOrganisationsOfAnybodyAndNothingElse) {
  const auto version = [&] { return *store_->KeysVersion(); };
  uint64_t last = version();
  const auto changed = [&] { return std::exchange(last, version()) != last; };
  EXPECT_FALSE(changed());
  ASSERT_OK(store_->InsertKey(AKey("k1")));
  EXPECT_TRUE(changed());
  ASSERT_OK(store_->RevokeKey("k1", 5));
  EXPECT_TRUE(changed());
  ASSERT_OK(store_->RevokeKey("k1", 6));
  EXPECT_FALSE(changed()) << "it was revoked before";
  ASSERT_OK(store_->SetOrganisation({.id = "helpline", .updated_us = 1}));
  EXPECT_TRUE(changed());
  const auto other = Open(path_);  // another program on the same file
  EXPECT_FALSE(changed());
  ASSERT_OK(other->InsertKey(Secret("k2")));
  EXPECT_TRUE(changed());
  EXPECT_THAT(*store_->ReadKeys(), SizeIs(2));
  KeyRecord next = Secret("k3");
  next.created_us = 9;
  ASSERT_OK(other->RotateKey("k2", 10, next));
  EXPECT_TRUE(changed());
  ASSERT_OK(other->SetOrganisation({.id = "helpline", .updated_us = 2}));
  EXPECT_TRUE(changed());
  Fill();
  ASSERT_OK(other->SetCheckpointMark(7));
  EXPECT_FALSE(changed()) << "lists and entries are no keys";
}

TEST_F(SqliteKeys, TrustedFlaggersOfAnOlderDatabaseGoOnAsBefore) {
  store_.reset();
  const std::string older = folder_.File("older.db");
  {
    const auto raw = SqlConnection::Open(older);
    ASSERT_TRUE(raw.ok());
    ASSERT_OK(MigrateSchema(**raw, 3));
    ASSERT_OK(
        (*raw)->Exec("INSERT INTO keys VALUES ('k1', x'01', 'helpline', 3, '', 1, 0), "
                     "('k2', x'02', 'helpline', 3, '', 2, 0), ('k3', x'03', 'forum', 1, '', 3, 0), "
                     "('k4', x'04', 'dropped', 3, '', 4, 5)"));
  }
  store_ = Open(older);
  const uint64_t events = 1;  // the first one
  for (int opened = 0; opened < 2; ++opened) {
    store_.reset();
    store_ = Open(older);
    const auto organisations = *store_->ReadOrganisations();
    ASSERT_THAT(organisations, SizeIs(1)) << "who has no valid key gets no right";
    EXPECT_EQ(organisations[0].id, "helpline");
    EXPECT_EQ(organisations[0].designation, Designation{.id = "before designations"});
    EXPECT_GT(organisations[0].created_us, 0);
    EXPECT_THAT(Events(events), ElementsAre(EventKind::kOrganisationChanged)) << "once";
    EXPECT_EQ(Key("k1").credential, Credential::kSecret);
    EXPECT_EQ(Key("k1").until_us, 0);
  }
}

}  // namespace
}  // namespace vigie
