// Files that are not, or no longer, a sound database: an error that says so, never a crash.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/store/sqlite.h"
#include "engine/store/sqlite_store.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void WriteAll(const std::string& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

// The bytes of a database with some hundred entries, all in the main file.
std::string SoundDatabase() {
  const testing::TemporaryFolder folder;
  const std::string path = folder.File("vigie.db");
  {
    auto store = OpenSqliteStore(path);
    EXPECT_TRUE(store.ok()) << store.status();
    auto transaction = (*store)->Begin();
    EXPECT_TRUE(transaction.ok());
    ListRecord list;
    list.number = 1;
    list.id = "list";
    EXPECT_TRUE((*transaction)->InsertList(list).ok());
    testing::Random random(1);
    for (uint32_t n = 1; n <= 300; ++n) {
      EntryRecord entry;
      entry.number = n;
      entry.list = 1;
      entry.external_reference = absl::StrCat("reference-", n);
      entry.first_row = n;
      entry.fingerprints = {testing::PdqPrint(random.Hash())};
      EXPECT_TRUE((*transaction)->InsertEntry(entry).ok());
    }
    EXPECT_TRUE(
        (*transaction)->Commit({.revision = 1, .lists = 1, .entries = 300, .rows = 300}).ok());
  }
  return ReadAll(path);
}

// Opens the file and reads all of it; the first thing that goes wrong, or OK.
absl::Status UseAll(const std::string& path) {
  std::unique_ptr<Store> store;
  VIGIE_ASSIGN_OR_RETURN(store, OpenSqliteStore(path));
  VIGIE_RETURN_IF_ERROR(store->ReadCounters().status());
  VIGIE_RETURN_IF_ERROR(store->ReadLists().status());
  VIGIE_RETURN_IF_ERROR(store->ScanEntries([](const EntryHead&) { return absl::OkStatus(); }));
  VIGIE_RETURN_IF_ERROR(
      store->ScanFingerprints([](const FingerprintRow&) { return absl::OkStatus(); }));
  VIGIE_RETURN_IF_ERROR(store->ReadEntries(1, 0, 1000).status());
  VIGIE_RETURN_IF_ERROR(store->ReadKeys().status());
  return store->CheckIntegrity();
}

class Damage : public ::testing::Test {
 protected:
  absl::Status Use(const std::string& bytes) {
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path_ + suffix);
    WriteAll(path_, bytes);
    return UseAll(path_);
  }

  testing::TemporaryFolder folder_;
  const std::string path_ = folder_.File("vigie.db");
};

TEST_F(Damage, ASoundDatabaseIsSound) {
  const absl::Status status = Use(SoundDatabase());
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(Damage, AFileThatIsNoDatabaseIsCorrupt) {
  EXPECT_EQ(ReasonOf(Use("this is a text file, much longer than the header of a database: " +
                         std::string(5000, '.'))),
            "DATABASE_DAMAGED");
  testing::Random random(2);
  std::string noise(20'000, ' ');
  for (char& c : noise) c = static_cast<char>(random.Below(256));
  EXPECT_EQ(ReasonOf(Use(noise)), "DATABASE_DAMAGED");
}

TEST_F(Damage, AnEmptyFileIsANewDatabase) { EXPECT_TRUE(Use("").ok()); }

TEST_F(Damage, AFileCutInHalfIsCorrupt) {
  const std::string sound = SoundDatabase();
  EXPECT_EQ(ReasonOf(Use(sound.substr(0, sound.size() / 2))), "DATABASE_DAMAGED");
}

TEST_F(Damage, OverwrittenPagesAreFound) {
  const std::string sound = SoundDatabase();
  constexpr size_t kPage = 4096;
  ASSERT_GT(sound.size(), 10 * kPage);
  for (size_t page = 1; page < sound.size() / kPage; ++page) {
    std::string damaged = sound;
    damaged.replace(page * kPage, 64, 64, '\xa5');
    const absl::Status status = Use(damaged);
    EXPECT_EQ(ReasonOf(status), "DATABASE_DAMAGED") << "page " << page << ": " << status;
  }
}

TEST_F(Damage, FlippedBytesNeverCrash) {
  const std::string sound = SoundDatabase();
  testing::Random random(3);
  int found = 0;
  for (int round = 0; round < 300; ++round) {
    std::string damaged = sound;
    for (size_t i = 0; i <= random.Below(8); ++i) {
      damaged[random.Below(damaged.size())] ^= static_cast<char>(1 + random.Below(255));
    }
    if (!Use(damaged).ok()) ++found;
  }
  EXPECT_GT(found, 0);
}

TEST_F(Damage, ALostSealKeyIsCorrupt) {
  WriteAll(path_, SoundDatabase());
  {
    const auto raw = SqlConnection::Open(path_);
    ASSERT_TRUE(raw.ok());
    ASSERT_TRUE((*raw)->Exec("DELETE FROM meta WHERE key='seal_key'").ok());
  }
  EXPECT_EQ(ReasonOf(UseAll(path_)), "DATABASE_DAMAGED");
}

TEST_F(Damage, ASchemaVersionBelowZeroIsCorrupt) {
  WriteAll(path_, SoundDatabase());
  {
    const auto raw = SqlConnection::Open(path_);
    ASSERT_TRUE(raw.ok());
    ASSERT_TRUE((*raw)->Exec("PRAGMA user_version=-3").ok());
  }
  EXPECT_EQ(ReasonOf(UseAll(path_)), "DATABASE_DAMAGED");
}

}  // namespace
}  // namespace vigie
