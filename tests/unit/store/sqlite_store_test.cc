#include "engine/store/sqlite_store.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/store/sqlite.h"
#include "tests/support/engine_fixtures.h"
#include "tests/unit/store/store_fixture.h"

namespace vigie {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(SqliteStoreTest, EveryFieldSurvivesReopening) {
  Fill();
  Reopen();
  const auto lists = store_->ReadLists();
  ASSERT_TRUE(lists.ok());
  ASSERT_THAT(*lists, SizeIs(1));
  EXPECT_EQ(Fields(lists->front()), Fields(AList(1, "list-1")));
  const auto entry = store_->ReadEntry(1);
  ASSERT_TRUE(entry.ok() && entry->has_value());
  EXPECT_EQ(Fields(**entry), Fields(AnEntry(1, 1, "ref-1", 1)));
  EXPECT_EQ(Fields(EntriesOf(1).at(0)), Fields(AnEntry(1, 1, "ref-1", 1)));
}

TEST_F(SqliteStoreTest, ScansGiveWhatLoadingNeedsInOrder) {
  Fill();
  const EntryRecord entry = AnEntry(1, 1, "ref-1", 1);
  std::vector<EntryNumber> numbers;
  ASSERT_OK(store_->ScanEntries([&](const EntryHead& head) {
    numbers.push_back(head.number);
    EXPECT_EQ(head.list, entry.list);
    EXPECT_EQ(head.state, entry.state);
    EXPECT_EQ(head.expires_us, entry.expires_us);
    EXPECT_EQ(head.court_basis, entry.court_basis);
    return absl::OkStatus();
  }));
  EXPECT_THAT(numbers, ElementsAre(1));
  std::vector<RowId> rows;
  ASSERT_OK(store_->ScanFingerprints([&](const FingerprintRow& row) {
    EXPECT_EQ(row.entry, 1U);
    EXPECT_EQ(row.position, static_cast<int>(rows.size()));
    EXPECT_EQ(row.fingerprint, entry.fingerprints[rows.size()]);
    rows.push_back(row.row);
    return absl::OkStatus();
  }));
  EXPECT_THAT(rows, ElementsAre(1, 2, 3));
}

TEST_F(SqliteStoreTest, AnErrorOfTheVisitorEndsTheScanAndTheStoreGoesOn) {
  Fill();
  int seen = 0;
  const absl::Status status = store_->ScanFingerprints([&](const FingerprintRow&) {
    ++seen;
    return absl::CancelledError("enough");
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(seen, 1);
  EXPECT_THAT(EntriesOf(1), SizeIs(1));
}

TEST_F(SqliteStoreTest, UpdatesChangeWhatTheyShould) {
  Fill();
  ListRecord list = AList(1, "list-1");
  list.audience = {};
  list.display_name = "";
  list.deleted_us = 0;
  list.revision = 2;
  EntryRecord entry = AnEntry(1, 1, "ref-1", 1);
  entry.state = EntryState::kWithdrawn;
  entry.reason = "asked to";
  entry.court_basis = false;
  entry.revision = 2;
  auto transaction = Begin(*store_);
  ASSERT_OK(transaction->UpdateList(list));
  ASSERT_OK(transaction->UpdateEntry(entry));
  EXPECT_EQ(Fields(**transaction->FindEntry(1)), Fields(entry)) << "it reads its own writes";
  EXPECT_EQ(Fields(**transaction->FindList("list-1")), Fields(list));
  ASSERT_OK(transaction->Commit({.revision = 2, .lists = 1, .entries = 1, .rows = 3}));
  transaction.reset();
  Reopen();
  EXPECT_EQ(Fields(store_->ReadLists()->at(0)), Fields(list));
  EXPECT_EQ(Fields(EntriesOf(1).at(0)), Fields(entry));
}

TEST_F(SqliteStoreTest, FindsByIdAndReferenceAndSaysWhenThereIsNone) {
  Fill();
  const auto transaction = Begin(*store_);
  EXPECT_EQ((*transaction->FindEntry(1, "ref-1"))->number, 1U);
  EXPECT_EQ(*transaction->FindEntry(1, "ref-2"), std::nullopt);
  EXPECT_EQ(*transaction->FindEntry(2, "ref-1"), std::nullopt);
  EXPECT_EQ(*transaction->FindEntry(2), std::nullopt);
  EXPECT_EQ(*transaction->FindList("list-2"), std::nullopt);
  EXPECT_EQ(*store_->ReadEntry(2), std::nullopt);
}

TEST_F(SqliteStoreTest, ADroppedTransactionLeavesNothing) {
  Fill();
  {
    const auto transaction = Begin(*store_);
    ASSERT_OK(transaction->InsertList(AList(2, "list-2")));
    ASSERT_OK(transaction->InsertEntry(AnEntry(2, 1, "ref-2", 4)));
  }
  EXPECT_THAT(*store_->ReadLists(), SizeIs(1));
  EXPECT_THAT(EntriesOf(1), SizeIs(1));
  EXPECT_EQ(store_->ReadCounters()->entries, 1U);
  Reopen();
  EXPECT_THAT(EntriesOf(1), SizeIs(1));
  const auto transaction = Begin(*store_);
  ASSERT_OK(transaction->InsertEntry(AnEntry(2, 1, "ref-2", 4)));
}

TEST_F(SqliteStoreTest, ReadsSeeNothingOfATransactionBeforeItsCommit) {
  Fill();
  const auto transaction = Begin(*store_);
  ASSERT_OK(transaction->InsertEntry(AnEntry(2, 1, "ref-2", 4)));
  EXPECT_THAT(EntriesOf(1), SizeIs(1));
  EXPECT_EQ(*store_->ReadEntry(2), std::nullopt);
  ASSERT_OK(transaction->Commit({.revision = 2, .lists = 1, .entries = 2, .rows = 6}));
  EXPECT_THAT(EntriesOf(1), SizeIs(2));
}

TEST_F(SqliteStoreTest, CountersSurvive) {
  const auto fresh = store_->ReadCounters();
  ASSERT_TRUE(fresh.ok());
  EXPECT_EQ(fresh->revision, 0U);
  const Counters wanted{.revision = (uint64_t{1} << 50) + 1,
                        .lists = 3,
                        .entries = UINT32_MAX,
                        .rows = UINT32_MAX - 1};
  ASSERT_OK(Begin(*store_)->Commit(wanted));
  Reopen();
  const auto counters = store_->ReadCounters();
  ASSERT_TRUE(counters.ok());
  EXPECT_EQ(counters->revision, wanted.revision);
  EXPECT_EQ(counters->lists, wanted.lists);
  EXPECT_EQ(counters->entries, wanted.entries);
  EXPECT_EQ(counters->rows, wanted.rows);
}

TEST_F(SqliteStoreTest, PagesOfEntriesFollowTheirNumbers) {
  const auto transaction = Begin(*store_);
  ASSERT_OK(transaction->InsertList(AList(1, "list-1")));
  ASSERT_OK(transaction->InsertList(AList(2, "list-2")));
  for (EntryNumber n = 1; n <= 9; ++n) {
    ASSERT_OK(
        transaction->InsertEntry(AnEntry(n, 1 + n % 2, absl::StrCat("ref-", n), 1 + 3 * (n - 1))));
  }
  ASSERT_OK(transaction->Commit({.revision = 1, .lists = 2, .entries = 9, .rows = 27}));
  const auto numbers = [&](EntryNumber after, int limit) {
    std::vector<EntryNumber> found;
    for (const EntryRecord& entry : EntriesOf(2, after, limit)) {
      found.push_back(entry.number);
      EXPECT_EQ(entry.fingerprints, AnEntry(entry.number, 2, "", 0).fingerprints);
    }
    return found;
  };
  EXPECT_THAT(numbers(0, 3), ElementsAre(1, 3, 5));
  EXPECT_THAT(numbers(5, 3), ElementsAre(7, 9));
  EXPECT_THAT(numbers(9, 3), IsEmpty());
}

TEST_F(SqliteStoreTest, NumbersIdsAndReferencesAreUnique) {
  Fill();
  const auto refuses = [&](auto insert) {
    const auto transaction = Begin(*store_);
    return ReasonOf(insert(*transaction));
  };
  using T = Transaction;
  EXPECT_EQ(refuses([](T& t) { return t.InsertList(AList(1, "other")); }), "CONSTRAINT");
  EXPECT_EQ(refuses([](T& t) { return t.InsertList(AList(2, "list-1")); }), "CONSTRAINT");
  EXPECT_EQ(refuses([](T& t) { return t.InsertEntry(AnEntry(1, 1, "new", 4)); }), "CONSTRAINT");
  EXPECT_EQ(refuses([](T& t) { return t.InsertEntry(AnEntry(2, 1, "ref-1", 4)); }), "CONSTRAINT");
  EXPECT_EQ(refuses([](T& t) { return t.InsertEntry(AnEntry(2, 1, "new", 3)); }), "CONSTRAINT")
      << "rows are not shared";
  EXPECT_EQ(refuses([](T& t) { return t.InsertEntry(AnEntry(2, 9, "new", 4)); }), "CONSTRAINT")
      << "an entry belongs to a list that exists";
  EXPECT_THAT(EntriesOf(1), SizeIs(1));
  const auto after = Begin(*store_);
  ASSERT_OK(after->InsertEntry(AnEntry(2, 1, "new", 4)));
}

TEST_F(SqliteStoreTest, FilesAreForTheirOwnerOnly) {
  Fill();
  int files = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder_.path())) {
    struct stat info {};
    ASSERT_EQ(stat(file.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600U) << file.path().filename();
    ++files;
  }
  EXPECT_EQ(files, 3) << "the database, its -wal and its -shm";
}

TEST_F(SqliteStoreTest, ARestoredFileThatOthersMayReadIsMadePrivate) {
  Fill();
  store_.reset();
  ASSERT_EQ(chmod(path_.c_str(), 0644), 0);
  Reopen();
  struct stat info {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_F(SqliteStoreTest, AnIntegrityCheckSeesWhatIsCommittedWhileATransactionIsOpen) {
  Fill();
  const auto transaction = Begin(*store_);
  ASSERT_OK(transaction->InsertEntry(AnEntry(2, 1, "ref-2", 4)));
  EXPECT_TRUE(store_->CheckIntegrity().ok());
  ASSERT_OK(transaction->Commit({.revision = 2, .lists = 1, .entries = 2, .rows = 6}));
  EXPECT_EQ(*Begin(*store_)->LastRevision(), 2U);
  EXPECT_EQ(*Begin(*store_)->CountEntries(1), 2U);
  EXPECT_EQ(*Begin(*store_)->CountEntries(2), 0U);
}

TEST_F(SqliteStoreTest, SealKeyIsRandomAndKept) {
  const auto key = store_->seal_key();
  Reopen();
  EXPECT_EQ(store_->seal_key(), key);
  EXPECT_NE(Open(folder_.File("other.db"))->seal_key(), key);
}

TEST_F(SqliteStoreTest, WhatOneConnectionCommitsAnotherReads) {
  const auto other = Open(path_);
  Fill();
  EXPECT_EQ(Fields(**other->ReadEntry(1)), Fields(AnEntry(1, 1, "ref-1", 1)));
}

TEST_F(SqliteStoreTest, ScansWhatChangedSinceARevisionByNumber) {
  const auto write = Begin(*store_);
  ASSERT_OK(write->InsertList(AList(1, "list-1")));
  std::vector<EntryRecord> entries;
  for (const auto& [number, revision] : {std::pair(1, 9), {2, 5}, {3, 8}, {4, 7}}) {
    entries.push_back(AnEntry(static_cast<EntryNumber>(number), 1, absl::StrCat("r", number),
                              static_cast<RowId>(3 * number - 2)));
    entries.back().revision = static_cast<Revision>(revision);
    ASSERT_OK(write->InsertEntry(entries.back()));
  }
  ASSERT_OK(write->Commit({.revision = 9, .lists = 1, .entries = 4, .rows = 12}));
  const auto since = [&](Revision revision) {
    std::vector<EntryNumber> numbers;
    const absl::Status status = store_->ScanEntriesSince(revision, [&](const EntryRecord& entry) {
      numbers.push_back(entry.number);
      EXPECT_EQ(Fields(entry), Fields(entries[entry.number - 1]));
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
    return numbers;
  };
  EXPECT_THAT(since(9), IsEmpty());
  EXPECT_THAT(since(7), ElementsAre(1, 3));
  EXPECT_THAT(since(0), ElementsAre(1, 2, 3, 4));
  const absl::Status stopped = store_->ScanEntriesSince(
      0, [](const EntryRecord&) { return absl::CancelledError("enough"); });
  EXPECT_EQ(stopped.code(), absl::StatusCode::kCancelled);
}

TEST_F(SqliteStoreTest, TheCheckpointMarkIsDurableAndBesideTransactions) {
  EXPECT_EQ(*store_->ReadCheckpointMark(), 0U);
  ASSERT_OK(store_->SetCheckpointMark(0xFEDC'BA98'7654'3210));
  Fill();
  store_.reset();
  store_ = Open(path_);
  EXPECT_EQ(*store_->ReadCheckpointMark(), 0xFEDC'BA98'7654'3210);
}

TEST_F(SqliteStoreTest, ASecondTransactionAtTheSameTimeIsAnErrorNotAMixture) {
  const auto first = Begin(*store_);
  EXPECT_FALSE(store_->Begin().ok());
  ASSERT_OK(first->InsertList(AList(1, "list-1")));
  ASSERT_OK(first->Commit({.revision = 1, .lists = 1, .entries = 0, .rows = 0}));
  EXPECT_THAT(*store_->ReadLists(), SizeIs(1));
}

TEST_F(SqliteStoreTest, ADatabaseOfANewerProgramIsRefused) {
  store_.reset();
  {
    const auto raw = SqlConnection::Open(path_);
    ASSERT_TRUE(raw.ok());
    ASSERT_OK((*raw)->Exec("PRAGMA user_version=1000"));
  }
  const auto store = OpenSqliteStore(path_);
  EXPECT_EQ(ReasonOf(store.status()), "SCHEMA_TOO_NEW");
}

TEST_F(SqliteStoreTest, AFolderThatDoesNotExistIsAnError) {
  const auto store = OpenSqliteStore(folder_.File("no/such/vigie.db"));
  EXPECT_EQ(ReasonOf(store.status()), "DATABASE_FAILED");
}

}  // namespace
}  // namespace vigie
