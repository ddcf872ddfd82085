// What the tests of the engine's stateful modules share: time, folders, random hashes, a database
// that fails on demand, and a catalogue over them.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/fingerprint.h"
#include "engine/base/types.h"
#include "engine/catalog/catalog.h"
#include "engine/store/store.h"

namespace vigie::testing {

inline constexpr TimeUs kHourUs = 3600 * kSecondUs;

// The value, out of a StatusOr that may be a temporary; throws when there is none.
template <typename T>
T Take(absl::StatusOr<T> result) {
  if (!result.ok()) throw std::runtime_error(result.status().ToString());
  return *std::move(result);
}

// A clock that a test moves by hand.
class FakeClock final : public Clock {
 public:
  TimeUs Now() const override { return now_.load(); }
  void Advance(TimeUs by) { now_ += by; }
  void Set(TimeUs now) { now_ = now; }

 private:
  std::atomic<TimeUs> now_{1'700'000'000 * kSecondUs};
};

// A new folder that goes with its content.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string File(std::string_view name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Repeatable random numbers; prints the seed, so that the log of a failure says how to repeat it.
class Random {
 public:
  explicit Random(uint64_t seed);

  // 0 to limit - 1.
  size_t Below(size_t limit) { return std::uniform_int_distribution<size_t>(0, limit - 1)(bits_); }
  bool OneIn(size_t n) { return Below(n) == 0; }
  Pdq256 Hash();
  // `from` with exactly `distance` of its bits turned.
  Pdq256 Near(const Pdq256& from, int distance);
  std::mt19937_64& bits() { return bits_; }

 private:
  std::mt19937_64 bits_;
};

Fingerprint PdqPrint(const Pdq256& hash, int quality = 90);
// The digest of `text` as a fingerprint.
Fingerprint Sha256Print(std::string_view text);
Fingerprint Md5Print(std::string_view text);

// The entry of these fingerprints; an empty reference is derived.
NewEntry EntryOf(std::vector<Fingerprint> fingerprints, std::string reference = "");

Principal Flagger(std::string organisation);
Principal WithRole(Role role, std::string organisation);
// Callers, for tests to which it matters only that they differ.
inline const Principal kFlagger = Flagger("helpers");
inline const Principal kOrgA = Flagger("org-a");
inline const Principal kOrgB = Flagger("org-b");
inline const Principal kReviewer = WithRole(Role::kReviewer, "moderators");
// What an erasure needs to say.
inline const Decision kErasure = {.person = "Ana Lys", .reason = ReasonCode::kDataProtection};

// Passes everything on to another store, except that the call number `FailAt(n)` of the writer
// (Begin and the methods of its Transaction, counted from 1) fails without doing anything.
class FailingStore final : public Store {
 public:
  explicit FailingStore(std::unique_ptr<Store> inner) : inner_(std::move(inner)) {}

  // 0: never.
  void FailAt(int call) {
    calls_ = 0;
    fail_at_ = call;
  }
  int calls() const { return calls_; }
  int begun() const { return begun_; }
  // Called in each transaction before it commits, after it has, and instead of the call that
  // FailAt() names; may be empty. Not while writers run.
  std::function<void()> before_commit, after_commit, on_failure;

  absl::Status Step();

