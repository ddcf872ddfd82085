// Catalog: entries.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/digest.h"
#include "engine/catalog/catalog.h"
#include "engine/catalog/entry_life.h"

namespace vigie {
namespace {

constexpr size_t kMaxText = 256;  // bytes of each of an entry's text fields

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

// The same values in the same order. Quality and profile are how somebody computed them: another
// implementation may differ there on the same picture.
bool SameValues(const std::vector<Fingerprint>& a, const std::vector<Fingerprint>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Fingerprint& x, const Fingerprint& y) {
                      return x.algorithm == y.algorithm && x.value == y.value;
                    });
}

absl::Status CheckText(std::string_view field, std::string_view text) {
  const bool clean = std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (text.size() <= kMaxText && clean) return absl::OkStatus();
  return Invalid(
      absl::StrCat(ToAbsl(field), " has at most ", kMaxText, " bytes and no control characters"));
}

}  // namespace

absl::StatusOr<EntryRecord> Catalog::Prepare(const Principal& caller, const ListRecord& list,
                                             const NewEntry& entry) const {
  VIGIE_RETURN_IF_ERROR(CheckText("external_reference", entry.external_reference));
  VIGIE_RETURN_IF_ERROR(CheckText("jurisdiction", entry.jurisdiction));
  VIGIE_RETURN_IF_ERROR(CheckText("legal_basis", entry.legal_basis));
  VIGIE_RETURN_IF_ERROR(CheckText("case_reference", entry.case_reference));
  VIGIE_RETURN_IF_ERROR(CheckFingerprints(entry.fingerprints, options_.min_quality));
  EntryRecord record;
  VIGIE_ASSIGN_OR_RETURN(record.state, InitialState(caller.role, list.kind));
  if (caller.role == Role::kAuthority && list.kind == ListKind::kBlock) {
    if (entry.case_reference.empty()) {
      return Error(absl::StatusCode::kInvalidArgument, "CASE_REFERENCE_REQUIRED",
                   "an authority's entry names its case");
    }
    record.court_basis = true;
  }
  record.created_us = record.updated_us = clock_.Now();
  if (record.state == EntryState::kProvisional) {
    // Whole seconds: what the database holds and what matching holds are then the same time.
    const TimeUs second = record.created_us / kSecondUs + list.provisional_hours * 3600;
    record.expires_us = second * kSecondUs;
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
  return record;
}

absl::StatusOr<UploadOutcome> Catalog::Upload(const Principal& caller, std::string_view list_id,
                                              std::span<const NewEntry> entries) {
  std::shared_ptr<const ListRecord> list;
  VIGIE_ASSIGN_OR_RETURN(list, OwnList(caller, list_id));
  UploadOutcome outcome;
  outcome.results.resize(entries.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    auto prepared = Prepare(caller, *list, entries[i]);
    outcome.results[i].status = prepared.status();
    if (prepared.ok()) outcome.results[i].entry = *std::move(prepared);
  }

  const auto submit = [](UploadResult& result, Transaction& transaction, Counters& counters,
                         Changes& changes) -> absl::Status {
    EntryRecord& entry = result.entry;
    std::optional<EntryRecord> existing;
    VIGIE_ASSIGN_OR_RETURN(existing, transaction.FindEntry(entry.list, entry.external_reference));
    if (existing.has_value() && !SameValues(existing->fingerprints, entry.fingerprints)) {
      result.status = Error(absl::StatusCode::kAlreadyExists, "EXTERNAL_REFERENCE_CONFLICT",
                            "another picture has this external_reference in this list");
      return absl::OkStatus();
    }
    if (existing.has_value()) {
      entry = *std::move(existing);  // as it is: a re-import never revives what was withdrawn
      return absl::OkStatus();
    }
    if (counters.entries == UINT32_MAX || UINT32_MAX - counters.rows < entry.fingerprints.size()) {
      result.status = Error(absl::StatusCode::kResourceExhausted, "CATALOG_FULL",
                            "this server holds as many entries as it can number");
      return absl::OkStatus();
    }
    entry.number = ++counters.entries;
    entry.first_row = counters.rows + 1;
    counters.rows += static_cast<RowId>(entry.fingerprints.size());
    entry.revision = counters.revision;
    VIGIE_RETURN_IF_ERROR(transaction.InsertEntry(entry));
    result.created = true;
    changes.added.push_back(entry);
    return absl::OkStatus();
  };
  absl::Status refused;
  const CommitQueue::Mutation insert = [&](Transaction& transaction, Counters& counters,
                                           Changes& changes) -> absl::Status {
    std::optional<ListRecord> now;
    VIGIE_ASSIGN_OR_RETURN(now, transaction.FindList(list_id));
    if (!now.has_value() || now->deleted_us != 0) {
      refused = Error(absl::StatusCode::kNotFound, "LIST_NOT_FOUND", "the list was deleted");
      return absl::OkStatus();
    }
    for (UploadResult& result : outcome.results) {
      if (!result.status.ok()) continue;
      VIGIE_RETURN_IF_ERROR(submit(result, transaction, counters, changes));
    }
    return absl::OkStatus();
  };
  VIGIE_ASSIGN_OR_RETURN(outcome.revision, commits_.Commit(insert));
  if (!refused.ok()) return refused;
  for (UploadResult& result : outcome.results) result.entry = AsOfNow(std::move(result.entry));
  return outcome;
}

EntryRecord Catalog::AsOfNow(EntryRecord entry) const {
  entry.state = StateAt(entry.state, entry.expires_us, clock_.Now());
  return entry;
}

absl::StatusOr<EntryNumber> Catalog::OwnEntry(const ListRecord& list,
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
  VIGIE_ASSIGN_OR_RETURN(number, OwnEntry(*list, entry_id));
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

absl::StatusOr<EntryRecord> Catalog::Withdraw(const Principal& caller, std::string_view list_id,
                                              std::string_view entry_id, std::string_view reason) {
  std::shared_ptr<const ListRecord> list;
  VIGIE_ASSIGN_OR_RETURN(list, OwnList(caller, list_id));
  EntryNumber number = 0;
  VIGIE_ASSIGN_OR_RETURN(number, OwnEntry(*list, entry_id));
  VIGIE_RETURN_IF_ERROR(CheckText("reason", reason));
  absl::StatusOr<EntryRecord> outcome = EntryNotFound();
  const CommitQueue::Mutation withdraw = [&](Transaction& transaction, Counters& counters,
                                             Changes& changes) -> absl::Status {
    std::optional<EntryRecord> entry;
    VIGIE_ASSIGN_OR_RETURN(entry, transaction.FindEntry(number));
    if (!entry.has_value()) return absl::OkStatus();
    if (entry->state == EntryState::kWithdrawn) {
      outcome = *std::move(entry);
      return absl::OkStatus();
    }
    const absl::Status legal = CheckTransition(entry->state, EntryState::kWithdrawn);
    if (!legal.ok()) {
      outcome = legal;
      return absl::OkStatus();
    }
    entry->state = EntryState::kWithdrawn;
    entry->reason = std::string(reason);
    entry->updated_us = clock_.Now();
    entry->revision = counters.revision;
    VIGIE_RETURN_IF_ERROR(transaction.UpdateEntry(*entry));
    changes.updated.push_back(*entry);
    outcome = *std::move(entry);
    return absl::OkStatus();
  };
  VIGIE_RETURN_IF_ERROR(commits_.Commit(withdraw).status());
  return outcome;
}

}  // namespace vigie
