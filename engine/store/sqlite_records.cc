#include "engine/store/sqlite_records.h"

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace vigie {

const char kListColumns[] =
    "number, id, organisation, display_name, kind, category, action, max_distance, "
    "provisional_hours, audience, created_us, updated_us, deleted_us, revision";
const char kEntryColumns[] =
    "number, list, external_reference, state, expires_us, court_basis, subject, jurisdiction, "
    "legal_basis, case_reference, submitter, reason, created_us, updated_us, revision, first_row";
const char kFingerprintColumns[] =
    "row, entry, position, algorithm, value, quality, profile, decode_mode";
const char kKeyColumns[] = "id, digest, organisation, role, label, created_us, revoked_us";

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
      .Int(static_cast<int64_t>(list.revision));
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
      .Int(entry.first_row);
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
  };
}

void BindKey(SqlStatement& statement, const KeyRecord& key) {
  statement.Text(key.id)
      .Blob(key.digest)
      .Text(key.organisation)
      .Int(static_cast<int>(key.role))
      .Text(key.label)
      .Int(key.created_us)
      .Int(key.revoked_us);
}

}  // namespace vigie
