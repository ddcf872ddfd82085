// Lists and entries: their rules, their life, and what of them matching sees.
//
// Every change goes through one queue: checked against the database inside its transaction,
// committed, made visible to matching, then acknowledged. So what a caller was told is durable and
// already matchable. Reads for matching come from memory and never wait for a writer.
//
// Ownership is checked here: what belongs to another organisation is NOT_FOUND, as if it did not
// exist. Thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "engine/base/clock.h"
#include "engine/base/published.h"
#include "engine/base/sealer.h"
#include "engine/base/status.h"
#include "engine/base/types.h"
#include "engine/catalog/allow_set.h"
#include "engine/catalog/catalog_types.h"
#include "engine/catalog/commit_queue.h"
#include "engine/catalog/entry_rules.h"
#include "engine/catalog/entry_table.h"
#include "engine/catalog/list_table.h"
#include "engine/catalog/quota.h"
#include "engine/catalog/releases.h"
#include "engine/index/digest_index.h"
#include "engine/index/live_index.h"
#include "engine/local/local_index.h"
#include "engine/store/store.h"

namespace vigie {

struct CheckpointManifest;

struct CatalogOptions {
  LiveIndexOptions index = {};
  // PDQ fingerprints of lower quality (0 to 100) are refused at submission.
  int min_quality = kDefaultMinQuality;
  // The widest max_distance a list may ask for, at most kMaxDistanceLimit.
  int max_distance_limit = kDefaultMaxDistance;
  size_t max_lists_per_organisation = 1000;
  // Tell submitters of entries that their organisation has in other lists.
  bool find_duplicates = true;
  // Where Open() looks for what WriteCheckpoint() wrote. Empty: it does not look.
  std::string checkpoint_folder = {};
  CommitObserver on_commit = {};  // see commit_queue.h
  // Another program may write while Open() reads: what it adds is left out, not taken for damage.
  bool beside_writer = false;
};

// How Open() came to what it has in memory.
struct LoadReport {
  bool from_checkpoint = false;
  // Why the checkpoint was not used; OK when it was, or when none was asked for.
  absl::Status checkpoint;
};

// How far the load at start has come, in fingerprints.
using LoadProgress = std::function<void(uint64_t done, uint64_t total)>;

// A hit joined with what is known of its entry.
struct JoinedHit {
  uint32_t query = 0;  // which of the asked values
  int distance = 0;
  RowFacts row;
  EntryFacts entry;
  std::shared_ptr<const ListRecord> list;
};

// A picture that the upload shows a part of.
struct JoinedLocal {
  LocalMatch match;
  EntryFacts entry;
  std::shared_ptr<const ListRecord> list;
};

struct LocalFound {
  std::vector<JoinedLocal> matches;  // one an entry, the most inliers first
  size_t places = 0;                 // of the upload that were looked up
  bool complete = true;  // false: `go_on` ended the search, or more were alike than are compared
};

// An event that `caller` causes; what it is about is for the caller of this to fill in.
EventRecord EventBy(const Principal& caller, EventKind kind, TimeUs now, Revision revision);

class Catalog {
 public:
  // Loads everything from `store` into memory and builds the index; or takes it from a checkpoint
  // and loads what has changed since. A checkpoint that cannot be used is never an error: see
  // load_report(). `store` and `clock` outlive the catalogue. `progress` may be empty.
  static absl::StatusOr<std::unique_ptr<Catalog>> Open(Store& store, const Clock& clock,
                                                       CatalogOptions options,
                                                       const LoadProgress& progress);

