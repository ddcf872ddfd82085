// Damage at random places of a database: a start is refused with the reason, or everything that was
// acknowledged is found and the chain of events verifies.
#include <gmock/gmock.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/signature.h"
#include "engine/catalog/audit.h"
#include "engine/catalog/catalog.h"
#include "engine/store/sqlite.h"
#include "engine/store/sqlite_store.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

using testing::EntryOf;
using testing::FakeClock;
using testing::kOrgA;
using testing::PdqPrint;
using testing::Random;
using testing::Sha256Print;
using testing::Take;
using testing::TemporaryFolder;
using testing::WithRole;

constexpr int kEntries = 300;
constexpr int kRounds = 400;
constexpr size_t kPage = 4096;

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void WriteAll(const std::string& path, const std::string& bytes) {
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path + suffix);
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

class Damage : public ::testing::Test {
 protected:
  Damage() : key_(Take(SigningKey::LoadOrMake(folder_.File("audit.key")))) {
    Random random(21);
    const auto store = Take(OpenSqliteStore(path_));
    const auto catalog = Take(Catalog::Open(*store, clock_, {}, {}));
    EXPECT_TRUE(catalog->CreateList(kOrgA, {.id = "known"}).ok());
    std::vector<NewEntry> entries;
    for (int i = 0; i < kEntries; ++i) {
      hashes_.push_back(random.Hash());
      entries.push_back(EntryOf({PdqPrint(hashes_.back()), Sha256Print(absl::StrCat("p", i))}));
    }
    EXPECT_TRUE(catalog->Upload(kOrgA, "known", entries).ok());
    for (EntryNumber entry = 1; entry <= 60; ++entry) {
      const Decision decision{.person = "Ana Lys", .reason = ReasonCode::kOther};
      EXPECT_TRUE(catalog
                      ->Transition(
                          WithRole(Role::kReviewer, "moderators"), "known", catalog->EntryId(entry),
                          entry % 2 == 0 ? EntryAction::kConfirm : EntryAction::kReject, decision)
                      .ok());
    }
    HeadSigner signer = Take(HeadSigner::Open(*store, key_));
    EXPECT_TRUE(signer.Sign(clock_.Now(), /*now_or_never=*/true).ok());
  }

  // What a server does before it serves.
  absl::Status Start(std::unique_ptr<Store>* store, std::unique_ptr<Catalog>* catalog) {
    VIGIE_ASSIGN_OR_RETURN(*store, OpenSqliteStore(path_));
    VIGIE_RETURN_IF_ERROR((*store)->CheckIntegrity());
    VIGIE_ASSIGN_OR_RETURN(*catalog, Catalog::Open(**store, clock_, {}, {}));
    return absl::OkStatus();
  }

  // All that was acknowledged is found, what was rejected is not, and the chain verifies.
  void ExpectWhole(Store& store, const Catalog& catalog, const std::string& what) {
    for (int i = 0; i < kEntries; ++i) {
      const auto number = static_cast<EntryNumber>(i + 1);
      const bool acts = number > 60 || number % 2 == 0;
      const auto near = Take(catalog.FindNear({&hashes_[static_cast<size_t>(i)], 1}, 0));
      const auto copies =
          catalog.FindCopies(Algorithm::kSha256, Sha256Print(absl::StrCat("p", i)).value);
      ASSERT_EQ(near.size(), acts ? 1U : 0U) << what << ", entry " << number;
      ASSERT_EQ(copies.size(), acts ? 1U : 0U) << what << ", entry " << number;
    }
    const auto chain = VerifyEvents(store, key_.public_key(), std::nullopt);
    EXPECT_TRUE(chain.ok()) << what << ": " << chain.status();
  }

  std::string DamageAt(Random& random, std::string* bytes) {
    if (random.OneIn(8)) {
      bytes->resize(random.Below(bytes->size()));
      return absl::StrCat("cut to ", bytes->size());
    }
    const size_t place = random.Below(bytes->size());
    if (random.OneIn(6)) {
      const size_t page = place / kPage * kPage;
      std::fill_n(bytes->begin() + static_cast<std::ptrdiff_t>(page),
                  std::min(kPage, bytes->size() - page), '\0');
      return absl::StrCat("zeroed page ", page / kPage);
    }
    (*bytes)[place] ^= static_cast<char>(1 + random.Below(255));
    return absl::StrCat("flipped byte ", place);
  }

  TemporaryFolder folder_;
  const std::string path_ = folder_.File("vigie.db");
  FakeClock clock_;
  std::vector<Pdq256> hashes_;
  SigningKey key_;
};

