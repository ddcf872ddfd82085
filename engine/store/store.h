// The durable record behind the catalogue: an interface, because the embedded database and the
// replicated one must be interchangeable (design, "Decisions already taken", 4).
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/base/digest.h"
#include "engine/base/status.h"
#include "engine/store/records.h"
#include "engine/store/verdict_records.h"

namespace vigie {

// One set of changes: all of it happens at Commit(), or nothing. Dropping it rolls back. One
// thread. Reads see the transaction's own writes. An error from any call (except a nullopt, which
// is an answer) means the database failed: the transaction can only be dropped.
class Transaction {
 public:
  virtual ~Transaction() = default;

  // The revision of the last commit, by whichever program.
  virtual absl::StatusOr<Revision> LastRevision() = 0;
  virtual absl::StatusOr<std::optional<ListRecord>> FindList(std::string_view id) = 0;
  virtual absl::StatusOr<std::optional<EntryRecord>> FindEntry(EntryNumber number) = 0;
  virtual absl::StatusOr<std::optional<EntryRecord>> FindEntry(
      ListNumber list, std::string_view external_reference) = 0;
  virtual absl::StatusOr<uint64_t> CountEntries(ListNumber list) = 0;

  virtual absl::Status InsertList(const ListRecord& list) = 0;
  virtual absl::Status UpdateList(const ListRecord& list) = 0;
  virtual absl::Status InsertEntry(const EntryRecord& entry) = 0;
  // Writes the local fingerprint of an entry that has none.
  virtual absl::Status AddLocal(const EntryRecord& entry) = 0;
  // Changes everything but number, list, external_reference and fingerprints. With another
  // first_row the fingerprints move to the rows from there.
  virtual absl::Status UpdateEntry(const EntryRecord& entry) = 0;
  // UpdateEntry() with its reference; its fingerprints are overwritten and gone. Copies that the
  // database's log holds: Store::ScrubLog().
  virtual absl::Status EraseEntry(const EntryRecord& entry) = 0;
  // Gives the event its number and digest and adds it to the chain.
  virtual absl::Status AppendEvent(EventRecord& event) = 0;

  // Writes down verdicts, as part of `revision`, and what was counted. Of the verdicts the last
  // kKeptVerdicts are kept; sightings and counts for ever.
  virtual absl::Status RecordVerdicts(const VerdictBatch& batch, Revision revision) = 0;
  // True when `organisation` was given a verdict that named the entry.
  virtual absl::StatusOr<bool> IsSighted(EntryNumber entry, std::string_view organisation) = 0;
  // What the organisation had said of the pair before; then it says this.
  virtual absl::StatusOr<std::optional<FeedbackRecord>> SetFeedback(
      const FeedbackRecord& feedback) = 0;
  // So many more of the organisation's entries met with an event of this kind.
  virtual absl::Status AddToTally(std::string_view organisation, EventKind kind,
                                  int64_t entries) = 0;

  // When this returns OK, the changes survive a crash of the process and of the machine.
  virtual absl::Status Commit(const Counters& counters) = 0;
};

// What is kept of verdicts. Thread-safe; waits for no Transaction.
class VerdictLog {
 public:
  virtual ~VerdictLog() = default;

  virtual absl::StatusOr<Sightings> CountSightings(EntryNumber entry) = 0;
  // The entries named to `organisation` by a verdict whose effect may have changed in the revisions
  // above `after` up to `until`, by number, each with the last change. Also those that changed
  // earlier, but after a verdict that was written down in these revisions. Submissions are no
  // change.
  virtual absl::StatusOr<std::vector<SightedChange>> ReadChanges(std::string_view organisation,
                                                                 Revision after,
                                                                 Revision until) = 0;
  // The revision of the event of a change number `limit` after `after`; nullopt when there are
  // fewer. What bounds one ReadChanges().
  virtual absl::StatusOr<std::optional<Revision>> ReadRevisionOfChange(Revision after,
                                                                       int limit) = 0;
  // At most the last `limit`, oldest first.
  virtual absl::StatusOr<std::vector<VerdictRecord>> ReadVerdicts(int limit) = 0;
  virtual absl::StatusOr<FeedbackCounts> CountFeedback(EntryNumber entry) = 0;
  virtual absl::StatusOr<std::vector<FeedbackRecord>> ReadReleases() = 0;
  virtual absl::StatusOr<std::vector<Tally>> ReadTallies(std::string_view organisation) = 0;
  virtual absl::StatusOr<std::vector<CheckCount>> ReadCheckCounts(int64_t first_day) = 0;
};

// How much CheckIntegrity() reads. kEssentials: that the tables are those of this program, the
// counters, lists, keys, organisations and releases; milliseconds at any size. kEverything: also
// the structure of the whole file, and every entry, fingerprint and event; seconds for a million.
enum class Thoroughness : uint8_t { kEssentials, kEverything };

// Thread-safe, except that only one Transaction exists at a time (the caller sees to it).
class Store {
 public:
  virtual ~Store() = default;

  virtual absl::StatusOr<std::unique_ptr<Transaction>> Begin() = 0;

  virtual absl::StatusOr<Counters> ReadCounters() = 0;
  virtual absl::StatusOr<std::vector<ListRecord>> ReadLists() = 0;
  // At most `limit` entries of `list` with a number above `after`, by number.
  virtual absl::StatusOr<std::vector<EntryRecord>> ReadEntries(ListNumber list, EntryNumber after,
                                                               int limit) = 0;
  virtual absl::StatusOr<std::optional<EntryRecord>> ReadEntry(EntryNumber number) = 0;