  // --- Lists (lists.cc). Errors: LIST_NOT_FOUND, LIST_EXISTS, LIST_INVALID, LIST_NOT_EMPTY,
  // PAGE_TOKEN_INVALID, ROLE_MAY_NOT_SUBMIT, TOO_MANY_LISTS, for making and changing those of
  // CheckSubmission(), and those of the store.
  // Any change also: DATABASE_IN_USE when another program has changed the database meanwhile.
  absl::StatusOr<ListRecord> CreateList(const Principal& caller, const NewList& list);
  absl::StatusOr<ListRecord> GetList(const Principal& caller, std::string_view id) const;
  absl::StatusOr<Page<ListRecord>> ListLists(const Principal& caller, int page_size,
                                             std::string_view page_token) const;
  absl::StatusOr<ListRecord> UpdateList(const Principal& caller, std::string_view id,
                                        const ListSettings& settings);
  // Its entries stop matching at once. Without `force` a list that holds entries is kept.
  absl::Status DeleteList(const Principal& caller, std::string_view id, bool force);

  // --- Entries (entries.cc). Errors: LIST_NOT_FOUND, ENTRY_NOT_FOUND, ILLEGAL_TRANSITION,
  // PAGE_TOKEN_INVALID, and those of the store; per entry also HASH_MALFORMED, QUALITY_TOO_LOW,
  // ENTRY_INVALID, CASE_REFERENCE_REQUIRED, EXTERNAL_REFERENCE_CONFLICT, QUOTA_EXCEEDED, and those
  // of CheckSubmission(). `validate_only`: nothing is written; the results are what they would be,
  // without the numbers of entries that would be created.
  absl::StatusOr<UploadOutcome> Upload(const Principal& caller, std::string_view list_id,
                                       std::span<const NewEntry> entries,
                                       bool validate_only = false);
  // Upload() in two steps, for callers that prepare the next while others are committed.
  absl::StatusOr<PreparedUpload> PrepareUpload(const Principal& caller, std::string_view list_id,
                                               std::span<const NewEntry> entries,
                                               bool validate_only = false);
  // All in one commit, in their order; the error of each in its status. Those after the first that
  // is refused are not tried: CANCELLED.
  void CommitUploads(std::span<PreparedUpload* const> uploads);
  absl::StatusOr<EntryRecord> GetEntry(const Principal& caller, std::string_view list_id,
                                       std::string_view entry_id) const;
  absl::StatusOr<Page<EntryRecord>> ListEntries(const Principal& caller, std::string_view list_id,
                                                int page_size, std::string_view page_token) const;

  // --- Decisions (transitions.cc). What a caller may not know exists is LIST_NOT_FOUND or
  // ENTRY_NOT_FOUND; other errors: those of CheckAction(), CheckText() and, to renew,
  // CheckSubmission(); CATALOG_FULL, and those of the store. One of two that decide at once wins;
  // the other is told by its seen_revision, or by ILLEGAL_TRANSITION. The entry after `action`;
  // without its fingerprints for callers that do not own it. Withdrawing one's own entry twice is
  // one withdrawal. Expiring is not for callers: see Maintain().
  absl::StatusOr<EntryRecord> Transition(const Principal& caller, std::string_view list_id,
                                         std::string_view entry_id, EntryAction action,
                                         const Decision& decision);

  // Undecided entries of lists that the caller may know, oldest deadline first, without histories.
  // A page may hold fewer than asked, also none, and have a next one.
  absl::StatusOr<Page<EntryOutcome>> ListReviews(const Principal& caller,
                                                 const ReviewFilter& filter, int page_size,
                                                 std::string_view page_token) const;
  absl::StatusOr<EntryOutcome> GetOutcome(const Principal& caller, std::string_view list_id,
                                          std::string_view entry_id) const;

