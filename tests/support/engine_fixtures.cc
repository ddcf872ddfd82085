#include "tests/support/engine_fixtures.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "engine/base/digest.h"
#include "engine/store/row_sums.h"
#include "engine/store/sqlite.h"
#include "engine/store/sqlite_records.h"
#include "engine/store/sqlite_store.h"

namespace vigie::testing {
namespace {

template <typename Array>
std::string Text(const Array& bytes) {
  return {bytes.begin(), bytes.end()};
}

class FailingTransaction final : public Transaction {
 public:
  FailingTransaction(FailingStore& store, std::unique_ptr<Transaction> inner)
      : store_(store), inner_(std::move(inner)) {}

  absl::StatusOr<Revision> LastRevision() override {
    VIGIE_RETURN_IF_ERROR(store_.Step());
    return inner_->LastRevision();
  }
  absl::StatusOr<uint64_t> CountEntries(ListNumber list) override {
    VIGIE_RETURN_IF_ERROR(store_.Step());
    return inner_->CountEntries(list);
  }
  absl::StatusOr<std::optional<ListRecord>> FindList(std::string_view id) override {
    VIGIE_RETURN_IF_ERROR(store_.Step());
    return inner_->FindList(id);
  }
  absl::StatusOr<std::optional<EntryRecord>> FindEntry(EntryNumber number) override {
    VIGIE_RETURN_IF_ERROR(store_.Step());
    return inner_->FindEntry(number);
  }
  absl::StatusOr<std::optional<EntryRecord>> FindEntry(ListNumber list,
                                                       std::string_view reference) override {
    VIGIE_RETURN_IF_ERROR(store_.Step());
    return inner_->FindEntry(list, reference);
  }
  absl::Status InsertList(const ListRecord& list) override {
    VIGIE_RETURN_IF_ERROR(store_.Step());
    return inner_->InsertList(list);
  }
  absl::Status UpdateList(const ListRecord& list) override {
    VIGIE_RETURN_IF_ERROR(store_.Step());
    return inner_->UpdateList(list);
  }
  absl::Status InsertEntry(const EntryRecord& entry) override {
    VIGIE_RETURN_IF_ERROR(store_.Step());
    return inner_->InsertEntry(entry);
  }
  absl::Status AddLocal(const EntryRecord& entry) override {
    VIGIE_RETURN_IF_ERROR(store_.Step());
    return inner_->AddLocal(entry);
  }
  absl::Status UpdateEntry(const EntryRecord& entry) override {
    VIGIE_RETURN_IF_ERROR(store_.Step());
    return inner_->UpdateEntry(entry);
  }
  absl::Status EraseEntry(const EntryRecord& entry) override {
    VIGIE_RETURN_IF_ERROR(store_.Step());
    return inner_->EraseEntry(entry);
  }
  absl::Status AppendEvent(EventRecord& event) override {
    VIGIE_RETURN_IF_ERROR(store_.Step());
    return inner_->AppendEvent(event);
  }
  absl::Status RecordVerdicts(const VerdictBatch& batch, Revision revision) override {
    VIGIE_RETURN_IF_ERROR(store_.Step());
    return inner_->RecordVerdicts(batch, revision);
  }
  absl::StatusOr<bool> IsSighted(EntryNumber entry, std::string_view organisation) override {
    VIGIE_RETURN_IF_ERROR(store_.Step());
    return inner_->IsSighted(entry, organisation);
  }
  absl::StatusOr<std::optional<FeedbackRecord>> SetFeedback(
      const FeedbackRecord& feedback) override {
    VIGIE_RETURN_IF_ERROR(store_.Step());
    return inner_->SetFeedback(feedback);
  }
  absl::Status AddToTally(std::string_view organisation, EventKind kind, int64_t entries) override {
    VIGIE_RETURN_IF_ERROR(store_.Step());
    return inner_->AddToTally(organisation, kind, entries);
  }
  absl::Status Commit(const Counters& counters) override {
    VIGIE_RETURN_IF_ERROR(store_.Step());
    if (store_.before_commit) store_.before_commit();
    const absl::Status status = inner_->Commit(counters);
    if (store_.after_commit) store_.after_commit();
    return status;
  }

