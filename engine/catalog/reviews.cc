// Catalog: what is to be decided, and what became of it.
#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/catalog/canary.h"
#include "engine/catalog/catalog.h"
#include "engine/catalog/entry_life.h"

namespace vigie {
namespace {

// Bounds the work of one page when a filter leaves most entries out.
constexpr int kChunk = 500;
constexpr int kChunksAPage = 20;
constexpr size_t kTokenSize = 26;  // of one sealed number

TimeUs DeadlineOf(const EntryRecord& entry) {
  if (entry.state == EntryState::kProvisional) return entry.expires_us;
  if (entry.state != EntryState::kContested) return 0;
  return entry.expires_us != 0 ? entry.expires_us : entry.updated_us + kReviewUs;
}

// Whoever ended or confirmed it first has decided; contesting and prolonging is no decision.
DecisionClock ClockOf(const EntryRecord& entry, const std::vector<EventRecord>& history,
                      TimeUs now) {
  TimeUs decided = 0;
  for (const EventRecord& event : history) {
    switch (event.kind) {
      case EventKind::kEntryConfirmed:
      case EventKind::kEntryRejected:
      case EventKind::kEntryUpheld:
      case EventKind::kEntryReversed:
      case EventKind::kEntryWithdrawn:
      case EventKind::kEntryRevoked:
      case EventKind::kEntryErased:
        if (decided == 0) decided = event.time_us;
        break;
      default:
        break;
    }
    // An authority's submission is its decision.
    const bool decided_at_once =
        event.kind == EventKind::kEntrySubmitted && event.to == EntryState::kConfirmed;
    if (decided_at_once && decided == 0) decided = event.time_us;
  }
  const TimeUs due = entry.created_us + kDecisionUs;
  if (decided == 0) return now <= due ? DecisionClock::kRunning : DecisionClock::kMissed;
  return decided <= due ? DecisionClock::kKept : DecisionClock::kMissed;
}

bool IsAskedFor(const ReviewFilter& filter, const EntryOutcome& outcome) {
  return (filter.list.empty() || filter.list == outcome.list->id) &&
         (!filter.category.has_value() || *filter.category == outcome.list->category) &&
         (!filter.state.has_value() || *filter.state == outcome.entry.state);
}

}  // namespace

EntryOutcome Catalog::OutcomeOf(const Principal& caller, std::shared_ptr<const ListRecord> list,
                                EntryRecord entry) const {
  EntryOutcome outcome{.entry = AsOfNow(std::move(entry)), .list = std::move(list)};
  outcome.entry.fingerprints.clear();
  outcome.deadline_us = DeadlineOf(outcome.entry);
  outcome.in_full = caller.organisation == outcome.list->organisation ||
                    caller.role == Role::kReviewer || caller.role == Role::kAuthority;
  return outcome;
}

absl::StatusOr<Page<EntryOutcome>> Catalog::ListReviews(const Principal& caller,
                                                        const ReviewFilter& filter, int page_size,
                                                        std::string_view page_token) const {
  const std::string context = "reviews";
  const size_t cut = std::min(page_token.size(), kTokenSize);
  uint64_t number = 0;
  VIGIE_ASSIGN_OR_RETURN(number, OpenPageToken(page_token.substr(0, cut), context));
  uint64_t deadline = 0;
  VIGIE_ASSIGN_OR_RETURN(deadline,
                         OpenPageToken(page_token.substr(cut), absl::StrCat(context, " ", number)));
  Deadline last{.time_us = static_cast<TimeUs>(deadline),
                .entry = static_cast<EntryNumber>(number)};
  const auto lists = lists_.Acquire();
  Page<EntryOutcome> page;
  bool more = true;
  const auto size = static_cast<size_t>(std::clamp(page_size, 1, kMaxPageSize));
  for (int chunk = 0; more && chunk < kChunksAPage && page.items.size() < size; ++chunk) {
    std::vector<Deadline> undecided;
    VIGIE_ASSIGN_OR_RETURN(undecided, store_.ReadUndecided(last, kReviewUs, kChunk));
    size_t next = 0;
    while (next < undecided.size() && page.items.size() < size) {
      last = undecided[next++];
      const auto list = lists->ByNumber(table_.Entry(last.entry).list);
      if (list == nullptr || list->deleted_us != 0 || !MayKnow(caller, *list)) continue;
      std::optional<EntryRecord> entry;
      VIGIE_ASSIGN_OR_RETURN(entry, store_.ReadEntry(last.entry));
      if (!entry.has_value()) continue;
      EntryOutcome outcome = OutcomeOf(caller, list, *std::move(entry));
      // Its time may be over, or somebody may have decided meanwhile.
      if (outcome.deadline_us != 0 && IsAskedFor(filter, outcome)) {
        page.items.push_back(std::move(outcome));
      }
    }
    more = next < undecided.size() || undecided.size() == kChunk;
  }
  if (more) {
    page.next_page_token =
        sealer_.Seal(last.entry, context) +
        sealer_.Seal(static_cast<uint64_t>(last.time_us), absl::StrCat(context, " ", last.entry));
  }
  return page;
}

absl::StatusOr<EntryOutcome> Catalog::GetOutcome(const Principal& caller, std::string_view list_id,
                                                 std::string_view entry_id) const {
  std::shared_ptr<const ListRecord> list;
  VIGIE_ASSIGN_OR_RETURN(list, KnownList(caller, list_id, /*or_deleted=*/true));
  EntryNumber number = 0;
  VIGIE_ASSIGN_OR_RETURN(number, EntryIn(*list, entry_id));
  std::optional<EntryRecord> entry;
  VIGIE_ASSIGN_OR_RETURN(entry, store_.ReadEntry(number));
  if (!entry.has_value()) {
    return Error(absl::StatusCode::kNotFound, "ENTRY_NOT_FOUND", "the list has no such entry");
  }
  std::vector<Neighbour> related;
  if (caller.role == Role::kReviewer || caller.role == Role::kAuthority) {
    VIGIE_ASSIGN_OR_RETURN(related, FindRelated(*entry));
  }
  EntryOutcome outcome = OutcomeOf(caller, list, *std::move(entry));
  outcome.related = std::move(related);
  if (outcome.in_full) {
    VIGIE_ASSIGN_OR_RETURN(outcome.history, store_.ReadEvents(number));
    VIGIE_ASSIGN_OR_RETURN(outcome.sightings, store_.verdicts().CountSightings(number));
    VIGIE_ASSIGN_OR_RETURN(outcome.feedback, store_.verdicts().CountFeedback(number));
    outcome.clock = ClockOf(outcome.entry, outcome.history, clock_.Now());
  }
  return outcome;
}

std::vector<OrganisationCounters> Catalog::CountEntries() {
  EntryNumber last_entry = 0;
  {
    const std::lock_guard lock(publication_);
    last_entry = last_entry_;
  }
  const auto lists = lists_.Acquire();
  const TimeUs now = clock_.Now();
  // [list's number][state]
  std::vector<std::array<uint64_t, static_cast<size_t>(EntryState::kErased) + 1>> counts(1);
  while (lists->Find(static_cast<ListNumber>(counts.size())) != nullptr) counts.emplace_back();
  for (uint64_t number = 1; number <= last_entry; ++number) {
    const EntryFacts facts = table_.Entry(static_cast<EntryNumber>(number));
    if (facts.list >= counts.size()) continue;  // of a list that was made meanwhile
    ++counts[facts.list][static_cast<size_t>(StateAt(facts.state, facts.expires_us, now))];
  }
  std::map<std::string, OrganisationCounters> found;
  for (ListNumber number = 1; number < counts.size(); ++number) {
    const ListRecord& list = *lists->Find(number);
    if (list.deleted_us != 0 || list.organisation == kServerOrganisation) continue;
    OrganisationCounters& counters = found[list.organisation];
    counters.organisation = list.organisation;
    ++counters.lists;
    for (size_t state = 1; state < counts[number].size(); ++state) {
      if (counts[number][state] == 0) continue;
      counters.entries[static_cast<EntryState>(state)] += counts[number][state];
    }
  }
  std::vector<OrganisationCounters> counters;
  for (auto& [organisation, each] : found) counters.push_back(std::move(each));
  return counters;
}

}  // namespace vigie
