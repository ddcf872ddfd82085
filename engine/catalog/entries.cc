// Catalog: entries.
#include <algorithm>
#include <ctime>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/digest.h"
#include "engine/catalog/catalog.h"
#include "engine/catalog/dry_run.h"
#include "engine/catalog/entry_life.h"
#include "engine/catalog/entry_rules.h"

namespace vigie {
namespace {

absl::Status Invalid(std::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, "ENTRY_INVALID", message);
}

absl::Status EntryNotFound() {
  return Error(absl::StatusCode::kNotFound, "ENTRY_NOT_FOUND", "the list has no such entry");
}

// A name for an entry that came without one, so that submitting it again is still recognised.
// Keyed: without the database's key it says nothing about the hashes.
std::string DeriveReference(const std::array<uint8_t, 16>& key,
                            const std::vector<Fingerprint>& fingerprints) {
  std::string all;
  for (const Fingerprint& fingerprint : fingerprints) {
    all += static_cast<char>(fingerprint.algorithm);
    all += fingerprint.value;
  }
  const auto digest = HmacSha256(key, AsBytes(all));
  return absl::StrCat("auto-", ToBase32({digest.data(), 15}));
}

absl::Status CheckFingerprints(const std::vector<Fingerprint>& fingerprints, int min_quality) {
  if (fingerprints.empty() || fingerprints.size() > kMaxFingerprints) {
    return Invalid(absl::StrCat("an entry has 1 to ", kMaxFingerprints, " fingerprints"));
  }
  for (const Fingerprint& fingerprint : fingerprints) {
    VIGIE_RETURN_IF_ERROR(Validate(fingerprint));
    if (fingerprint.algorithm == Algorithm::kPdq && fingerprint.quality < min_quality) {
      return Error(absl::StatusCode::kInvalidArgument, "QUALITY_TOO_LOW",
                   absl::StrCat("quality ", fingerprint.quality, " is below ", min_quality,
                                ": a picture with so few features would match unrelated ones"));
    }
  }
  return absl::OkStatus();
}

absl::Status LocalTierOff() {
  return Error(absl::StatusCode::kFailedPrecondition, "LOCAL_TIER_OFF",
               "this list takes no local fingerprints: set its field local, or leave them out");
}

absl::Status CheckLocal(const std::string& value, const ListRecord& list) {
  if (value.empty()) return absl::OkStatus();
  if (!list.local) return LocalTierOff();
  LocalFingerprint local;
  VIGIE_ASSIGN_OR_RETURN(local, DecodeLocal(value));
  if (local.keypoints.size() > kKnownKeypoints) {
    return Error(
        absl::StatusCode::kInvalidArgument, "HASH_MALFORMED",
        absl::StrCat("the local fingerprint of an entry has at most ", kKnownKeypoints, " places"));
  }
  if (local.keypoints.size() < kMinInliers) {
    return Error(absl::StatusCode::kInvalidArgument, "QUALITY_TOO_LOW",
                 absl::StrCat("a local fingerprint with less than ", kMinInliers,
                              " places matches nothing: leave it out"));
  }
  return absl::OkStatus();
}

absl::Status QuotaExceeded(TimeUs again_us) {
  const std::time_t seconds = again_us / kSecondUs;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return Error(absl::StatusCode::kResourceExhausted, "QUOTA_EXCEEDED",
               absl::StrCat("your organisation has submitted what it may within 24 hours; there is "
                            "room again at ",
                            text));
}

// The same values in the same order. Quality and profile are how somebody computed them: another
// implementation may differ there on the same picture.
bool SameValues(const std::vector<Fingerprint>& a, const std::vector<Fingerprint>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Fingerprint& x, const Fingerprint& y) {
                      return x.algorithm == y.algorithm && x.value == y.value;
                    });
}

