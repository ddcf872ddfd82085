// Catalog: what verdicts said of entries, what platforms said of verdicts, and what of both is told
// to whom.
#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/digest.h"
#include "engine/catalog/catalog.h"
#include "engine/catalog/entry_life.h"

namespace vigie {
namespace {

// Bounds one answer of ReadChanges().
constexpr int kChangesAPage = 5000;

// A suspension protects from a list that matches what it should not. A court's order stands.
bool MaySuspend(const EntryRecord& entry) {
  return Acts(entry.state) && entry.suspension == Suspension::kNone &&
         !(entry.state == EntryState::kConfirmed && entry.court_basis);
}

}  // namespace

UploadId Catalog::UploadIdOf(std::string_view values) const {
  const auto digest =
      HmacSha256(store_.seal_key(), AsBytes(absl::StrCat("upload ", ToAbsl(values))));
  UploadId id{};
  std::copy_n(digest.begin(), id.size(), id.begin());
  return id;
}

std::array<uint8_t, 8> Catalog::ProofOf(std::string_view organisation,
                                        const UploadId& upload) const {
  const std::string_view id(reinterpret_cast<const char*>(upload.data()), upload.size());
  const auto digest = HmacSha256(
      store_.seal_key(), AsBytes(absl::StrCat("told ", ToAbsl(organisation), " ", ToAbsl(id))));
  std::array<uint8_t, 8> proof{};
  std::copy_n(digest.begin(), proof.size(), proof.begin());
  return proof;
}

std::string Catalog::SealUpload(std::string_view organisation, const UploadId& upload) const {
  std::vector<uint8_t> bytes(upload.begin(), upload.end());
  const auto proof = ProofOf(organisation, upload);
  bytes.insert(bytes.end(), proof.begin(), proof.end());
  return ToBase32(bytes);
}

std::optional<UploadId> Catalog::OpenUpload(std::string_view organisation,
                                            std::string_view text) const {
  UploadId upload{};
  const auto bytes = FromBase32(text);
  const size_t proof_size = ProofOf(organisation, upload).size();
  if (!bytes.has_value() || bytes->size() != upload.size() + proof_size) return std::nullopt;
  std::copy_n(bytes->begin(), upload.size(), upload.begin());
  const auto proof = ProofOf(organisation, upload);
  const std::string_view given = std::string_view(*bytes).substr(upload.size());
  if (!EqualInConstantTime(proof, AsBytes(given))) return std::nullopt;
  return upload;
}

absl::Status Catalog::RecordVerdicts(const VerdictBatch& batch,
                                     std::span<const EntryNumber> too_many) {
  const CommitQueue::Mutation record = [&](Transaction& transaction, Counters& counters,
                                           Changes& changes) -> absl::Status {
    changes.recorded = true;
    VIGIE_RETURN_IF_ERROR(transaction.RecordVerdicts(batch, counters.revision));
    for (const VerdictRecord& verdict : batch.verdicts) {
      changes.late = changes.late || verdict.revision < change_revision_.load();
      for (const VerdictMatch& match : verdict.matches) {
        if (!match.action.has_value()) continue;
        EventRecord event{.time_us = verdict.time_us,
                          .kind = KindOf(*match.action),
                          .list = match.list,
                          .entry = match.entry,
                          .last_entry = match.entry,
                          .to = match.state,
                          .organisation = verdict.organisation,
                          .role = Role::kPlatform,
                          .key_id = verdict.key_id,
                          .revision = counters.revision};
        VIGIE_RETURN_IF_ERROR(transaction.AppendEvent(event));
      }
    }
    for (const EntryNumber number : too_many) {
      std::optional<EntryRecord> entry;
      VIGIE_ASSIGN_OR_RETURN(entry, transaction.FindEntry(number));
      if (!entry.has_value() || AsOfNow(*entry).state != entry->state || !MaySuspend(*entry)) {
        continue;
      }
      VIGIE_RETURN_IF_ERROR(Apply({}, nullptr, EntryAction::kSuspend,
                                  {.reason = ReasonCode::kTooManyMatches}, *entry, transaction,
                                  counters, changes));
    }
    return absl::OkStatus();
  };
  return commits_.Commit(record).status();
}

absl::Status Catalog::GiveFeedback(const Principal& caller, std::string_view list_id,
                                   std::string_view entry_id, std::string_view upload_text,
                                   bool correct, bool release) {
  std::shared_ptr<const ListRecord> list;
  VIGIE_ASSIGN_OR_RETURN(list, KnownList(caller, list_id));
  EntryNumber number = 0;
  VIGIE_ASSIGN_OR_RETURN(number, EntryIn(*list, entry_id));
  const auto upload = OpenUpload(caller.organisation, upload_text);
  if (!upload.has_value()) {
    return Error(absl::StatusCode::kInvalidArgument, "FEEDBACK_INVALID",
                 "upload is that of a verdict that was given to you, as it was sent");
  }
  if (correct && release) {
    return Error(absl::StatusCode::kInvalidArgument, "FEEDBACK_INVALID",
                 "only a false positive is released");
  }
  const FeedbackRecord feedback{.entry = number,
                                .organisation = caller.organisation,
                                .upload = *upload,
                                .correct = correct,
                                .released = release,
                                .time_us = clock_.Now()};
  bool sighted = false;
  const CommitQueue::Mutation note = [&](Transaction& transaction, Counters& counters,
                                         Changes& changes) -> absl::Status {
    VIGIE_ASSIGN_OR_RETURN(sighted, transaction.IsSighted(number, caller.organisation));
    if (!sighted) return absl::OkStatus();
    changes.recorded = true;
    std::optional<FeedbackRecord> before;
    VIGIE_ASSIGN_OR_RETURN(before, transaction.SetFeedback(feedback));
    changes.feedback.push_back(feedback);
    // Saying the same again counts once; saying otherwise takes the first back.
    if (before.has_value() && before->correct == correct) return absl::OkStatus();
    const auto kind_of = [](bool right) {
      return right ? EventKind::kFeedbackTrue : EventKind::kFeedbackFalse;
    };
    if (before.has_value()) {
      VIGIE_RETURN_IF_ERROR(
          transaction.AddToTally(list->organisation, kind_of(before->correct), -1));
    }
    VIGIE_RETURN_IF_ERROR(transaction.AddToTally(list->organisation, kind_of(correct), 1));
    EventRecord event = EventBy(caller, kind_of(correct), feedback.time_us, counters.revision);
    event.list = list->number;
    event.entry = event.last_entry = number;
    return transaction.AppendEvent(event);
  };
  VIGIE_RETURN_IF_ERROR(commits_.Commit(note).status());
  if (!sighted) {
    return Error(absl::StatusCode::kFailedPrecondition, "NOT_MATCHED",
                 "no verdict of yours has named this entry");
  }
  return absl::OkStatus();
}

bool Catalog::IsReleased(EntryNumber entry, const std::string& organisation,
                         const UploadId& upload) const {
  return releases_.Contains(entry, organisation, upload);
}

absl::Status Catalog::LoadReleases() {
  std::vector<FeedbackRecord> released;
  VIGIE_ASSIGN_OR_RETURN(released, store_.verdicts().ReadReleases());
  for (const FeedbackRecord& feedback : released) releases_.Set(feedback);
  return absl::OkStatus();
}

absl::StatusOr<ChangePage> Catalog::ReadChanges(const Principal& caller, Revision after) const {
  ChangePage page;
  page.revision = revision();
  if (after > page.revision || (after > lost_after_ && after < lost_before_)) {
    // Of a database that went another way, as one restored from a backup has.
    return Error(absl::StatusCode::kInvalidArgument, "REVISION_UNKNOWN",
                 "this server has not had that revision: begin again from 0");
  }
  if (after == page.revision) return page;
  std::optional<Revision> full;
  VIGIE_ASSIGN_OR_RETURN(full, store_.verdicts().ReadRevisionOfChange(after, kChangesAPage));
  if (full.has_value()) page.revision = std::min(page.revision, *full);
  std::vector<SightedChange> changes;
  VIGIE_ASSIGN_OR_RETURN(changes,
                         store_.verdicts().ReadChanges(caller.organisation, after, page.revision));
  const auto lists = lists_.Acquire();
  for (const SightedChange& change : changes) {
    const EntryFacts facts = table_.Entry(change.entry);
    const auto list = lists->ByNumber(facts.list);
    if (list == nullptr) continue;
    page.changes.push_back({.entry = change.entry,
                            .list = list,
                            .state = StateAt(facts.state, facts.expires_us, clock_.Now()),
                            .suspension = facts.suspension,
                            .acts = list->deleted_us == 0 && ActsFor(*list, caller.organisation),
                            .reason = change.reason,
                            .time_us = change.time_us});
    page.changes.back().acts = page.changes.back().acts && Acts(page.changes.back().state);
  }
  return page;
}

absl::StatusOr<SubmitterRecord> Catalog::GetSubmitterRecord(const Principal& caller,
                                                            std::string_view organisation) const {
  const bool of_all = caller.role == Role::kReviewer || caller.role == Role::kAuthority ||
                      caller.role == Role::kAuditor || caller.role == Role::kOperator;
  SubmitterRecord record;
  std::vector<Tally> tallies;
  if (of_all || caller.organisation == organisation) {
    VIGIE_ASSIGN_OR_RETURN(tallies, store_.verdicts().ReadTallies(organisation));
  }
  if (tallies.empty()) {
    return Error(absl::StatusCode::kNotFound, "ORGANISATION_NOT_FOUND",
                 "no submissions of this organisation are known");
  }
  for (const Tally& tally : tallies) {
    switch (tally.kind) {
      case EventKind::kEntrySubmitted:
        record.submitted = tally.entries;
        break;
      case EventKind::kEntryConfirmed:
      case EventKind::kEntryUpheld:
        record.found_right += tally.entries;
        break;
      case EventKind::kEntryRejected:
      case EventKind::kEntryReversed:
      case EventKind::kEntryRevoked:
        record.found_wrong += tally.entries;
        break;
      case EventKind::kEntryWithdrawn:
        record.withdrawn = tally.entries;
        break;
      case EventKind::kEntryExpired:
        record.expired = tally.entries;
        break;
      case EventKind::kFeedbackTrue:
        record.true_positives = tally.entries;
        break;
      case EventKind::kFeedbackFalse:
        record.false_positives = tally.entries;
        break;
      default:
        break;
    }
  }
  return record;
}

}  // namespace vigie
