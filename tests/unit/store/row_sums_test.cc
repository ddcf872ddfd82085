// Every table that has sums: a change of any column that went past us is found by whoever reads it.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "engine/store/sqlite_records.h"
#include "tests/unit/store/store_fixture.h"

namespace vigie {
namespace {

class RowSums : public SqliteStoreTest {
 protected:
  void SetUp() override {
    SqliteStoreTest::SetUp();
    Fill();
    Exec("INSERT INTO local_fingerprints VALUES (1, x'0102', vigie_sum(1, x'0102'))");
    ASSERT_OK(store_->InsertKey(AKey("key-1")));
    ASSERT_OK(store_->SetOrganisation({.id = "org-a", .created_us = 1, .updated_us = 2}));
    ASSERT_OK(store_->InsertHead({.number = 1, .time_us = 5}));
    const auto transaction = Begin(*store_);
    ASSERT_TRUE(
        transaction->SetFeedback({.entry = 1, .organisation = "forum", .released = true}).ok());
    ASSERT_OK(transaction->Commit({.revision = 2, .lists = 1, .entries = 1, .rows = 3}));
  }

  void Exec(const std::string& sql) {
    const auto raw = SqlConnection::Open(path_);
    ASSERT_TRUE(raw.ok());
    ASSERT_OK((*raw)->Exec("PRAGMA foreign_keys=OFF"));
    ASSERT_OK((*raw)->Exec(sql.c_str()));
  }
};

TEST_F(RowSums, AreRightAfterEveryKindOfChange) {
  ASSERT_OK(store_->CheckIntegrity());
  ASSERT_OK(store_->RotateKey("key-1", 20, [] {
    KeyRecord key = AKey("key-2");
    key.digest[0] = 'x';
    return key;
  }()));
  ASSERT_OK(store_->RevokeKey("key-1", 30));
  ASSERT_OK(store_->SetOrganisation({.id = "org-a", .daily_entries = 5, .updated_us = 3}));
  ASSERT_OK(store_->SetCheckpointMark(77));
  {
    const auto transaction = Begin(*store_);
    EntryRecord entry = AnEntry(1, 1, "ref-1", 4);  // moved
    ASSERT_OK(transaction->UpdateEntry(entry));
    ASSERT_OK(transaction->UpdateList(AList(1, "list-1")));
    ASSERT_TRUE(transaction->SetFeedback({.entry = 1, .organisation = "forum"}).ok());
    ASSERT_OK(transaction->Commit({.revision = 3, .lists = 1, .entries = 1, .rows = 6}));
  }
  ASSERT_OK(store_->CheckIntegrity());
  {
    const auto transaction = Begin(*store_);
    EntryRecord husk = AnEntry(1, 1, "erased", 4);
    husk.fingerprints.clear();
    ASSERT_OK(transaction->EraseEntry(husk));
    ASSERT_OK(transaction->Commit({.revision = 4, .lists = 1, .entries = 1, .rows = 6}));
  }
  ASSERT_OK(store_->CheckIntegrity());
}

TEST_F(RowSums, FindAChangeOfAnyColumn) {
  int columns = 0;
  for (const SummedTable& table :
       {kMetaTable, kListTable, kEntryTable, kFingerprintTable, kKeyTable, kOrganisationTable,
        kFeedbackTable, kHeadTable, kLocalTable}) {
    const std::vector<std::string> names = absl::StrSplit(table.columns, ", ");
    for (const std::string& column : names) {
      // The row's name decides which row it is; a lost row is another matter.
      if (column == names[0]) continue;
      const std::string set = absl::StrCat("UPDATE ", table.name, " SET ", column, "=");
      const auto raw = SqlConnection::Open(path_);
      ASSERT_TRUE(raw.ok());
      ASSERT_OK((*raw)->Exec(absl::StrCat("PRAGMA foreign_keys=OFF; CREATE TEMP TABLE kept AS "
                                          "SELECT * FROM ",
                                          table.name)
                                 .c_str()));
      Exec(absl::StrCat(set, column, "||'1' WHERE ", names[0], " IN (SELECT ", names[0], " FROM ",
                        table.name, " WHERE ", names[0], "<>'seal_key' LIMIT 1)"));
      const absl::Status found = store_->CheckIntegrity();
      ASSERT_OK((*raw)->Exec(absl::StrCat("DELETE FROM ", table.name, "; INSERT INTO ", table.name,
                                          " SELECT * FROM kept")
                                 .c_str()));
      EXPECT_EQ(ReasonOf(found), "DATABASE_DAMAGED") << table.name << "." << column;
      ++columns;
    }
    ASSERT_OK(store_->CheckIntegrity());
  }
  EXPECT_GT(columns, 60);
}

TEST_F(RowSums, AreAskedByEveryRead) {
  Exec(
      "UPDATE lists SET action=1; UPDATE keys SET role=1; UPDATE organisations SET categories=1;"
      "UPDATE feedback SET time_us=9; UPDATE entries SET state=3");
  EXPECT_EQ(ReasonOf(store_->ReadLists().status()), "DATABASE_DAMAGED");
  EXPECT_EQ(ReasonOf(store_->ReadKeys().status()), "DATABASE_DAMAGED");
  EXPECT_EQ(ReasonOf(store_->RevokeKey("key-1", 5)), "DATABASE_DAMAGED");
  EXPECT_EQ(ReasonOf(store_->ReadOrganisations().status()), "DATABASE_DAMAGED");
  EXPECT_EQ(ReasonOf(store_->verdicts().ReadReleases().status()), "DATABASE_DAMAGED");
  EXPECT_EQ(ReasonOf(store_->ReadEntry(1).status()), "DATABASE_DAMAGED");
  EXPECT_EQ(ReasonOf(store_->ReadEntries(1, 0, 10).status()), "DATABASE_DAMAGED");
  EXPECT_EQ(ReasonOf(store_->ScanEntries([](const EntryHead&) { return absl::OkStatus(); })),
            "DATABASE_DAMAGED");
  EXPECT_EQ(
      ReasonOf(store_->ScanEntriesSince(0, [](const EntryRecord&) { return absl::OkStatus(); })),
      "DATABASE_DAMAGED");
  const auto transaction = Begin(*store_);
  EXPECT_EQ(ReasonOf(transaction->FindList("list-1").status()), "DATABASE_DAMAGED");
  EXPECT_EQ(ReasonOf(transaction->FindEntry(1).status()), "DATABASE_DAMAGED");
}

TEST_F(RowSums, LostRowsAreFound) {
  Exec("DELETE FROM entries");
  const absl::Status found = store_->CheckIntegrity();
  EXPECT_EQ(ReasonOf(found), "DATABASE_DAMAGED");
  EXPECT_NE(found.message().find("row 1 of table entries is lost"), absl::string_view::npos)
      << found;
}

}  // namespace
}  // namespace vigie
