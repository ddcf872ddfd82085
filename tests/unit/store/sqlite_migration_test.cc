// Databases of every older version, with what they hold.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "engine/store/sqlite_records.h"
#include "engine/store/sqlite_schema.h"
#include "tests/unit/store/store_fixture.h"

namespace vigie {
namespace {

// What every version's tables can hold.
constexpr char kContent[] = R"sql(
INSERT INTO lists(number, id, organisation, display_name, kind, category, action, max_distance,
                  provisional_hours, audience, created_us, updated_us, deleted_us, revision)
  VALUES (1, 'list-1', 'org-a', 'Known', 1, 3, 4, 31, 72, 'forum', 5, 6, 0, 1);
INSERT INTO entries(number, list, external_reference, state, expires_us, court_basis, subject,
                    jurisdiction, legal_basis, case_reference, submitter, reason, created_us,
                    updated_us, revision, first_row)
  VALUES (1, 1, 'ref-1', 2, 1700000000000000, 0, 2, 'FR', 'basis', '24/1', 'key-1', '', 7, 8, 1, 1);
INSERT INTO fingerprints(row, entry, position, algorithm, value, quality, profile, decode_mode)
  VALUES (1, 1, 0, 2, x'00112233445566778899aabbccddeeff', 0, 1, 1);
INSERT INTO keys(id, digest, organisation, role, label, created_us, revoked_us)
  VALUES ('key-1', x'00', 'org-a', 3, 'a label', 9, 0);
UPDATE meta SET value=1 WHERE key IN ('revision', 'lists', 'entries', 'rows');
)sql";

constexpr int kFirstWithHeads = 3;
constexpr char kHead[] =
    "INSERT INTO event_heads(number, digest, time_us, public_key, signature) "
    "VALUES (1, x'00', 5, x'01', x'02')";
constexpr int kFirstWithSums = 6;

constexpr int kFirstWithPartsAndSumsOfHeads = 7;

// Of the tables that have sums in this version.
std::string SumsSql(int version) {
  std::string sql;
  for (const SummedTable& table :
       {kMetaTable, kListTable, kEntryTable, kFingerprintTable, kKeyTable}) {
    const std::string columns = version < kFirstWithPartsAndSumsOfHeads
                                    ? absl::StrReplaceAll(table.columns, {{", parts, local", ""}})
                                    : std::string(table.columns);
    absl::StrAppend(&sql, "UPDATE ", table.name, " SET sum=vigie_sum(", columns, ");");
  }
  if (version >= kFirstWithPartsAndSumsOfHeads) {
    absl::StrAppend(&sql, "UPDATE event_heads SET sum=vigie_sum(", kHeadTable.columns, ");");
  }
  return sql;
}

// One of the whole and one by local fingerprints; until version 8 nothing else says so.
constexpr char kVerdict[] = R"sql(
INSERT INTO verdicts VALUES (1, 9, 'forum', 1, 2, 1);
INSERT INTO verdict_matches VALUES (1, 0, 1, 1, 2, 0, 1, 0, 1, 3, 3), (1, 1, 1, 1, 2, 0, 1, 0, 5, 0, 2);
)sql";
constexpr int kLastWithoutPartial = 7;

class OlderDatabase : public ::testing::TestWithParam<int> {
 protected:
  testing::TemporaryFolder folder_;
  const std::string path_ = folder_.File("vigie.db");
};

TEST_P(OlderDatabase, IsMigratedWithWhatItHolds) {
  {
    const auto raw = SqlConnection::Open(path_);
    ASSERT_TRUE(raw.ok());
    ASSERT_OK(MigrateSchema(**raw, GetParam()));
    EXPECT_EQ(*(*raw)->QueryInt("PRAGMA user_version"), GetParam());
    ASSERT_OK((*raw)->Exec(kContent));
    if (GetParam() >= kFirstWithHeads) ASSERT_OK((*raw)->Exec(kHead));
    if (GetParam() >= kFirstWithSums) ASSERT_OK((*raw)->Exec(SumsSql(GetParam()).c_str()));
  }
  if (GetParam() == kLastWithoutPartial) {
    ASSERT_OK((*SqlConnection::Open(path_))->Exec(kVerdict));
    const auto verdicts = Open(path_)->verdicts().ReadVerdicts(10);
    ASSERT_EQ(verdicts->size(), 1U);
    EXPECT_FALSE(verdicts->at(0).matches.at(0).partial);
    EXPECT_TRUE(verdicts->at(0).matches.at(1).partial);
  }
  for (int time = 1; time <= 2; ++time) {
    const auto store = Open(path_);
    const auto entry = store->ReadEntry(1);
    ASSERT_TRUE(entry.ok() && entry->has_value());
    EXPECT_EQ((*entry)->external_reference, "ref-1");
    EXPECT_EQ((*entry)->state, EntryState::kProvisional);
    EXPECT_EQ((*entry)->fingerprints.size(), 1U);
    EXPECT_EQ((*entry)->suspension, Suspension::kNone);
    EXPECT_EQ((*entry)->reason_code, ReasonCode::kNone);
    EXPECT_EQ((*entry)->decided_us, 0);
    EXPECT_EQ(store->ReadLists()->at(0).audience, std::vector<std::string>{"forum"});
    EXPECT_EQ(store->ReadKeys()->at(0).label, "a label");
    EXPECT_EQ(*store->ReadCheckpointMark(), 0U);
    EXPECT_EQ(store->ReadHeads()->size(), GetParam() >= kFirstWithHeads ? 1U : 0U);
    ASSERT_OK(store->CheckIntegrity());
    ASSERT_OK(store->ScanEntriesSince(0, [](const EntryRecord&) { return absl::OkStatus(); }));
    std::vector<EventRecord> events;
    ASSERT_OK(store->ScanEvents(0, [&events](const EventRecord& event) {
      events.push_back(event);
      return absl::OkStatus();
    }));
    // The trusted flagger of before designations is one too.
    ASSERT_EQ(events.size(), GetParam() <= 3 ? 2U : 1U);
    EXPECT_EQ(events[0].number, 1U);
    EXPECT_EQ(events[0].kind, EventKind::kGenesis);
    EXPECT_EQ(events[0].last_entry, 1U) << "entries that were there before events were kept";
    const auto tallies = store->verdicts().ReadTallies("org-a");
    ASSERT_TRUE(tallies.ok());
    ASSERT_EQ(tallies->size(), GetParam() <= 4 ? 1U : 0U) << "counted when tallies came";
  }
}

TEST(NewerDatabase, IsRefusedWithAClearMessage) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.File("vigie.db");
  Open(path);
  {
    const auto raw = SqlConnection::Open(path);
    ASSERT_TRUE(raw.ok());
    ASSERT_OK(
        (*raw)->Exec(absl::StrCat("PRAGMA user_version=", CurrentSchemaVersion() + 1).c_str()));
  }
  const auto store = OpenSqliteStore(path);
  EXPECT_EQ(ReasonOf(store.status()), "SCHEMA_TOO_NEW");
  EXPECT_NE(store.status().message().find("use the newer program"), absl::string_view::npos);
}

INSTANTIATE_TEST_SUITE_P(Versions, OlderDatabase, ::testing::Range(1, CurrentSchemaVersion()));

}  // namespace
}  // namespace vigie