// The event of a run of new entries, then one for each run of those among them that an ALLOW list
// speaks against.
absl::Status AppendRun(EventRecord& run, std::vector<EventRecord>& conflicts,
                       Transaction& transaction) {
  VIGIE_RETURN_IF_ERROR(transaction.AppendEvent(run));
  for (EventRecord& conflict : conflicts) {
    VIGIE_RETURN_IF_ERROR(transaction.AppendEvent(conflict));
  }
  conflicts.clear();
  return absl::OkStatus();
}

void AddConflict(const EventRecord& run, EntryNumber entry, std::vector<EventRecord>* conflicts) {
  if (!conflicts->empty() && conflicts->back().last_entry + 1 == entry) {
    conflicts->back().last_entry = entry;
    return;
  }
  conflicts->push_back(run);
  conflicts->back().kind = EventKind::kAllowConflict;
  conflicts->back().entry = conflicts->back().last_entry = entry;
}

// One event for each run of entries that gained their local fingerprints.
absl::Status AppendLocalAdditions(const Principal& caller, std::span<const UploadResult> results,
                                  TimeUs now, Transaction& transaction) {
  std::optional<EventRecord> run;
  for (const UploadResult& result : results) {
    if (!result.local_added) continue;
    const EntryRecord& entry = result.entry;
    if (run.has_value() && run->last_entry + 1 == entry.number && run->to == entry.state &&
        run->legal_basis == entry.legal_basis && run->case_reference == entry.case_reference) {
      run->last_entry = entry.number;
      continue;
    }
    if (run.has_value()) VIGIE_RETURN_IF_ERROR(transaction.AppendEvent(*run));
    run = EventBy(caller, EventKind::kLocalAdded, now, entry.revision);
    run->list = entry.list;
    run->entry = run->last_entry = entry.number;
    run->from = run->to = entry.state;
    run->legal_basis = entry.legal_basis;
    run->case_reference = entry.case_reference;
  }
  return run.has_value() ? transaction.AppendEvent(*run) : absl::OkStatus();
}

// One event for each run of new entries with one state, basis and case: usually one an upload, so
// that 1000 entries cost one event.
absl::Status AppendSubmissions(const Principal& caller, std::span<const UploadResult> results,
                               Transaction& transaction) {
  std::optional<EventRecord> run;
  std::vector<EventRecord> conflicts;
  for (const UploadResult& result : results) {
    const EntryRecord& entry = result.entry;
    if (!result.status.ok() || !result.created) continue;
    if (run.has_value() && run->to == entry.state && run->legal_basis == entry.legal_basis &&
        run->case_reference == entry.case_reference) {
      run->last_entry = entry.number;  // numbers are given one after the other
    } else {
      if (run.has_value()) VIGIE_RETURN_IF_ERROR(AppendRun(*run, conflicts, transaction));
      run = EventBy(caller, EventKind::kEntrySubmitted, entry.created_us, entry.revision);
      run->list = entry.list;
      run->entry = run->last_entry = entry.number;
      run->to = entry.state;
      run->legal_basis = entry.legal_basis;
      run->case_reference = entry.case_reference;
    }
    if (HasConflict(result)) AddConflict(*run, entry.number, &conflicts);
  }
  return run.has_value() ? AppendRun(*run, conflicts, transaction) : absl::OkStatus();
}

}  // namespace

