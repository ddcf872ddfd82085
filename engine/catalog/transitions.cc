// Catalog: what is done to an entry after it was submitted. One path for every action.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/digest.h"
#include "engine/catalog/catalog.h"
#include "engine/catalog/checkpoint.h"
#include "engine/catalog/entry_life.h"

namespace vigie {
namespace {

// Bounds how long uploads wait for a round of expiry. Matching goes by the clock and need not wait.
constexpr int kExpiriesARound = 500;
// Between two rounds, uploads that wait get their turn. Bounds how long the index waits for its.
constexpr int kExpiryRounds = 40;
constexpr TimeUs kScrubPauseUs = 10 * kSecondUs;
constexpr TimeUs kSettlePauseUs = 10 * kSecondUs;
constexpr int64_t kSettleRest = 50;  // times as long as settling took

absl::Status EntryNotFound() {
  return Error(absl::StatusCode::kNotFound, "ENTRY_NOT_FOUND", "the list has no such entry");
}

EventRecord EventOf(const EntryRecord& entry, EntryAction action, EntryState to) {
  return {.time_us = entry.updated_us,
          .kind = KindOf(action),
          .list = entry.list,
          .entry = entry.number,
          .last_entry = entry.number,
          .from = entry.state,
          .to = to,
          .revision = entry.revision};
}

void NoteDecider(const Principal& caller, const Decision& decision, EntryRecord& entry) {
  entry.last_decider = {.key_id = caller.key_id, .person = decision.person};
  if (entry.first_decider == Decider()) entry.first_decider = entry.last_decider;
  entry.decided_us = entry.updated_us;
}

// What `action`, which has just put `entry` into its state, says of its time and of who decided.
// `list` is needed to renew.
void SetOutcome(const Principal& caller, const ListRecord* list, EntryAction action,
                const Decision& decision, EntryRecord& entry) {
  switch (action) {
    case EntryAction::kConfirm:
    case EntryAction::kUphold:
      // What a court has submitted until it decides, and somebody else confirms, it has not
      // decided.
      entry.court_basis =
          caller.role == Role::kAuthority || (entry.court_basis && entry.expires_us == 0);
      entry.expires_us = 0;
      if (entry.suspension != Suspension::kNone) entry.suspension = Suspension::kCleared;
      NoteDecider(caller, decision, entry);
      break;
    case EntryAction::kSuspend:
      // Without a caller it is the match rate.
      entry.suspension = caller.key_id.empty() ? Suspension::kMatchRate : Suspension::kOperator;
      break;
    case EntryAction::kResume:
      entry.suspension = Suspension::kCleared;
      break;
    case EntryAction::kReject:
    case EntryAction::kReverse:
    case EntryAction::kRevoke:
      NoteDecider(caller, decision, entry);
      break;
    case EntryAction::kRenew:
      ++entry.renewals;
      entry.expires_us =
          std::max(entry.expires_us, ProvisionalUntil(entry.updated_us, list->provisional_hours));
      break;
    case EntryAction::kContest:
    case EntryAction::kWithdraw:
    case EntryAction::kExpire:
    case EntryAction::kErase:
      break;
  }
}

// What is left of an entry: number, list, state, times and, in the events, its history.
EntryRecord Husk(const EntryRecord& entry, std::string tombstone) {
  EntryRecord husk;
  husk.number = entry.number;
  husk.list = entry.list;
  husk.external_reference = std::move(tombstone);
  husk.state = entry.state;
  husk.reason_code = entry.reason_code;
  husk.created_us = entry.created_us;
  husk.updated_us = entry.updated_us;
  husk.revision = entry.revision;
  husk.first_row = entry.first_row;
  return husk;
}

}  // namespace

EventRecord EventBy(const Principal& caller, EventKind kind, TimeUs now, Revision revision) {
  return {.time_us = now,
          .kind = kind,
          .organisation = caller.organisation,
          .role = caller.role,
          .key_id = caller.key_id,
          .revision = revision};
}

std::string Catalog::TombstoneReference(ListNumber list, std::string_view reference) const {
  const auto digest =
      HmacSha256(store_.seal_key(), AsBytes(absl::StrCat("erased ", list, " ", ToAbsl(reference))));
  return absl::StrCat("erased-", ToBase32({digest.data(), 20}));
}

// Applies a legal action to `entry`, read from the database with its fingerprints. `entry` is
// then as the database holds it.
absl::Status Catalog::Apply(const Principal& caller, const ListRecord* list, EntryAction action,
                            const Decision& decision, EntryRecord& entry, Transaction& transaction,
                            Counters& counters, Changes& changes) {
  const bool revived = action == EntryAction::kRenew && entry.state == EntryState::kExpired;
  const EntryRecord before = entry;
  EntryState to = entry.state;
  VIGIE_ASSIGN_OR_RETURN(to, StateAfter(entry.state, action));
  // Suspending and resuming leave the state with its time and its reason.
  const bool same_state = action == EntryAction::kSuspend || action == EntryAction::kResume;
  if (!same_state) entry.updated_us = clock_.Now();
  entry.revision = counters.revision;
  EventRecord event = EventOf(entry, action, to);
  if (same_state) event.time_us = clock_.Now();
  event.organisation = caller.organisation;
  if (!caller.key_id.empty()) event.role = caller.role;
  event.key_id = caller.key_id;
  event.person = decision.person;
  event.reason = decision.reason;
  event.legal_basis = decision.legal_basis;
  event.case_reference = decision.case_reference;
  VIGIE_RETURN_IF_ERROR(transaction.AppendEvent(event));
  const auto owner = list != nullptr ? nullptr : lists_.Acquire()->ByNumber(entry.list);
  if (list == nullptr) list = owner.get();
  if (list != nullptr) {
    VIGIE_RETURN_IF_ERROR(transaction.AddToTally(list->organisation, event.kind, 1));
  }

  entry.state = to;
  if (!same_state) {
    entry.reason = decision.note;
    entry.reason_code = decision.reason;
  }
  if (!decision.legal_basis.empty()) entry.legal_basis = decision.legal_basis;
  if (!decision.case_reference.empty()) entry.case_reference = decision.case_reference;
  SetOutcome(caller, list, action, decision, entry);
  if (action == EntryAction::kErase) {
    any_erased_.store(true);
    changes.entries.push_back({.entry = entry});  // with its values, to take them from memory
    entry = Husk(entry, TombstoneReference(entry.list, entry.external_reference));
    return transaction.EraseEntry(entry);
  }
  if (revived) {
    // What left the index never comes back under its old rows.
    entry.first_row = counters.rows + 1;
    counters.rows += static_cast<RowId>(entry.fingerprints.size());
    changes.entries.push_back(
        {.entry = entry, .new_rows = true, .old_first_row = before.first_row});
  } else {
    changes.entries.push_back({.entry = entry});
  }
  return transaction.UpdateEntry(entry);
}

absl::StatusOr<EntryRecord> Catalog::Transition(const Principal& caller, std::string_view list_id,
                                                std::string_view entry_id, EntryAction action,
                                                const Decision& decision) {
  std::shared_ptr<const ListRecord> list;
  // A right that ends at one's own lists sees no others, whatever else the caller may know.
  // What a deleted list held is still there to be erased.
  const bool or_deleted = action == EntryAction::kErase;
  VIGIE_ASSIGN_OR_RETURN(list, ReachOf(caller.role, action) == Reach::kOwn
                                   ? OwnList(caller, list_id, or_deleted)
                                   : KnownList(caller, list_id, or_deleted));
  EntryNumber number = 0;
  VIGIE_ASSIGN_OR_RETURN(number, EntryIn(*list, entry_id));
  if (action == EntryAction::kRenew) {
    VIGIE_RETURN_IF_ERROR(CheckSubmission(caller, *list, clock_.Now()));
  }
  VIGIE_RETURN_IF_ERROR(CheckText("person", decision.person));
  VIGIE_RETURN_IF_ERROR(CheckText("note", decision.note));
  VIGIE_RETURN_IF_ERROR(CheckText("legal_basis", decision.legal_basis));
  VIGIE_RETURN_IF_ERROR(CheckText("case_reference", decision.case_reference));
  absl::StatusOr<EntryRecord> outcome = EntryNotFound();
  const CommitQueue::Mutation change = [&](Transaction& transaction, Counters& counters,
                                           Changes& changes) -> absl::Status {
    std::optional<EntryRecord> entry;
    VIGIE_ASSIGN_OR_RETURN(entry, transaction.FindEntry(number));
    if (!entry.has_value()) return absl::OkStatus();
    const EntryState stored = entry->state;
    *entry = AsOfNow(*std::move(entry));
    const bool again = action == EntryAction::kWithdraw && entry->state == EntryState::kWithdrawn &&
                       caller.organisation == list->organisation;
    const absl::Status legal =
        again ? absl::OkStatus() : CheckAction(caller, *list, *entry, action, decision);
    if (again || !legal.ok()) {
      outcome = again ? absl::StatusOr<EntryRecord>(*std::move(entry)) : legal;
      return absl::OkStatus();
    }
    if (UINT32_MAX - counters.rows < entry->fingerprints.size()) {
      outcome = Error(absl::StatusCode::kResourceExhausted, "CATALOG_FULL",
                      "this server holds as many entries as it can number");
      return absl::OkStatus();
    }
    if (entry->state != stored) {  // its time was over, and nobody had written it down yet
      entry->state = stored;
      const ReasonCode reason = ReasonOfExpiry(stored);
      VIGIE_RETURN_IF_ERROR(Apply({}, list.get(), EntryAction::kExpire, {.reason = reason}, *entry,
                                  transaction, counters, changes));
    }
    VIGIE_RETURN_IF_ERROR(
        Apply(caller, list.get(), action, decision, *entry, transaction, counters, changes));
    outcome = *std::move(entry);
    return absl::OkStatus();
  };
  VIGIE_RETURN_IF_ERROR(commits_.Commit(change).status());
  if (outcome.ok() && action == EntryAction::kErase) ForgetErased();
  // A value is for its owner alone.
  if (outcome.ok() && caller.organisation != list->organisation) {
    outcome->fingerprints.clear();
    outcome->local.clear();
  }
  return outcome;
}

void Catalog::ForgetErased() {
  if (!options_.checkpoint_folder.empty()) {
    const std::lock_guard no_checkpoint_is_written(checkpoint_);
    RemoveOtherCheckpoints(options_.checkpoint_folder, 0);
  }
  const auto scrubbed = store_.ScrubLog();
  if (!scrubbed.ok() || !*scrubbed) scrub_again_us_.store(clock_.Now() + kScrubPauseUs);
}

// One round. False: nothing was due any more.
absl::StatusOr<bool> Catalog::ExpireSome() {
  std::vector<EntryNumber> due;
  VIGIE_ASSIGN_OR_RETURN(due, store_.ReadDue(clock_.Now(), kExpiriesARound));
  if (due.empty()) return false;
  const CommitQueue::Mutation expire = [&](Transaction& transaction, Counters& counters,
                                           Changes& changes) -> absl::Status {
    for (const EntryNumber number : due) {
      std::optional<EntryRecord> entry;
      VIGIE_ASSIGN_OR_RETURN(entry, transaction.FindEntry(number));
      if (!entry.has_value() || AsOfNow(*entry).state == entry->state) continue;
      VIGIE_RETURN_IF_ERROR(Apply({}, nullptr, EntryAction::kExpire,
                                  {.reason = ReasonOfExpiry(entry->state)}, *entry, transaction,
                                  counters, changes));
    }
    return absl::OkStatus();
  };
  VIGIE_RETURN_IF_ERROR(commits_.Commit(expire).status());
  expired_ += due.size();
  return due.size() == kExpiriesARound;
}

absl::Status Catalog::ExpireDue() {
  bool more = true;
  for (int round = 0; round < kExpiryRounds && more; ++round) {
    VIGIE_ASSIGN_OR_RETURN(more, ExpireSome());
  }
  return absl::OkStatus();
}

absl::Status Catalog::Maintain() {
  const absl::Status expired = ExpireDue();
  if (const TimeUs scrub = scrub_again_us_.load(); scrub != 0 && scrub <= clock_.Now()) {
    const auto scrubbed = store_.ScrubLog();
    scrub_again_us_.store(scrubbed.ok() && *scrubbed ? 0 : clock_.Now() + kScrubPauseUs);
  }
  // The smallest first: a merge of the large one may take minutes.
  absl::Status status = local_.Maintain();
  status.Update(allowed_.Maintain());
  status.Update(index_.Maintain());
  status.Update(SettleInTime());
  status.Update(expired);
  return status;
}

absl::Status Catalog::SettleInTime() {
  const TimeUs begin = clock_.Now();
  if (begin < settle_again_us_) return absl::OkStatus();
  const absl::Status status = index_.Settle();
  const TimeUs end = clock_.Now();
  settle_again_us_ = end + std::max(kSettlePauseUs, kSettleRest * (end - begin));
  return status;
}

}  // namespace vigie
