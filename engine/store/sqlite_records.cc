#include "engine/store/sqlite_records.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace vigie {

const SummedTable kListTable = {
    "lists",
    "number, id, organisation, display_name, kind, category, action, max_distance, "
    "provisional_hours, audience, created_us, updated_us, deleted_us, revision, parts, "
    "local"};
const SummedTable kEntryTable = {
    "entries",
    "number, list, external_reference, state, expires_us, court_basis, subject, jurisdiction, "
    "legal_basis, case_reference, submitter, reason, created_us, updated_us, revision, first_row, "
    "reason_code, renewals, first_decider_key, first_decider_person, last_decider_key, "
    "last_decider_person, decided_us, suspension"};
const SummedTable kFingerprintTable = {
    "fingerprints", "row, entry, position, algorithm, value, quality, profile, decode_mode"};
const SummedTable kKeyTable = {
    "keys", "id, digest, organisation, role, label, created_us, revoked_us, credential, until_us"};
const SummedTable kOrganisationTable = {
    "organisations",
    "id, designation, categories, from_us, until_us, daily_entries, created_us, updated_us, "
    "checks_per_second, images_per_second"};
const SummedTable kFeedbackTable = {"feedback",
                                    "entry, organisation, upload, correct, released, time_us"};
const SummedTable kMetaTable = {"meta", "key, value"};
const char kEventColumns[] =
    "number, time_us, kind, list, entry, last_entry, from_state, to_state, organisation, role, "
    "key_id, person, reason, legal_basis, case_reference, revision, digest";
const SummedTable kHeadTable = {"event_heads", "number, digest, time_us, public_key, signature"};
const SummedTable kLocalTable = {"local_fingerprints", "entry, value"};