absl::StatusOr<EntryRecord> Catalog::Prepare(const Principal& caller, const ListRecord& list,
                                             const NewEntry& entry) const {
  const TimeUs now = clock_.Now();
  VIGIE_RETURN_IF_ERROR(CheckSubmission(caller, list, now));
  VIGIE_RETURN_IF_ERROR(CheckText("external_reference", entry.external_reference));
  VIGIE_RETURN_IF_ERROR(CheckText("jurisdiction", entry.jurisdiction));
  VIGIE_RETURN_IF_ERROR(CheckText("legal_basis", entry.legal_basis));
  VIGIE_RETURN_IF_ERROR(CheckText("case_reference", entry.case_reference));
  VIGIE_RETURN_IF_ERROR(CheckFingerprints(entry.fingerprints, options_.min_quality));
  VIGIE_RETURN_IF_ERROR(CheckLocal(entry.local, list));
  EntryRecord record;
  VIGIE_ASSIGN_OR_RETURN(record.state, InitialState(caller.role, list.kind));
  const bool of_court = caller.role == Role::kAuthority && list.kind == ListKind::kBlock;
  if (entry.until_decided && !of_court) {
    return Invalid("until_decided is for an authority's entries of BLOCK lists");
  }
  if (entry.until_decided) record.state = EntryState::kProvisional;
  if (of_court) {
    if (entry.case_reference.empty()) {
      return Error(absl::StatusCode::kInvalidArgument, "CASE_REFERENCE_REQUIRED",
                   "an authority's entry names its case");
    }
    record.court_basis = true;
  }
  record.created_us = record.updated_us = now;
  if (record.state == EntryState::kProvisional) {
    record.expires_us = ProvisionalUntil(record.created_us, list.provisional_hours);
  }
  record.list = list.number;
  record.external_reference = entry.external_reference.empty()
                                  ? DeriveReference(store_.seal_key(), entry.fingerprints)
                                  : entry.external_reference;
  record.subject = entry.subject;
  record.jurisdiction = entry.jurisdiction;
  record.legal_basis = entry.legal_basis;
  record.case_reference = entry.case_reference;
  record.submitter = caller.key_id;
  record.fingerprints = entry.fingerprints;
  record.local = entry.local;
  return record;
}

// The entry is there and stays as it is: a re-import never revives what was withdrawn. But one that
// came without a local fingerprint gains that of `result`, as long as it is what this submission
// would have made of it: what somebody else decided, he decided about the picture that he saw.
absl::Status Catalog::SubmitAgain(EntryRecord existing, UploadResult& result,
                                  Transaction& transaction, const Counters& counters,
                                  Changes& changes) {
  const EntryRecord submitted = std::exchange(result.entry, std::move(existing));
  EntryRecord& entry = result.entry;
  const bool same_case = entry.court_basis == submitted.court_basis &&
                         (!entry.court_basis || entry.case_reference == submitted.case_reference);
  const bool alike = AsOfNow(entry).state == submitted.state && same_case &&
                     entry.decided_us == 0 && entry.suspension == Suspension::kNone;
  if (submitted.local.empty() || !entry.local.empty() || !alike) return absl::OkStatus();
  entry.local = submitted.local;
  entry.revision = counters.revision;
  VIGIE_RETURN_IF_ERROR(transaction.UpdateEntry(entry));
  VIGIE_RETURN_IF_ERROR(transaction.AddLocal(entry));
  result.local_added = true;
  changes.entries.push_back({.entry = entry, .new_local = true});
  return absl::OkStatus();
}

// One prepared entry, inside a commit. An error is the database's; what is wrong with the entry
// goes into `result`.
absl::Status Catalog::Submit(UploadResult& result, Quota::Room& room, Transaction& transaction,
                             Counters& counters, Changes& changes) {
  EntryRecord& entry = result.entry;
  std::optional<EntryRecord> existing;
  VIGIE_ASSIGN_OR_RETURN(existing, transaction.FindEntry(entry.list, entry.external_reference));
  if (!existing.has_value() && any_erased_.load()) {
    VIGIE_ASSIGN_OR_RETURN(
        existing, transaction.FindEntry(entry.list,
                                        TombstoneReference(entry.list, entry.external_reference)));
  }
  if (existing.has_value() && existing->state != EntryState::kErased &&
      !SameValues(existing->fingerprints, entry.fingerprints)) {
    result.status = Error(absl::StatusCode::kAlreadyExists, "EXTERNAL_REFERENCE_CONFLICT",
                          "another picture has this external_reference in this list");
    return absl::OkStatus();
  }
  if (existing.has_value()) {
    return SubmitAgain(*std::move(existing), result, transaction, counters, changes);
  }
  if (counters.entries == UINT32_MAX || UINT32_MAX - counters.rows < entry.fingerprints.size()) {
    result.status = Error(absl::StatusCode::kResourceExhausted, "CATALOG_FULL",
                          "this server holds as many entries as it can number");
    return absl::OkStatus();
  }
  if (room.entries <= 0) {
    result.status = QuotaExceeded(room.again_us);
    return absl::OkStatus();
  }
  --room.entries;
  entry.number = ++counters.entries;
  entry.first_row = counters.rows + 1;
  counters.rows += static_cast<RowId>(entry.fingerprints.size());
  entry.revision = counters.revision;
  VIGIE_RETURN_IF_ERROR(transaction.InsertEntry(entry));
  result.created = true;
  changes.entries.push_back({.entry = entry, .new_rows = true});
  return absl::OkStatus();
}