  absl::StatusOr<std::unique_ptr<Transaction>> Begin() override;
  absl::StatusOr<Counters> ReadCounters() override { return inner_->ReadCounters(); }
  absl::StatusOr<std::vector<ListRecord>> ReadLists() override { return inner_->ReadLists(); }
  absl::StatusOr<std::vector<EntryRecord>> ReadEntries(ListNumber list, EntryNumber after,
                                                       int limit) override {
    return inner_->ReadEntries(list, after, limit);
  }
  absl::StatusOr<std::optional<EntryRecord>> ReadEntry(EntryNumber number) override {
    return inner_->ReadEntry(number);
  }
  absl::Status ScanEntries(const std::function<absl::Status(const EntryHead&)>& visit) override {
    return inner_->ScanEntries(visit);
  }
  absl::Status ScanFingerprints(
      const std::function<absl::Status(const FingerprintRow&)>& visit) override {
    return inner_->ScanFingerprints(visit);
  }
  absl::Status ScanLocal(
      const std::function<absl::Status(EntryNumber, std::string_view)>& visit) override {
    return inner_->ScanLocal(visit);
  }
  absl::Status ScanEntriesSince(
      Revision revision, const std::function<absl::Status(const EntryRecord&)>& visit) override {
    return inner_->ScanEntriesSince(revision, visit);
  }
  VerdictLog& verdicts() override { return inner_->verdicts(); }
  absl::StatusOr<std::vector<EntryNumber>> ReadDue(TimeUs now, int limit) override {
    return inner_->ReadDue(now, limit);
  }
  absl::StatusOr<std::vector<Deadline>> ReadUndecided(const Deadline& after, TimeUs review_us,
                                                      int limit) override {
    return inner_->ReadUndecided(after, review_us, limit);
  }
  absl::StatusOr<uint64_t> CountInState(EntryState state) override {
    return inner_->CountInState(state);
  }
  absl::Status ScanEvents(uint64_t after,
                          const std::function<absl::Status(const EventRecord&)>& visit) override {
    return inner_->ScanEvents(after, visit);
  }
  absl::StatusOr<std::vector<EventRecord>> ReadSubmissions(TimeUs since) override {
    return inner_->ReadSubmissions(since);
  }
  absl::StatusOr<std::vector<EventRecord>> ReadEvents(EntryNumber entry) override {
    return inner_->ReadEvents(entry);
  }
  absl::StatusOr<std::optional<EventRecord>> ReadLastEvent() override {
    return inner_->ReadLastEvent();
  }
  absl::StatusOr<std::vector<HeadRecord>> ReadHeads() override { return inner_->ReadHeads(); }
  absl::StatusOr<std::optional<HeadRecord>> ReadLastHead() override {
    return inner_->ReadLastHead();
  }
  absl::Status InsertHead(const HeadRecord& head) override { return inner_->InsertHead(head); }
  absl::StatusOr<bool> ScrubLog() override { return inner_->ScrubLog(); }
  absl::StatusOr<uint64_t> ReadCheckpointMark() override { return inner_->ReadCheckpointMark(); }
  absl::Status SetCheckpointMark(uint64_t mark) override { return inner_->SetCheckpointMark(mark); }
  absl::StatusOr<std::vector<KeyRecord>> ReadKeys() override { return inner_->ReadKeys(); }
  absl::Status InsertKey(const KeyRecord& key) override { return inner_->InsertKey(key); }
  absl::Status RevokeKey(std::string_view id, TimeUs now) override {
    return inner_->RevokeKey(id, now);
  }
  absl::Status RotateKey(std::string_view id, TimeUs until, const KeyRecord& next) override {
    return inner_->RotateKey(id, until, next);
  }
  absl::StatusOr<std::vector<OrganisationRecord>> ReadOrganisations() override {
    return inner_->ReadOrganisations();
  }
  absl::Status SetOrganisation(const OrganisationRecord& organisation) override {
    return inner_->SetOrganisation(organisation);
  }
  absl::StatusOr<uint64_t> KeysVersion() override { return inner_->KeysVersion(); }
  std::array<uint8_t, 16> seal_key() const override { return inner_->seal_key(); }
  absl::Status CheckIntegrity(Thoroughness thoroughness,
                              const std::function<bool()>& go_on) override {
    return inner_->CheckIntegrity(thoroughness, go_on);
  }

 private:
  std::unique_ptr<Store> inner_;
  std::atomic<int> calls_{0};
  std::atomic<int> fail_at_{0};
  std::atomic<int> begun_{0};
};

// A catalogue over a new database with a clock moved by hand. Throws when one cannot be opened.
class World {
 public:
  explicit World(CatalogOptions options = {});

  // Ends the catalogue and its database and opens the same file again.
  void Reopen();

  Catalog& catalog() { return *catalog_; }
  FailingStore& store() { return *store_; }
  FakeClock& clock() { return clock_; }
  std::string file() const { return folder_.File("vigie.db"); }

  // A list of `caller` with `id`; throws when it is refused.
  ListRecord MakeList(const Principal& caller, std::string id, ListKind kind = ListKind::kBlock,
                      ListSettings settings = {});
  // One entry, uploaded; throws when it is refused.
  EntryRecord Submit(const Principal& caller, std::string_view list, NewEntry entry);
  absl::StatusOr<EntryRecord> Act(const Principal& caller, std::string_view list, EntryNumber entry,
                                  EntryAction action, Decision decision = {});
  // Any action on one of the entries 1 to `last` of `list`, by `caller` or a reviewer or an
  // authority; most of what is asked is legal.
  absl::StatusOr<EntryRecord> ActAtRandom(Random& random, const Principal& caller,
                                          std::string_view list, EntryNumber last);
  // The entries near `hash`, by number.
  std::vector<EntryNumber> Near(const Pdq256& hash, int max_distance = kDefaultMaxDistance);

 private:
  const CatalogOptions options_;
  TemporaryFolder folder_;
  FakeClock clock_;
  std::unique_ptr<FailingStore> store_;
  std::unique_ptr<Catalog> catalog_;
};

// Runs `sql` on a database behind the store's back, then gives all rows the sums that the store
// would: what is wrong with them then is for others to find.
absl::Status EditDatabase(const std::string& file, const std::string& sql);

}  // namespace vigie::testing
