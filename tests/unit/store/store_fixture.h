// What the tests of the SQLite store share: a database in a folder of its own, and records with
// every field set.
#pragma once

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/store/sqlite.h"
#include "engine/store/sqlite_store.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {

inline std::unique_ptr<Store> Open(const std::string& path) {
  auto store = OpenSqliteStore(path);
  EXPECT_TRUE(store.ok()) << store.status();
  return *std::move(store);
}

inline std::unique_ptr<Transaction> Begin(Store& store) {
  auto transaction = store.Begin();
  EXPECT_TRUE(transaction.ok()) << transaction.status();
  return *std::move(transaction);
}

#define ASSERT_OK(expr)              \
  do {                               \
    const absl::Status ok_ = (expr); \
    ASSERT_TRUE(ok_.ok()) << ok_;    \
  } while (false)

// Every field different from its default and from the others.
inline ListRecord AList(ListNumber number, std::string id) {
  return {.number = number,
          .id = std::move(id),
          .organisation = "org-a",
          .display_name = "Éléonore's \"list\"",
          .kind = ListKind::kAllow,
          .category = Category::kNciiThreat,
          .action = Action::kHoldForReview,
          .max_distance = 17,
          .provisional_hours = 71,
          .audience = {"forum-one", "forum-two"},
          .created_us = 1'700'000'000'000'001,
          .updated_us = 1'700'000'000'000'002,
          .deleted_us = 1'700'000'000'000'003,
          .revision = (uint64_t{1} << 40) + 5};
}

inline EntryRecord AnEntry(EntryNumber number, ListNumber list, std::string reference,
                           RowId first_row) {
  testing::Random random(number);
  EntryRecord entry{.number = number,
                    .list = list,
                    .external_reference = std::move(reference),
                    .state = EntryState::kContested,
                    .expires_us = 1'700'000'100'000'000,
                    .court_basis = true,
                    .subject = Subject::kMinor,
                    .jurisdiction = "FR",
                    .legal_basis = "art. 226-2-1",
                    .case_reference = "24/000123",
                    .submitter = "key-7",
                    .reason = "because",
                    .reason_code = ReasonCode::kConsentGiven,
                    .renewals = 3,
                    .first_decider = {.key_id = "key-8", .person = "Ana Lys"},
                    .last_decider = {.key_id = "key-9", .person = "Bo Ek"},
                    .decided_us = 10,
                    .created_us = 11,
                    .updated_us = 12,
                    .revision = 13,
                    .fingerprints = {},
                    .first_row = first_row};
  Fingerprint pdq = MakePdqFingerprint(random.Hash(), 63, Profile::kFull, DecodeMode::kFast);
  pdq.value[3] = '\0';  // values are bytes, not text
  entry.fingerprints = {pdq, testing::Sha256Print("x"), testing::Md5Print("x")};
  return entry;
}

inline auto Fields(const ListRecord& r) {
  return std::tuple(r.number, r.id, r.organisation, r.display_name, r.kind, r.category, r.action,
                    r.max_distance, r.provisional_hours, r.audience, r.created_us, r.updated_us,
                    r.deleted_us, r.revision);
}

inline auto Fields(const EntryRecord& r) {
  return std::tuple(r.number, r.list, r.external_reference, r.state, r.expires_us, r.court_basis,
                    r.subject, r.jurisdiction, r.legal_basis, r.case_reference, r.submitter,
                    r.reason, r.reason_code, r.renewals, r.first_decider, r.last_decider,
                    r.decided_us, r.created_us, r.updated_us, r.revision, r.fingerprints,
                    r.first_row);
}

inline auto Fields(const KeyRecord& r) {
  return std::tuple(r.id, r.digest, r.organisation, r.role, r.label, r.created_us, r.revoked_us,
                    r.credential, r.until_us);
}

inline auto Fields(const OrganisationRecord& r) {
  return std::tuple(r.id, r.designation, r.daily_entries, r.checks_per_second, r.images_per_second,
                    r.created_us, r.updated_us);
}

inline KeyRecord AKey(std::string id) {
  return {.id = std::move(id),
          .digest = std::string("\0\x01\xff", 3) + std::string(29, 'd'),
          .organisation = "org-a",
          .role = Role::kReviewer,
          .label = "a label",
          .created_us = 21,
          .revoked_us = 0,
          .credential = Credential::kCertificate,
          .until_us = 22};
}

class SqliteStoreTest : public ::testing::Test {
 protected:
  void SetUp() override { store_ = Open(path_); }
  void Reopen() {
    store_.reset();
    store_ = Open(path_);
  }
  // One list with one entry of three fingerprints, committed.
  void Fill() {
    const auto transaction = Begin(*store_);
    ASSERT_OK(transaction->InsertList(AList(1, "list-1")));
    ASSERT_OK(transaction->InsertEntry(AnEntry(1, 1, "ref-1", 1)));
    ASSERT_OK(transaction->Commit({.revision = 1, .lists = 1, .entries = 1, .rows = 3}));
  }
  std::vector<EntryRecord> EntriesOf(ListNumber list, EntryNumber after = 0, int limit = 100) {
    auto entries = store_->ReadEntries(list, after, limit);
    EXPECT_TRUE(entries.ok()) << entries.status();
    return *std::move(entries);
  }

  testing::TemporaryFolder folder_;
  const std::string path_ = folder_.File("vigie.db");
  std::unique_ptr<Store> store_;
};

}  // namespace vigie