absl::StatusOr<PreparedUpload> Catalog::PrepareUpload(const Principal& caller,
                                                      std::string_view list_id,
                                                      std::span<const NewEntry> entries,
                                                      bool validate_only) {
  std::shared_ptr<const ListRecord> list;
  VIGIE_ASSIGN_OR_RETURN(list, OwnList(caller, list_id));
  PreparedUpload upload{.caller = caller,
                        .list_id = std::string(list_id),
                        .validate_only = validate_only,
                        .received_us = clock_.Now(),
                        .counted = 0,
                        .last_entry = 0,
                        .status = {},
                        .outcome = {}};
  upload.outcome.results.resize(entries.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    auto prepared = Prepare(caller, *list, entries[i]);
    UploadResult& result = upload.outcome.results[i];
    result.status = prepared.status();
    if (prepared.ok()) result.entry = *std::move(prepared);
  }
  VIGIE_RETURN_IF_ERROR(AddNotices(*list, upload.outcome.results));
  return upload;
}

// Inside a commit. An error is the database's; a refusal goes into upload.status.
absl::Status Catalog::Insert(PreparedUpload& upload, Transaction& transaction, Counters& counters,
                             Changes& changes) {
  std::optional<ListRecord> now;
  VIGIE_ASSIGN_OR_RETURN(now, transaction.FindList(upload.list_id));
  if (!now.has_value() || now->deleted_us != 0) {
    upload.status = Error(absl::StatusCode::kNotFound, "LIST_NOT_FOUND", "the list was deleted");
    return absl::OkStatus();
  }
  Quota::Room room = RoomFor(upload.caller);
  const EntryNumber before = counters.entries;
  for (UploadResult& result : upload.outcome.results) {
    // The list may have opted out since it was prepared.
    if (result.status.ok() && !now->local && !result.entry.local.empty()) {
      result.status = LocalTierOff();
    }
    if (!result.status.ok()) continue;
    VIGIE_RETURN_IF_ERROR(Submit(result, room, transaction, counters, changes));
  }
  const int64_t created = int64_t{counters.entries} - before;
  if (!upload.validate_only) {
    // Counted here, so that no other upload can take the same room.
    upload.counted = created;
    quota_.Count(upload.caller.organisation, created, upload.received_us);
  }
  if (created > 0) {
    VIGIE_RETURN_IF_ERROR(
        transaction.AddToTally(upload.caller.organisation, EventKind::kEntrySubmitted, created));
  }
  // First: an entry may be made and gain its local fingerprint in one message.
  VIGIE_RETURN_IF_ERROR(AppendSubmissions(upload.caller, upload.outcome.results, transaction));
  return AppendLocalAdditions(upload.caller, upload.outcome.results, upload.received_us,
                              transaction);
}