TEST_F(Damage, AtRandomPlacesIsRefusedOrHarmless) {
  const std::string sound = ReadAll(path_);
  ASSERT_GT(sound.size(), 20 * kPage);
  Random random(std::random_device{}());
  std::map<std::string, int> outcomes;
  for (int round = 0; round < kRounds && !HasFatalFailure(); ++round) {
    std::string bytes = sound;
    const std::string what = DamageAt(random, &bytes);
    WriteAll(path_, bytes);
    std::unique_ptr<Store> store;
    std::unique_ptr<Catalog> catalog;
    const absl::Status status = Start(&store, &catalog);
    ++outcomes[status.ok() ? "harmless" : ReasonOf(status)];
    if (status.ok()) {
      // An empty file is a new database; nothing tells it from one.
      if (!bytes.empty()) ExpectWhole(*store, *catalog, what);
    } else {
      EXPECT_THAT(ReasonOf(status), ::testing::AnyOf("DATABASE_DAMAGED", "SCHEMA_TOO_NEW"))
          << what << ": " << status;
    }
    catalog.reset();
  }
  for (const auto& [outcome, count] : outcomes) std::printf("%s: %d\n", outcome.c_str(), count);
  EXPECT_GT(outcomes["DATABASE_DAMAGED"], kRounds / 2);
}

TEST_F(Damage, OfAValueIsFoundWhereItIsReadAndNamesTheRow) {
  {
    const auto raw = Take(SqlConnection::Open(path_));
    ASSERT_TRUE(raw->Exec("UPDATE fingerprints SET value=zeroblob(32) WHERE row=7").ok());
  }
  const auto store = Take(OpenSqliteStore(path_));
  EXPECT_TRUE(store->ReadEntry(3).ok());
  const auto entry = store->ReadEntry(4);
  EXPECT_EQ(ReasonOf(entry.status()), "DATABASE_DAMAGED");
  EXPECT_THAT(std::string(entry.status().message()),
              ::testing::AllOf(::testing::HasSubstr("row 7 of table fingerprints"),
                               ::testing::HasSubstr("restore a backup")));
  EXPECT_EQ(ReasonOf(Catalog::Open(*store, clock_, {}, {}).status()), "DATABASE_DAMAGED");
  EXPECT_EQ(ReasonOf(store->CheckIntegrity()), "DATABASE_DAMAGED");
  EXPECT_TRUE(store->CheckIntegrity(Thoroughness::kEssentials, {}).ok());
}

TEST(DamagedRow, IsNoneOfTheNextThatIsRead) {
  testing::World world;
  world.MakeList(kOrgA, "known");
  Random random(5);
  std::vector<EntryRecord> entries;
  for (int i = 0; i < 4; ++i) {
    entries.push_back(world.Submit(
        kOrgA, "known",
        EntryOf({PdqPrint(random.Hash()), Sha256Print(std::to_string(i))}, absl::StrCat("e", i))));
  }
  const ListNumber list = entries[0].list;
  ASSERT_TRUE(Take(SqlConnection::Open(world.file()))
                  ->Exec("UPDATE fingerprints SET quality = quality - 1 WHERE entry = 2 AND "
                         "position = 0; UPDATE entries SET reason = 'x' WHERE number = 3")
                  .ok());
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(ReasonOf(world.store().ReadEntry(2).status()), "DATABASE_DAMAGED");
    const auto first = Take(world.store().ReadEntry(1));
    ASSERT_TRUE(first.has_value());
    EXPECT_EQ(first->fingerprints, entries[0].fingerprints);
    EXPECT_EQ(ReasonOf(world.store().ReadEntries(list, 2, 10).status()), "DATABASE_DAMAGED");
    const auto rest = Take(world.store().ReadEntries(list, 3, 10));
    ASSERT_GE(rest.size(), 1U);
    EXPECT_EQ(rest[0].fingerprints, entries[3].fingerprints);
    // What writes looks at the damaged one too, and goes on with others.
    EXPECT_FALSE(world.Act(kOrgA, "known", 2, EntryAction::kWithdraw).ok());
    EXPECT_TRUE(world.store().SetCheckpointMark(static_cast<uint64_t>(round) + 7).ok());
    world.Submit(kOrgA, "known", EntryOf({PdqPrint(random.Hash())}));
  }
  EXPECT_TRUE(world.Act(kOrgA, "known", 1, EntryAction::kWithdraw).ok());
}

TEST_F(Damage, ACheckThatNobodyWaitsForEnds) {
  const auto store = Take(OpenSqliteStore(path_));
  const auto status = store->CheckIntegrity(Thoroughness::kEverything, [] { return false; });
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled) << status;
}

}  // namespace
}  // namespace vigie