 private:
  FailingStore& store_;
  std::unique_ptr<Transaction> inner_;
};

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "vigie-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Random::Random(uint64_t seed) : bits_(seed) {
  std::printf("[ SEED     ] %llu\n", static_cast<unsigned long long>(seed));
}

Pdq256 Random::Hash() {
  Pdq256 hash;
  for (uint8_t& byte : hash.bytes) byte = static_cast<uint8_t>(bits_());
  return hash;
}

Pdq256 Random::Near(const Pdq256& from, int distance) {
  Pdq256 near = from;
  while (HammingDistance(near, from) < distance) {
    const size_t bit = Below(256);
    const auto mask = static_cast<uint8_t>(1U << (bit % 8));
    near.bytes[bit / 8] =
        static_cast<uint8_t>((near.bytes[bit / 8] & ~mask) | (~from.bytes[bit / 8] & mask));
  }
  return near;
}

Fingerprint PdqPrint(const Pdq256& hash, int quality) {
  return MakePdqFingerprint(hash, quality, Profile::kReference, DecodeMode::kExact);
}

Fingerprint Sha256Print(std::string_view text) {
  return {.algorithm = Algorithm::kSha256, .value = Text(Sha256(AsBytes(text)))};
}

Fingerprint Md5Print(std::string_view text) {
  return {.algorithm = Algorithm::kMd5, .value = Text(Md5(AsBytes(text)))};
}

NewEntry EntryOf(std::vector<Fingerprint> fingerprints, std::string reference) {
  NewEntry entry;
  entry.external_reference = std::move(reference);
  entry.fingerprints = std::move(fingerprints);
  return entry;
}

Principal WithRole(Role role, std::string organisation) {
  Principal principal{
      .key_id = "key-of-" + organisation, .organisation = organisation, .role = role};
  if (role == Role::kTrustedFlagger) principal.designation = Designation{.id = "test"};
  return principal;
}

Principal Flagger(std::string organisation) {
  return WithRole(Role::kTrustedFlagger, std::move(organisation));
}

absl::Status FailingStore::Step() {
  if (++calls_ != fail_at_) return absl::OkStatus();
  if (on_failure) on_failure();
  return Error(absl::StatusCode::kUnavailable, "DATABASE_FAILED", "the test made it fail");
}

absl::StatusOr<std::unique_ptr<Transaction>> FailingStore::Begin() {
  ++begun_;
  VIGIE_RETURN_IF_ERROR(Step());
  std::unique_ptr<Transaction> inner;
  VIGIE_ASSIGN_OR_RETURN(inner, inner_->Begin());
  return std::make_unique<FailingTransaction>(*this, std::move(inner));
}

World::World(CatalogOptions options) : options_(options) { Reopen(); }

void World::Reopen() {
  catalog_.reset();
  store_.reset();
  store_ = std::make_unique<FailingStore>(Take(OpenSqliteStore(file())));
  catalog_ = Take(Catalog::Open(*store_, clock_, options_, {}));
}

ListRecord World::MakeList(const Principal& caller, std::string id, ListKind kind,
                           ListSettings settings) {
  return Take(catalog_->CreateList(caller, {.id = std::move(id),
                                            .kind = kind,
                                            .category = Category::kNcii,
                                            .settings = std::move(settings)}));
}

EntryRecord World::Submit(const Principal& caller, std::string_view list, NewEntry entry) {
  UploadOutcome outcome = Take(catalog_->Upload(caller, list, {&entry, 1}));
  UploadResult& result = outcome.results.at(0);
  if (!result.status.ok()) throw std::runtime_error(result.status.ToString());
  return std::move(result.entry);
}

absl::StatusOr<EntryRecord> World::Act(const Principal& caller, std::string_view list,
                                       EntryNumber entry, EntryAction action, Decision decision) {
  return catalog_->Transition(caller, list, catalog_->EntryId(entry), action, decision);
}

absl::StatusOr<EntryRecord> World::ActAtRandom(Random& random, const Principal& caller,
                                               std::string_view list, EntryNumber last) {
  const Principal callers[] = {caller, WithRole(Role::kReviewer, "moderators"),
                               WithRole(Role::kAuthority, "another-court")};
  const auto action = static_cast<EntryAction>(1 + random.Below(10));
  return Act(callers[random.Below(3)], list, static_cast<EntryNumber>(1 + random.Below(last)),
             action,
             {.person = random.OneIn(2) ? "Ana Lys" : "Bo",
              .reason = ReasonCode::kOther,
              .note = "why",
              .case_reference = "24/1"});
}

std::vector<EntryNumber> World::Near(const Pdq256& hash, int max_distance) {
  std::vector<EntryNumber> entries;
  for (const JoinedHit& hit : Take(catalog_->FindNear({&hash, 1}, max_distance))) {
    entries.push_back(hit.row.entry);
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

absl::Status EditDatabase(const std::string& file, const std::string& sql) {
  std::unique_ptr<SqlConnection> db;
  VIGIE_ASSIGN_OR_RETURN(db, SqlConnection::Open(file));
  VIGIE_RETURN_IF_ERROR(db->Exec(sql.c_str()));
  for (const SummedTable& table : {kListTable, kEntryTable, kFingerprintTable}) {
    const std::string sums =
        std::string("UPDATE ") + table.name + " SET sum = vigie_sum(" + table.columns + ")";
    VIGIE_RETURN_IF_ERROR(db->Exec(sums.c_str()));
  }
  return absl::OkStatus();
}

}  // namespace vigie::testing