  // For auditors, by organisation. Goes through all entries in memory: 10 ms for a million.
  std::vector<OrganisationCounters> CountEntries();
  // --- Verdicts (verdicts.cc). Errors: those of the store.
  // Writes down what verdicts said, each match an event, and suspends the entries `too_many`, which
  // match too many different uploads: unless a court has confirmed them, or somebody has looked.
  // Durable when it returns OK.
  absl::Status RecordVerdicts(const VerdictBatch& batch, std::span<const EntryNumber> too_many);
  // Names a picture by its values, in any form that is the same each time.
  UploadId UploadIdOf(std::string_view values) const;
  // How an organisation is told of it, and what it was told; nullopt for what it was not.
  std::string SealUpload(std::string_view organisation, const UploadId& upload) const;
  std::optional<UploadId> OpenUpload(std::string_view organisation, std::string_view text) const;
  // Whether the match of an upload (as SealUpload() wrote it) with an entry was right. With
  // `release` the pair asks for no more than a report on the caller's platform from now on. The
  // last word counts. Also LIST_NOT_FOUND, ENTRY_NOT_FOUND; NOT_MATCHED when no verdict has named
  // the entry to the caller; FEEDBACK_INVALID.
  absl::Status GiveFeedback(const Principal& caller, std::string_view list_id,
                            std::string_view entry_id, std::string_view upload, bool correct,
                            bool release);
  bool IsReleased(EntryNumber entry, const std::string& organisation, const UploadId& upload) const;
  // What has changed since the state `after` about entries that verdicts have named to the caller's
  // organisation; call again with the page's revision while that grows. Nothing is left out, also
  // not what changed while a verdict was on its way.
  absl::StatusOr<ChangePage> ReadChanges(const Principal& caller, Revision after) const;
  // Of any organisation for reviewers, authorities, auditors and operators; of their own for
  // others. NOT_FOUND, reason ORGANISATION_NOT_FOUND, also for one that has submitted nothing.
  absl::StatusOr<SubmitterRecord> GetSubmitterRecord(const Principal& caller,
                                                     std::string_view organisation) const;
  // --- Guards (guards.cc).
  // What acts in any list and is the picture of `entry`, which exists (kDuplicateDistance), or, of
  // the other kind of list, would decide on the same uploads (its list's max_distance); nearest
  // first. Not for its submitter: it names entries of other organisations.
  absl::StatusOr<std::vector<Neighbour>> FindRelated(const EntryRecord& entry) const;

  // --- Matching (catalog.cc). Everything acknowledged before the call is seen by it.
  // Every hit at most `max_distance` from one of `queries`, of lists that are not deleted.
  absl::StatusOr<std::vector<JoinedHit>> FindNear(std::span<const Pdq256> queries,
                                                  int max_distance) const;
  std::vector<JoinedHit> FindCopies(Algorithm algorithm, std::string_view value) const;
  // Pictures that `upload` shows a part of, of lists that take part with local fingerprints and
  // that are `wanted`. `go_on` as in LocalIndex::Search(), whose errors it has.
  absl::StatusOr<LocalFound> FindLocal(const LocalFingerprint& upload,
                                       absl::FunctionRef<bool(const ListRecord&)> wanted,
                                       absl::FunctionRef<bool()> go_on) const;
  // What there is to be found by local fingerprints.
  LocalIndexStats local_stats() const { return local_.stats(); }
  // False: no entry has a value of `algorithm`, so computing one would find nothing.
  bool HasCopiesBy(Algorithm algorithm) const { return !digests_.Unused(algorithm); }
  // The widest max_distance of any list; -1 without lists.
  int WidestDistance() const { return lists_.Acquire()->widest(); }
  // nullptr for an unknown id; a deleted list is found too.
  std::shared_ptr<const ListRecord> FindList(std::string_view id) const {
    return lists_.Acquire()->ById(id);
  }
  std::shared_ptr<const ListRecord> FindList(ListNumber number) const {
    return lists_.Acquire()->ByNumber(number);
  }
  // True when `entry`, which exists, can match now.
  bool IsActing(EntryNumber entry) const;
  Revision revision() const { return revision_.load(); }
  // ReadChanges() from here on finds nothing, at this moment.
  Revision change_revision() const { return change_revision_.load(); }

  // The opaque id of an entry, as callers see it.
  std::string EntryId(EntryNumber entry) const;