void Catalog::CommitUploads(std::span<PreparedUpload* const> uploads) {
  const CommitQueue::Mutation insert = [&](Transaction& transaction, Counters& counters,
                                           Changes& changes) -> absl::Status {
    bool refused = false;
    for (PreparedUpload* upload : uploads) {
      if (refused) {
        upload->status = absl::CancelledError("the upload before it was refused");
        continue;
      }
      upload->last_entry = counters.entries;
      if (upload->validate_only) {
        DryRun dry(transaction);
        Counters next = counters;
        Changes none;
        VIGIE_RETURN_IF_ERROR(Insert(*upload, dry, next, none));
      } else {
        VIGIE_RETURN_IF_ERROR(Insert(*upload, transaction, counters, changes));
      }
      refused = !upload->status.ok();
    }
    return absl::OkStatus();
  };
  const absl::StatusOr<Revision> revision = commits_.Commit(insert);
  for (PreparedUpload* upload : uploads) {
    if (!revision.ok()) {
      quota_.Count(upload->caller.organisation, -upload->counted, upload->received_us);
      upload->status = revision.status();
    }
    if (!upload->status.ok()) continue;
    upload->outcome.revision = *revision;
    for (UploadResult& result : upload->outcome.results) {
      if (!result.created || !result.status.ok()) result.notices.clear();
      // Also of one that this very message would have created before.
      const bool imagined = upload->validate_only && result.entry.number > upload->last_entry;
      if (imagined) result.entry.number = 0;
      result.entry.state = StateAt(result.entry.state, result.entry.expires_us, clock_.Now());
    }
  }
}

absl::StatusOr<UploadOutcome> Catalog::Upload(const Principal& caller, std::string_view list_id,
                                              std::span<const NewEntry> entries,
                                              bool validate_only) {
  PreparedUpload upload;
  VIGIE_ASSIGN_OR_RETURN(upload, PrepareUpload(caller, list_id, entries, validate_only));
  PreparedUpload* const uploads[] = {&upload};
  CommitUploads(uploads);
  if (!upload.status.ok()) return upload.status;
  return std::move(upload.outcome);
}

EntryRecord Catalog::AsOfNow(EntryRecord entry) const {
  const EntryState state = StateAt(entry.state, entry.expires_us, clock_.Now());
  if (state != entry.state) entry.reason_code = ReasonOfExpiry(entry.state);
  entry.state = state;
  return entry;
}

absl::StatusOr<EntryNumber> Catalog::EntryIn(const ListRecord& list,
                                             std::string_view entry_id) const {
  const auto number = sealer_.Open(entry_id, "entry");
  if (!number.has_value()) return EntryNotFound();
  std::optional<EntryRecord> entry;
  VIGIE_ASSIGN_OR_RETURN(entry, store_.ReadEntry(static_cast<EntryNumber>(*number)));
  if (!entry.has_value() || entry->list != list.number) return EntryNotFound();
  return entry->number;
}

absl::StatusOr<EntryRecord> Catalog::GetEntry(const Principal& caller, std::string_view list_id,
                                              std::string_view entry_id) const {
  std::shared_ptr<const ListRecord> list;
  VIGIE_ASSIGN_OR_RETURN(list, OwnList(caller, list_id));
  EntryNumber number = 0;
  VIGIE_ASSIGN_OR_RETURN(number, EntryIn(*list, entry_id));
  std::optional<EntryRecord> entry;
  VIGIE_ASSIGN_OR_RETURN(entry, store_.ReadEntry(number));
  if (!entry.has_value()) return EntryNotFound();
  return AsOfNow(*std::move(entry));
}

absl::StatusOr<Page<EntryRecord>> Catalog::ListEntries(const Principal& caller,
                                                       std::string_view list_id, int page_size,
                                                       std::string_view page_token) const {
  std::shared_ptr<const ListRecord> list;
  VIGIE_ASSIGN_OR_RETURN(list, OwnList(caller, list_id));
  const std::string context = absl::StrCat("entries of ", list->id);
  page_size = std::clamp(page_size, 1, kMaxPageSize);
  uint64_t after = 0;
  VIGIE_ASSIGN_OR_RETURN(after, OpenPageToken(page_token, context));
  Page<EntryRecord> page;
  VIGIE_ASSIGN_OR_RETURN(
      page.items, store_.ReadEntries(list->number, static_cast<EntryNumber>(after), page_size + 1));
  if (page.items.size() > static_cast<size_t>(page_size)) {
    page.items.pop_back();
    page.next_page_token = sealer_.Seal(page.items.back().number, context);
  }
  for (EntryRecord& entry : page.items) entry = AsOfNow(std::move(entry));
  return page;
}

}  // namespace vigie
