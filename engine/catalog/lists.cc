// Catalog: lists.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/catalog/catalog.h"
#include "engine/catalog/entry_life.h"

namespace vigie {
namespace {

constexpr size_t kMaxDisplayName = 200;
constexpr size_t kMaxAudience = 1000;
constexpr int64_t kMaxProvisionalHours = 366 * 24;

absl::Status Invalid(std::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, "LIST_INVALID", message);
}

absl::Status NotFound() {
  return Error(absl::StatusCode::kNotFound, "LIST_NOT_FOUND",
               "your organisation has no list of this name");
}

absl::Status AppendListEvent(const Principal& caller, EventKind kind, const ListRecord& list,
                             Transaction& transaction) {
  EventRecord event = EventBy(caller, kind, list.updated_us, list.revision);
  event.list = list.number;
  return transaction.AppendEvent(event);
}

absl::Status NotEmpty(uint64_t entries) {
  return Error(
      absl::StatusCode::kFailedPrecondition, "LIST_NOT_EMPTY",
      absl::StrCat("the list holds ", entries, " entries: set force to delete it with them"));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const ListRecord>> Catalog::OwnList(const Principal& caller,
                                                                   std::string_view id,
                                                                   bool or_deleted) const {
  auto list = FindList(id);
  if (list == nullptr || (list->deleted_us != 0 && !or_deleted) ||
      list->organisation != caller.organisation) {
    return NotFound();
  }
  return list;
}

absl::StatusOr<std::shared_ptr<const ListRecord>> Catalog::KnownList(const Principal& caller,
                                                                     std::string_view id,
                                                                     bool or_deleted) const {
  auto list = FindList(id);
  if (list == nullptr || (list->deleted_us != 0 && !or_deleted) || !MayKnow(caller, *list)) {
    return NotFound();
  }
  return list;
}

size_t Catalog::CountLists(const Principal& caller, const Changes& pending) const {
  const auto lists = lists_.Acquire();
  const auto made = [&](const ListRecord& list) {
    return list.organisation == caller.organisation && lists->ByNumber(list.number) == nullptr;
  };
  return lists->OwnedBy(caller.organisation).size() +
         static_cast<size_t>(std::count_if(pending.lists.begin(), pending.lists.end(), made));
}

absl::Status Catalog::Apply(const ListSettings& settings, ListRecord& list) const {
  if (settings.display_name.has_value()) {
    if (settings.display_name->size() > kMaxDisplayName) {
      return Invalid(absl::StrCat("display_name has at most ", kMaxDisplayName, " bytes"));
    }
    list.display_name = *settings.display_name;
  }
  if (settings.action.has_value()) {
    if (list.kind == ListKind::kAllow || *settings.action == Action::kProvisionalBlock) {
      return Invalid(
          "action is block, hold_for_review or report_only, and only for lists of kind block");
    }
    list.action = *settings.action;
  }
  if (settings.max_distance.has_value()) {
    if (*settings.max_distance < 0 || *settings.max_distance > options_.max_distance_limit) {
      return Invalid(absl::StrCat("max_distance is 0 to ", options_.max_distance_limit,
                                  " bits on this server"));
    }
    list.max_distance = *settings.max_distance;
  }
  if (settings.provisional_hours.has_value()) {
    if (*settings.provisional_hours < 1 || *settings.provisional_hours > kMaxProvisionalHours) {
      return Invalid(absl::StrCat("provisional_hours is 1 to ", kMaxProvisionalHours));
    }
    list.provisional_hours = *settings.provisional_hours;
  }
  if (settings.audience.has_value()) {
    if (settings.audience->size() > kMaxAudience ||
        !std::all_of(settings.audience->begin(), settings.audience->end(), IsName)) {
      return Invalid(absl::StrCat("audience is at most ", kMaxAudience, " names of organisations"));
    }
    list.audience = *settings.audience;
  }
  if (list.kind == ListKind::kAllow && (settings.parts.has_value() || settings.local.has_value())) {
    return Invalid("parts and local are for lists of kind block");
  }
  list.parts = settings.parts.value_or(list.parts);
  list.local = settings.local.value_or(list.local);
  return absl::OkStatus();
}

absl::StatusOr<ListRecord> Catalog::CreateList(const Principal& caller, const NewList& wanted) {
  if (!IsName(wanted.id)) {
    return Invalid(
        "a list's id has 1 to 63 characters a-z, 0-9 and '-', begins with a letter and does not "
        "end with '-'");
  }
  VIGIE_RETURN_IF_ERROR(InitialState(caller.role, wanted.kind).status());
  const TimeUs now = clock_.Now();
  ListRecord list{.id = wanted.id,
                  .organisation = caller.organisation,
                  .display_name = wanted.id,
                  .kind = wanted.kind,
                  .category = wanted.category,
                  .action = wanted.kind == ListKind::kAllow ? Action::kReportOnly : Action::kBlock,
                  .max_distance = std::min(kDefaultMaxDistance, options_.max_distance_limit),
                  .provisional_hours = DefaultProvisionalHours(caller.role),
                  .audience = {},
                  .created_us = now,
                  .updated_us = now};
  VIGIE_RETURN_IF_ERROR(CheckSubmission(caller, list, now));
  VIGIE_RETURN_IF_ERROR(Apply(wanted.settings, list));
  absl::Status refused;
  const CommitQueue::Mutation insert = [&](Transaction& transaction, Counters& counters,
                                           Changes& changes) -> absl::Status {
    std::optional<ListRecord> existing;
    VIGIE_ASSIGN_OR_RETURN(existing, transaction.FindList(list.id));
    if (existing.has_value()) {
      // Ids are one space for the whole server, also those of deleted
      // lists: an id that verdicts have carried never means something
      // else.
      refused = Error(absl::StatusCode::kAlreadyExists, "LIST_EXISTS",
                      "this list id is taken: choose another");
      return absl::OkStatus();
    }
    if (CountLists(caller, changes) >= options_.max_lists_per_organisation ||
        counters.lists >= EntryTable::kMaxList) {
      refused = Error(absl::StatusCode::kResourceExhausted, "TOO_MANY_LISTS",
                      absl::StrCat("an organisation has at most ",
                                   options_.max_lists_per_organisation, " lists"));
      return absl::OkStatus();
    }
    list.number = ++counters.lists;
    list.revision = counters.revision;
    VIGIE_RETURN_IF_ERROR(transaction.InsertList(list));
    VIGIE_RETURN_IF_ERROR(AppendListEvent(caller, EventKind::kListCreated, list, transaction));
    changes.lists.push_back(list);
    return absl::OkStatus();
  };
  VIGIE_RETURN_IF_ERROR(commits_.Commit(insert).status());
  if (!refused.ok()) return refused;
  return list;
}

absl::StatusOr<ListRecord> Catalog::GetList(const Principal& caller, std::string_view id) const {
  std::shared_ptr<const ListRecord> list;
  VIGIE_ASSIGN_OR_RETURN(list, OwnList(caller, id));
  return *list;
}

absl::StatusOr<Page<ListRecord>> Catalog::ListLists(const Principal& caller, int page_size,
                                                    std::string_view page_token) const {
  const std::string context = absl::StrCat("lists of ", caller.organisation);
  page_size = std::clamp(page_size, 1, kMaxPageSize);
  uint64_t after = 0;
  VIGIE_ASSIGN_OR_RETURN(after, OpenPageToken(page_token, context));
  Page<ListRecord> page;
  for (const auto& list : lists_.Acquire()->OwnedBy(caller.organisation)) {
    if (list->number <= after) continue;
    if (page.items.size() == static_cast<size_t>(page_size)) {
      page.next_page_token = sealer_.Seal(page.items.back().number, context);
      break;
    }
    page.items.push_back(*list);
  }
  return page;
}

absl::StatusOr<ListRecord> Catalog::UpdateList(const Principal& caller, std::string_view id,
                                               const ListSettings& settings) {
  absl::StatusOr<ListRecord> outcome = NotFound();
  const CommitQueue::Mutation update = [&](Transaction& transaction, Counters& counters,
                                           Changes& changes) -> absl::Status {
    std::optional<ListRecord> list;
    VIGIE_ASSIGN_OR_RETURN(list, transaction.FindList(id));
    if (!list.has_value() || list->deleted_us != 0 || list->organisation != caller.organisation) {
      return absl::OkStatus();
    }
    // A wider audience or a stronger action is more than what acts already.
    absl::Status refused = CheckSubmission(caller, *list, clock_.Now());
    if (refused.ok()) refused = Apply(settings, *list);
    if (!refused.ok()) {
      outcome = refused;
      return absl::OkStatus();
    }
    list->updated_us = clock_.Now();
    list->revision = counters.revision;
    VIGIE_RETURN_IF_ERROR(transaction.UpdateList(*list));
    VIGIE_RETURN_IF_ERROR(AppendListEvent(caller, EventKind::kListUpdated, *list, transaction));
    changes.lists.push_back(*list);
    outcome = *std::move(list);
    return absl::OkStatus();
  };
  VIGIE_RETURN_IF_ERROR(commits_.Commit(update).status());
  return outcome;
}

absl::Status Catalog::DeleteList(const Principal& caller, std::string_view id, bool force) {
  VIGIE_RETURN_IF_ERROR(OwnList(caller, id).status());
  absl::Status outcome = NotFound();
  const CommitQueue::Mutation remove = [&](Transaction& transaction, Counters& counters,
                                           Changes& changes) -> absl::Status {
    std::optional<ListRecord> list;
    VIGIE_ASSIGN_OR_RETURN(list, transaction.FindList(id));
    if (!list.has_value() || list->deleted_us != 0) return absl::OkStatus();
    uint64_t entries = 0;
    VIGIE_ASSIGN_OR_RETURN(entries, transaction.CountEntries(list->number));
    if (entries > 0 && !force) {
      outcome = NotEmpty(entries);
      return absl::OkStatus();
    }
    list->deleted_us = list->updated_us = clock_.Now();
    list->revision = counters.revision;
    VIGIE_RETURN_IF_ERROR(transaction.UpdateList(*list));
    VIGIE_RETURN_IF_ERROR(AppendListEvent(caller, EventKind::kListDeleted, *list, transaction));
    changes.lists.push_back(*std::move(list));
    outcome = absl::OkStatus();
    return absl::OkStatus();
  };
  VIGIE_RETURN_IF_ERROR(commits_.Commit(remove).status());
  return outcome;
}

}  // namespace vigie