  // One round of background work: writes down what has expired (a bounded number; matching goes by
  // the clock and does not wait for it), overwrites what is left of erased values in the log, and
  // seals and merges the index. One thread at a time.
  absl::Status Maintain();
  // Writes what is in memory to `folder`, so that an Open() of the same database is fast. Any
  // thread, one at a time; reads and writes go on meanwhile. It takes the place of the one before
  // it when it is complete. Errors: FILE_FAILED, DISK_FULL, OUT_OF_MEMORY, INDEX_INCOMPLETE, those
  // of the store; the one before it may then be unusable, and is never wrong.
  absl::Status WriteCheckpoint(const std::string& folder);
  // Rows of entries that were added or changed since the last checkpoint; all rows without one.
  uint64_t rows_changed() const { return rows_changed_.load(); }
  // Rows there are, in any state.
  uint64_t rows();
  const LoadReport& load_report() const { return load_report_; }
  LiveIndexStats index_stats() const { return index_.stats(); }
  // Not OK when something durable could not be made matchable: answers would be incomplete.
  absl::Status health() const;

  // --- Watching itself (canary.cc).
  // Puts a benign picture of the server's own on a list that acts for nobody else (canary.h), once.
  // Its list is unknown to every caller. Errors of the store; CATALOG_FULL.
  absl::Status SetCanary(const Fingerprint& fingerprint);
  // Compares the index with the database and with a scan, around an entry that is behind the share
  // `entry` (0 to 1) of all: it is found by each value that the database holds of it, and the index
  // finds what a scan of `most_rows` rows from the share `rows` on finds. OK also when nothing
  // acts there. DATA_LOSS, reasons INDEX_INCOMPLETE, INDEX_DISAGREES; errors of the store. Any
  // thread, beside everything.
  absl::Status CheckSample(double entry, double rows, size_t most_rows);
  // Entries whose expiry was written down since the start.
  uint64_t expired() const { return expired_.load(); }

 private:
  Catalog(Store& store, const Clock& clock, CatalogOptions options, const Counters& counters);

  absl::Status Load(const Counters& counters, const LoadProgress& progress);
  absl::Status LoadLists(const Counters& counters);
  absl::Status LoadReleases();
  // What shows that `organisation` was told of this upload.
  std::array<uint8_t, 8> ProofOf(std::string_view organisation, const UploadId& upload) const;
  // Part of Maintain().
  absl::Status SettleInTime();
  absl::Status Publish(const Changes& changes, Revision revision);
  // Puts an entry's digests into the digest index, its PDQ values at the end of `codes`.
  void IndexEntry(const EntryRecord& entry, std::vector<Pdq256>* codes, std::vector<RowId>* rows);
  void UnindexEntry(const EntryRecord& entry);
  // Local fingerprints (local_tier.cc).
  absl::Status LoadLocal();
  absl::Status AddLocal(EntryNumber entry, std::string_view value);
  void UnindexList(ListNumber list);
  // Takes the rows from `first_row` from the entry that they were of.
  void RetireRows(EntryRecord entry, RowId first_row);
  void SetFacts(const EntryRecord& entry);  // of a new or changed entry, with its rows
  std::optional<JoinedHit> Join(RowId row, const ListTable& lists) const;

  // Checkpoints (catalog_checkpoint.cc).
  absl::Status SaveCheckpoint(const std::string& folder, uint64_t mark);
  absl::Status LoadCheckpoint(const Counters& counters, const LoadProgress& progress);
  absl::Status CheckFactsAndHideRows(std::span<const std::shared_ptr<const SealedIndex>> parts);
  absl::Status RestoreDigests(const CheckpointManifest& manifest, const std::string& path);
  absl::Status ApplyChangesSince(const CheckpointManifest& manifest, const Counters& counters);
  absl::Status AddByRow(std::span<const Pdq256> codes, std::span<const RowId> rows);
  bool IsIndexed(const EntryRecord& entry) const;
  absl::Status LeaveOutErased(LiveIndexRows* rows) const;