  // Everything, in ascending order, for loading at start. An error from `visit` ends the scan.
  virtual absl::Status ScanEntries(const std::function<absl::Status(const EntryHead&)>& visit) = 0;
  virtual absl::Status ScanFingerprints(
      const std::function<absl::Status(const FingerprintRow&)>& visit) = 0;
  // Local fingerprints, by entry.
  virtual absl::Status ScanLocal(
      const std::function<absl::Status(EntryNumber entry, std::string_view value)>& visit) = 0;
  // The entries whose last change came after `revision`, whole, in ascending order.
  virtual absl::Status ScanEntriesSince(
      Revision revision, const std::function<absl::Status(const EntryRecord&)>& visit) = 0;

  virtual VerdictLog& verdicts() = 0;

  // At most `limit` entries whose time is over at `now` and whose state does not say so, oldest
  // first.
  virtual absl::StatusOr<std::vector<EntryNumber>> ReadDue(TimeUs now, int limit) = 0;
  // At most `limit` undecided entries after `after`, by deadline and number: PROVISIONAL and
  // CONTESTED ones that expire by when they do, other CONTESTED ones `review_us` after they were.
  virtual absl::StatusOr<std::vector<Deadline>> ReadUndecided(const Deadline& after,
                                                              TimeUs review_us, int limit) = 0;
  virtual absl::StatusOr<uint64_t> CountInState(EntryState state) = 0;

  // Events with a number above `after`, in order. An error from `visit` ends the scan.
  virtual absl::Status ScanEvents(uint64_t after,
                                  const std::function<absl::Status(const EventRecord&)>& visit) = 0;
  // Submissions since `since`, newest entries first: those after the newest that is older.
  virtual absl::StatusOr<std::vector<EventRecord>> ReadSubmissions(TimeUs since) = 0;
  // The events of one entry, its submission first.
  virtual absl::StatusOr<std::vector<EventRecord>> ReadEvents(EntryNumber entry) = 0;
  virtual absl::StatusOr<std::optional<EventRecord>> ReadLastEvent() = 0;
  // Signed heads, by number. Inserting is durable; beside a Transaction too, waits for it.
  virtual absl::StatusOr<std::vector<HeadRecord>> ReadHeads() = 0;
  virtual absl::StatusOr<std::optional<HeadRecord>> ReadLastHead() = 0;
  virtual absl::Status InsertHead(const HeadRecord& head) = 0;
  // Removes from the files what was overwritten in the tables. False: somebody reads an older
  // state, or writes; try again later.
  virtual absl::StatusOr<bool> ScrubLog() = 0;

  // The last checkpoint of derived data, by a number that its writer chose; 0: none. It is stored
  // with the data so that a checkpoint is never taken for one of a database that went another way,
  // as one restored from a backup has.
  virtual absl::StatusOr<uint64_t> ReadCheckpointMark() = 0;
  // Durable when this returns OK. Beside a Transaction too; waits for it.
  virtual absl::Status SetCheckpointMark(uint64_t mark) = 0;

  virtual absl::StatusOr<std::vector<KeyRecord>> ReadKeys() = 0;
  // With its event. ALREADY_EXISTS, reason KEY_EXISTS, when the id is taken, or the certificate is
  // registered, also as one that was revoked.
  virtual absl::Status InsertKey(const KeyRecord& key) = 0;
  // NOT_FOUND, reason KEY_NOT_FOUND, for an unknown id; revoking twice keeps the first time,
  // and is one event.
  virtual absl::Status RevokeKey(std::string_view id, TimeUs now) = 0;
  // Inserts `next` and lets the key `id` end at `until`, unless it ends sooner; both with their
  // events, both or neither. NOT_FOUND, reason KEY_NOT_FOUND; FAILED_PRECONDITION, reason
  // KEY_ENDED, when it was revoked or is over at next.created_us; KEY_EXISTS as InsertKey().
  virtual absl::Status RotateKey(std::string_view id, TimeUs until, const KeyRecord& next) = 0;
  virtual absl::StatusOr<std::vector<OrganisationRecord>> ReadOrganisations() = 0;
  // Adds the organisation or replaces what is known of it, with its event; the time it was created
  // stays.
  virtual absl::Status SetOrganisation(const OrganisationRecord& organisation) = 0;
  // A number that changes whenever a key or an organisation does, also by another process, and
  // only then.
  virtual absl::StatusOr<uint64_t> KeysVersion() = 0;

  // 16 random bytes made when the database was: the key of its opaque identifiers.
  virtual std::array<uint8_t, 16> seal_key() const = 0;
  // Names this database and says nothing about its key.
  std::array<uint8_t, 32> id() const { return Sha256(seal_key()); }

  // Reads the database for damage. DATA_LOSS, reason DATABASE_DAMAGED, names what was found, table
  // and row where it is one. Beside everything else, on a connection of its own; while it reads the
  // structure the log is not written back. `go_on`, if any, is asked now and then: when it says
  // false the result is CANCELLED.
  virtual absl::Status CheckIntegrity(Thoroughness thoroughness,
                                      const std::function<bool()>& go_on) = 0;
  absl::Status CheckIntegrity() { return CheckIntegrity(Thoroughness::kEverything, {}); }
};

}  // namespace vigie
