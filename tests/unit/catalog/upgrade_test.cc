// A database as the version before left it, with what a whole session left in it, and the present
// program: everything is there, and an upgrade that does not come to its end leaves the old one.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/catalog/catalog.h"
#include "engine/store/sqlite.h"
#include "engine/store/sqlite_schema.h"
#include "engine/store/sqlite_store.h"
#include "tests/support/catalog_session.h"
#include "tests/support/engine_fixtures.h"
#include "tests/support/fault_vfs.h"

namespace vigie {
namespace {

using testing::Change;
using testing::EverythingIn;
using testing::FakeClock;
using testing::Script;
using testing::Take;
using testing::TemporaryFolder;

// The names of what the query gives.
std::vector<std::string> Names(SqlConnection& db, const std::string& sql) {
  SqlStatement query = Take(db.Prepare(sql));
  std::vector<std::string> names;
  while (Take(query.Step())) names.push_back(query.GetText(0));
  return names;
}

void Exec(SqlConnection& db, const std::string& sql) {
  const absl::Status status = db.Exec(sql.c_str());
  ASSERT_TRUE(status.ok()) << sql << ": " << status;
}

class Upgrade : public ::testing::Test {
 protected:
  // Makes the database of a session, then one of the version before with the same rows.
  Upgrade() {
    {
      FakeClock clock;
      const auto store = Take(OpenSqliteStore(now_));
      const auto catalog = Take(Catalog::Open(*store, clock, {}, {}));
      for (const Change& change : Script()) EXPECT_TRUE(change(*catalog).ok());
      EXPECT_TRUE(store->SetOrganisation({.id = "org-a", .created_us = 1, .updated_us = 2}).ok());
    }
    const auto db = Take(SqlConnection::Open(before_));
    EXPECT_TRUE(MigrateSchema(*db, CurrentSchemaVersion() - 1).ok());
    Exec(*db, "PRAGMA foreign_keys=OFF");
    Exec(*db, absl::StrCat("ATTACH '", now_, "' AS now"));
    for (const std::string& table : Names(*db,
                                          "SELECT name FROM main.sqlite_schema WHERE "
                                          "type='table' AND name NOT LIKE 'sqlite_%'")) {
      std::string columns;
      for (const std::string& column :
           Names(*db, absl::StrCat("SELECT name FROM pragma_table_info('", table, "', 'main')"))) {
        absl::StrAppend(&columns, columns.empty() ? "" : ", ", column);
      }
      Exec(*db, absl::StrCat("DELETE FROM main.", table, "; INSERT INTO main.", table, "(", columns,
                             ") SELECT ", columns, " FROM now.", table));
    }
    expected_ = EverythingIn(now_);
  }

  int64_t VersionOf(const std::string& file) {
    return Take(Take(SqlConnection::Open(file))->QueryInt("PRAGMA user_version"));
  }

  const TemporaryFolder folder_;
  const std::string now_ = folder_.File("now.db");
  const std::string before_ = folder_.File("before.db");
  std::string expected_;
};

TEST_F(Upgrade, KeepsEverything) {
  ASSERT_EQ(VersionOf(before_), CurrentSchemaVersion() - 1);
  EXPECT_EQ(EverythingIn(before_), expected_);
  EXPECT_EQ(VersionOf(before_), CurrentSchemaVersion());
  const auto store = Take(OpenSqliteStore(before_));
  EXPECT_TRUE(store->CheckIntegrity().ok());
  EXPECT_EQ(store->id(), Take(OpenSqliteStore(now_))->id());
}

TEST_F(Upgrade, ThatFailsAnywhereLeavesTheOldDatabase) {
  int places = 0;
  bool failed = true;
  while (failed) {
    const TemporaryFolder folder;
    const std::string file = folder.File("vigie.db");
    std::filesystem::copy_file(before_, file);
    const std::string crashed = folder.File("crashed.db");
    {
      testing::FaultVfs disk;
      disk.FailAt(++places, testing::DiskFault::kIo, /*lasting=*/true);
      const auto store = OpenSqliteStore(file);
      failed = disk.failed();
      // What a crash at this moment leaves.
      std::filesystem::copy_file(file, crashed);
      if (std::filesystem::exists(file + "-wal")) {
        std::filesystem::copy_file(file + "-wal", crashed + "-wal");
      }
      disk.Lift();
    }
    EXPECT_EQ(EverythingIn(crashed), expected_) << "crashed at " << places;
    EXPECT_EQ(EverythingIn(file), expected_) << "failed at " << places;
  }
  std::printf("failed at each of %d places\n", places - 1);
  EXPECT_GT(places, 10);
}

}  // namespace
}  // namespace vigie