namespace {

// 0 in the database: none.
template <typename Enum>
std::optional<Enum> GetOptional(const SqlStatement& row, int column) {
  const int64_t value = row.GetInt(column);
  return value == 0 ? std::nullopt : std::optional(static_cast<Enum>(value));
}

template <typename Enum>
int64_t OrZero(const std::optional<Enum>& value) {
  return value.has_value() ? static_cast<int64_t>(*value) : 0;
}

// A blob of another length is not ours; cut or filled up, it proves nothing.
template <size_t kSize>
std::array<uint8_t, kSize> GetBytes(const SqlStatement& row, int column) {
  const std::string bytes = row.GetText(column);
  std::array<uint8_t, kSize> out{};
  std::copy_n(bytes.begin(), std::min(bytes.size(), kSize), out.begin());
  return out;
}

std::string_view AsText(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

ListRecord ReadList(const SqlStatement& row) {
  const std::string audience = row.GetText(9);
  return {
      .number = static_cast<ListNumber>(row.GetInt(0)),
      .id = row.GetText(1),
      .organisation = row.GetText(2),
      .display_name = row.GetText(3),
      .kind = static_cast<ListKind>(row.GetInt(4)),
      .category = static_cast<Category>(row.GetInt(5)),
      .action = static_cast<Action>(row.GetInt(6)),
      .max_distance = static_cast<int>(row.GetInt(7)),
      .provisional_hours = row.GetInt(8),
      .audience = absl::StrSplit(audience, '\n', absl::SkipEmpty()),
      .created_us = row.GetInt(10),
      .updated_us = row.GetInt(11),
      .deleted_us = row.GetInt(12),
      .revision = static_cast<Revision>(row.GetInt(13)),
      .parts = row.GetInt(14) != 0,
      .local = row.GetInt(15) != 0,
  };
}

void BindList(SqlStatement& statement, const ListRecord& list) {
  statement.Int(list.number)
      .Text(list.id)
      .Text(list.organisation)
      .Text(list.display_name)
      .Int(static_cast<int>(list.kind))
      .Int(static_cast<int>(list.category))
      .Int(static_cast<int>(list.action))
      .Int(list.max_distance)
      .Int(list.provisional_hours)
      .Text(absl::StrJoin(list.audience, "\n"))
      .Int(list.created_us)
      .Int(list.updated_us)
      .Int(list.deleted_us)
      .Int(static_cast<int64_t>(list.revision))
      .Int(list.parts ? 1 : 0)
      .Int(list.local ? 1 : 0);
}

EntryRecord ReadEntryRow(const SqlStatement& row) {
  return {
      .number = static_cast<EntryNumber>(row.GetInt(0)),
      .list = static_cast<ListNumber>(row.GetInt(1)),
      .external_reference = row.GetText(2),
      .state = static_cast<EntryState>(row.GetInt(3)),
      .expires_us = row.GetInt(4),
      .court_basis = row.GetInt(5) != 0,
      .subject = static_cast<Subject>(row.GetInt(6)),
      .jurisdiction = row.GetText(7),
      .legal_basis = row.GetText(8),
      .case_reference = row.GetText(9),
      .submitter = row.GetText(10),
      .reason = row.GetText(11),
      .reason_code = static_cast<ReasonCode>(row.GetInt(16)),
      .suspension = static_cast<Suspension>(row.GetInt(23)),
      .renewals = row.GetInt(17),
      .first_decider = {.key_id = row.GetText(18), .person = row.GetText(19)},
      .last_decider = {.key_id = row.GetText(20), .person = row.GetText(21)},
      .decided_us = row.GetInt(22),
      .created_us = row.GetInt(12),
      .updated_us = row.GetInt(13),
      .revision = static_cast<Revision>(row.GetInt(14)),
      .fingerprints = {},
      .first_row = static_cast<uint32_t>(row.GetInt(15)),
  };
}

void BindEntry(SqlStatement& statement, const EntryRecord& entry) {
  statement.Int(entry.number)
      .Int(entry.list)
      .Text(entry.external_reference)
      .Int(static_cast<int>(entry.state))
      .Int(entry.expires_us)
      .Int(entry.court_basis ? 1 : 0)
      .Int(static_cast<int>(entry.subject))
      .Text(entry.jurisdiction)
      .Text(entry.legal_basis)
      .Text(entry.case_reference)
      .Text(entry.submitter)
      .Text(entry.reason)
      .Int(entry.created_us)
      .Int(entry.updated_us)
      .Int(static_cast<int64_t>(entry.revision))
      .Int(entry.first_row)
      .Int(static_cast<int>(entry.reason_code))
      .Int(entry.renewals)
      .Text(entry.first_decider.key_id)
      .Text(entry.first_decider.person)
      .Text(entry.last_decider.key_id)
      .Text(entry.last_decider.person)
      .Int(entry.decided_us)
      .Int(static_cast<int>(entry.suspension));
}

FingerprintRow ReadFingerprint(const SqlStatement& row) {
  return {
      .row = static_cast<uint32_t>(row.GetInt(0)),
      .entry = static_cast<EntryNumber>(row.GetInt(1)),
      .position = static_cast<int>(row.GetInt(2)),
      .fingerprint =
          {
              .algorithm = static_cast<Algorithm>(row.GetInt(3)),
              .value = row.GetText(4),
              .quality = static_cast<int>(row.GetInt(5)),
              .profile = static_cast<Profile>(row.GetInt(6)),
              .decode_mode = static_cast<DecodeMode>(row.GetInt(7)),
          },
  };
}

void BindFingerprint(SqlStatement& statement, const FingerprintRow& row) {
  statement.Int(row.row)
      .Int(row.entry)
      .Int(row.position)
      .Int(static_cast<int>(row.fingerprint.algorithm))
      .Blob(row.fingerprint.value)
      .Int(row.fingerprint.quality)
      .Int(static_cast<int>(row.fingerprint.profile))
      .Int(static_cast<int>(row.fingerprint.decode_mode));
}

KeyRecord ReadKey(const SqlStatement& row) {
  return {
      .id = row.GetText(0),
      .digest = row.GetText(1),
      .organisation = row.GetText(2),
      .role = static_cast<Role>(row.GetInt(3)),
      .label = row.GetText(4),
      .created_us = row.GetInt(5),
      .revoked_us = row.GetInt(6),
      .credential = static_cast<Credential>(row.GetInt(7)),
      .until_us = row.GetInt(8),
  };
}

void BindKey(SqlStatement& statement, const KeyRecord& key) {
  statement.Text(key.id)
      .Blob(key.digest)
      .Text(key.organisation)
      .Int(static_cast<int>(key.role))
      .Text(key.label)
      .Int(key.created_us)
      .Int(key.revoked_us)
      .Int(static_cast<int>(key.credential))
      .Int(key.until_us);
}

OrganisationRecord ReadOrganisation(const SqlStatement& row) {
  OrganisationRecord organisation{.id = row.GetText(0),
                                  .daily_entries = row.GetInt(5),
                                  .checks_per_second = row.GetInt(8),
                                  .images_per_second = row.GetInt(9),
                                  .created_us = row.GetInt(6),
                                  .updated_us = row.GetInt(7)};
  Designation designation{.id = row.GetText(1),
                          .categories = static_cast<CategorySet>(row.GetInt(2)),
                          .from_us = row.GetInt(3),
                          .until_us = row.GetInt(4)};
  if (!designation.id.empty()) organisation.designation = std::move(designation);
  return organisation;
}

void BindOrganisation(SqlStatement& statement, const OrganisationRecord& organisation) {
  const Designation designation =
      organisation.designation.value_or(Designation{.id = {}, .categories = 0});
  statement.Text(organisation.id)
      .Text(designation.id)
      .Int(designation.categories)
      .Int(designation.from_us)
      .Int(designation.until_us)
      .Int(organisation.daily_entries)
      .Int(organisation.created_us)
      .Int(organisation.updated_us)
      .Int(organisation.checks_per_second)
      .Int(organisation.images_per_second);
}

EventRecord ReadEvent(const SqlStatement& row) {
  return {.number = static_cast<uint64_t>(row.GetInt(0)),
          .time_us = row.GetInt(1),
          .kind = static_cast<EventKind>(row.GetInt(2)),
          .list = static_cast<ListNumber>(row.GetInt(3)),
          .entry = static_cast<EntryNumber>(row.GetInt(4)),
          .last_entry = static_cast<EntryNumber>(row.GetInt(5)),
          .from = GetOptional<EntryState>(row, 6),
          .to = GetOptional<EntryState>(row, 7),
          .organisation = row.GetText(8),
          .role = GetOptional<Role>(row, 9),
          .key_id = row.GetText(10),
          .person = row.GetText(11),
          .reason = static_cast<ReasonCode>(row.GetInt(12)),
          .legal_basis = row.GetText(13),
          .case_reference = row.GetText(14),
          .revision = static_cast<Revision>(row.GetInt(15)),
          .digest = GetBytes<32>(row, 16)};
}

void BindEvent(SqlStatement& statement, const EventRecord& event) {
  statement.Int(static_cast<int64_t>(event.number))
      .Int(event.time_us)
      .Int(static_cast<int>(event.kind))
      .Int(event.list)
      .Int(event.entry)
      .Int(event.last_entry)
      .Int(OrZero(event.from))
      .Int(OrZero(event.to))
      .Text(event.organisation)
      .Int(OrZero(event.role))
      .Text(event.key_id)
      .Text(event.person)
      .Int(static_cast<int>(event.reason))
      .Text(event.legal_basis)
      .Text(event.case_reference)
      .Int(static_cast<int64_t>(event.revision))
      .Blob(AsText(event.digest));
}

HeadRecord ReadHead(const SqlStatement& row) {
  return {.number = static_cast<uint64_t>(row.GetInt(0)),
          .digest = GetBytes<32>(row, 1),
          .time_us = row.GetInt(2),
          .public_key = GetBytes<32>(row, 3),
          .signature = GetBytes<64>(row, 4)};
}

void BindHead(SqlStatement& statement, const HeadRecord& head) {
  statement.Int(static_cast<int64_t>(head.number))
      .Blob(AsText(head.digest))
      .Int(head.time_us)
      .Blob(AsText(head.public_key))
      .Blob(AsText(head.signature));
}

}  // namespace vigie