  absl::StatusOr<std::shared_ptr<const ListRecord>> OwnList(const Principal& caller,
                                                            std::string_view id,
                                                            bool or_deleted = false) const;
  // Lists of the caller's organisation, with those that the group being committed adds.
  size_t CountLists(const Principal& caller, const Changes& pending) const;
  // As OwnList(), for every caller that MayKnow() of it.
  absl::StatusOr<std::shared_ptr<const ListRecord>> KnownList(const Principal& caller,
                                                              std::string_view id,
                                                              bool or_deleted = false) const;
  absl::StatusOr<EntryNumber> EntryIn(const ListRecord& list, std::string_view entry_id) const;
  absl::Status Insert(PreparedUpload& upload, Transaction& transaction, Counters& counters,
                      Changes& changes);
  absl::Status Submit(UploadResult& result, Quota::Room& room, Transaction& transaction,
                      Counters& counters, Changes& changes);
  absl::Status SubmitAgain(EntryRecord existing, UploadResult& result, Transaction& transaction,
                           const Counters& counters, Changes& changes);
  absl::Status Apply(const ListSettings& settings, ListRecord& list) const;
  absl::StatusOr<EntryRecord> Prepare(const Principal& caller, const ListRecord& list,
                                      const NewEntry& entry) const;
  EntryRecord AsOfNow(EntryRecord entry) const;

  // Guards (guards.cc). nullptr among `entries` is passed over.
  absl::Status AddNotices(const ListRecord& list, std::span<UploadResult> results);
  absl::StatusOr<std::vector<Neighbour>> FindAllowed(std::span<const EntryRecord* const> entries,
                                                     int max_distance);
  // At most `max_distance` from `entries` (-1: only by digests), in lists that are `wanted`.
  absl::StatusOr<std::vector<Neighbour>> FindNeighbours(
      std::span<const EntryRecord* const> entries, int max_distance,
      const std::function<bool(const ListRecord&)>& wanted) const;
  absl::Status LoadQuota();
  Quota::Room RoomFor(const Principal& caller) const;

  // Transitions (transitions.cc).
  absl::Status Apply(const Principal& caller, const ListRecord* list, EntryAction action,
                     const Decision& decision, EntryRecord& entry, Transaction& transaction,
                     Counters& counters, Changes& changes);
  absl::StatusOr<bool> ExpireSome();
  absl::Status ExpireDue();
  EntryOutcome OutcomeOf(const Principal& caller, std::shared_ptr<const ListRecord> list,
                         EntryRecord entry) const;
  // Removes what files still hold of values that the database has overwritten.
  void ForgetErased();
  // What an erased entry has instead of its external reference, so that submitting it again is
  // recognised. Keyed: without the database's key it says nothing.
  std::string TombstoneReference(ListNumber list, std::string_view reference) const;
  absl::StatusOr<uint64_t> OpenPageToken(std::string_view token, std::string_view context) const;

  Store& store_;
  const Clock& clock_;
  const CatalogOptions options_;
  const Sealer sealer_;
  LiveIndex index_;
  DigestIndex digests_;
  LocalIndex local_;
  EntryTable table_;
  Published<ListTable> lists_;
  Releases releases_;
  AllowSet allowed_;
  Quota quota_;
  // Of the last publication; written by the front of the queue only, under publication_.
  EntryNumber last_entry_ = 0;
  RowId last_row_ = 0;
  std::mutex publication_;  // held while a commit is made visible
  std::mutex checkpoint_;   // held while a checkpoint is written
  std::atomic<uint64_t> rows_changed_{0};
  LoadReport load_report_;
  const Revision lost_after_;  // revisions between these two are of another future
  const Revision lost_before_;
  std::atomic<Revision> revision_;
  std::atomic<Revision> change_revision_;
  std::atomic<bool> incomplete_{false};
  std::atomic<uint64_t> expired_{0};
  std::atomic<bool> any_erased_{false};
  std::atomic<TimeUs> scrub_again_us_{0};  // not before; 0: nothing to scrub
  TimeUs settle_again_us_ = 0;             // not before; Maintain()'s own
  CommitQueue commits_;
};

}  // namespace vigie
