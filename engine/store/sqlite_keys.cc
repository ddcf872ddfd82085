#include "engine/store/sqlite_keys.h"

#include <ctime>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/store/sqlite_records.h"

namespace vigie {
namespace {

EventRecord KeyEvent(EventKind kind, const KeyRecord& key, TimeUs now) {
  return {.time_us = now,
          .kind = kind,
          .organisation = key.organisation,
          .role = key.role,
          .key_id = key.id};
}

std::string ToDate(TimeUs us) {
  const std::time_t seconds = us / kSecondUs;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

// The designation in the words of an event: what it allowed can be told later.
std::string ToWords(const std::optional<Designation>& designation) {
  if (!designation.has_value()) return "no designation";
  std::string words = absl::StrCat(designation->id, ":");
  if (designation->categories == kAllCategories) {
    words += " all";
  } else {
    for (int i = 1; i <= static_cast<int>(Category::kOther); ++i) {
      const auto category = static_cast<Category>(i);
      if (Contains(designation->categories, category)) {
        absl::StrAppend(&words, " ", ToAbsl(Name(category)));
      }
    }
  }
  if (designation->from_us != 0) absl::StrAppend(&words, " from ", ToDate(designation->from_us));
  if (designation->until_us != 0) absl::StrAppend(&words, " until ", ToDate(designation->until_us));
  return words;
}

absl::Status AppendOrganisationEvent(Statements& s, const OrganisationRecord& organisation) {
  EventRecord event{.time_us = organisation.updated_us,
                    .kind = EventKind::kOrganisationChanged,
                    .organisation = organisation.id,
                    .legal_basis = ToWords(organisation.designation)};
  return AppendEvent(s, event);
}

absl::StatusOr<KeyRecord> FindKey(SqlConnection& db, std::string_view id) {
  SqlStatement find;
  VIGIE_ASSIGN_OR_RETURN(find, db.Prepare(absl::StrCat("SELECT ", ColumnsAndCheck(kKeyTable),
                                                       " FROM keys WHERE id=?")));
  bool found = false;
  VIGIE_ASSIGN_OR_RETURN(found, find.Text(id).Step());
  if (found) {
    VIGIE_RETURN_IF_ERROR(CheckRow(find, kKeyTable));
    return ReadKey(find);
  }
  return Error(absl::StatusCode::kNotFound, "KEY_NOT_FOUND",
               "no key has this id: see `vigie key list`");
}

// Sets one time of a key; the event says which and, in its legal basis, an end.
absl::Status SetTime(SqlConnection& db, Statements& s, const char* column, TimeUs time,
                     EventRecord event) {
  SqlStatement update;
  VIGIE_ASSIGN_OR_RETURN(update,
                         db.Prepare(absl::StrCat("UPDATE keys SET ", column, "=? WHERE id=?")));
  VIGIE_RETURN_IF_ERROR(update.Int(time).Text(event.key_id).Run());
  VIGIE_RETURN_IF_ERROR(RenewSum(db, kKeyTable, event.key_id));
  VIGIE_RETURN_IF_ERROR(s.keys_changed.Run());
  return AppendEvent(s, event);
}

}  // namespace

absl::StatusOr<std::vector<KeyRecord>> ReadKeys(SqlConnection& db) {
  SqlStatement query;
  VIGIE_ASSIGN_OR_RETURN(query, db.Prepare(absl::StrCat("SELECT ", ColumnsAndCheck(kKeyTable),
                                                        " FROM keys ORDER BY created_us, id")));
  std::vector<KeyRecord> keys;
  while (true) {
    bool row = false;
    VIGIE_ASSIGN_OR_RETURN(row, query.Step());
    if (!row) return keys;
    VIGIE_RETURN_IF_ERROR(CheckRow(query, kKeyTable));
    keys.push_back(ReadKey(query));
  }
}

absl::StatusOr<std::vector<OrganisationRecord>> ReadOrganisations(SqlConnection& db) {
  SqlStatement query;
  VIGIE_ASSIGN_OR_RETURN(query,
                         db.Prepare(absl::StrCat("SELECT ", ColumnsAndCheck(kOrganisationTable),
                                                 " FROM organisations ORDER BY id")));
  std::vector<OrganisationRecord> organisations;
  while (true) {
    bool row = false;
    VIGIE_ASSIGN_OR_RETURN(row, query.Step());
    if (!row) return organisations;
    VIGIE_RETURN_IF_ERROR(CheckRow(query, kOrganisationTable));
    organisations.push_back(ReadOrganisation(query));
  }
}

absl::Status InsertKey(SqlConnection& db, Statements& s, const KeyRecord& key) {
  SqlStatement insert;
  VIGIE_ASSIGN_OR_RETURN(insert, db.Prepare(InsertWithSum(kKeyTable)));
  BindKey(insert, key);
  const absl::Status status = insert.Run();
  if (ReasonOf(status) == "CONSTRAINT") {
    return Error(absl::StatusCode::kAlreadyExists, "KEY_EXISTS",
                 key.credential == Credential::kCertificate
                     ? "this certificate is registered already, or was revoked: use another"
                     : "a key with this id exists");
  }
  VIGIE_RETURN_IF_ERROR(status);
  VIGIE_RETURN_IF_ERROR(s.keys_changed.Run());
  EventRecord event = KeyEvent(EventKind::kKeyCreated, key, key.created_us);
  if (key.until_us != 0) event.legal_basis = absl::StrCat("until ", ToDate(key.until_us));
  return AppendEvent(s, event);
}

absl::Status RevokeKey(SqlConnection& db, Statements& s, std::string_view id, TimeUs now) {
  KeyRecord key;
  VIGIE_ASSIGN_OR_RETURN(key, FindKey(db, id));
  if (key.revoked_us != 0) return absl::OkStatus();
  return SetTime(db, s, "revoked_us", now, KeyEvent(EventKind::kKeyRevoked, key, now));
}

absl::Status RotateKey(SqlConnection& db, Statements& s, std::string_view id, TimeUs until,
                       const KeyRecord& next) {
  KeyRecord key;
  VIGIE_ASSIGN_OR_RETURN(key, FindKey(db, id));
  if (key.revoked_us != 0 || (key.until_us != 0 && key.until_us <= next.created_us)) {
    return Error(absl::StatusCode::kFailedPrecondition, "KEY_ENDED",
                 "this key was revoked or is over: make a new one with `vigie key create`");
  }
  VIGIE_RETURN_IF_ERROR(InsertKey(db, s, next));
  if (key.until_us != 0 && key.until_us <= until) return absl::OkStatus();
  EventRecord event = KeyEvent(EventKind::kKeyEndSet, key, next.created_us);
  event.legal_basis = absl::StrCat("until ", ToDate(until));
  return SetTime(db, s, "until_us", until, std::move(event));
}

absl::Status SetOrganisation(SqlConnection& db, Statements& s,
                             const OrganisationRecord& organisation) {
  SqlStatement set;
  VIGIE_ASSIGN_OR_RETURN(
      set, db.Prepare(InsertWithSum(kOrganisationTable) +
                      " ON CONFLICT(id) DO UPDATE SET designation=excluded.designation, "
                      "categories=excluded.categories, from_us=excluded.from_us, "
                      "until_us=excluded.until_us, daily_entries=excluded.daily_entries, "
                      "checks_per_second=excluded.checks_per_second, "
                      "images_per_second=excluded.images_per_second, "
                      "updated_us=excluded.updated_us"));
  BindOrganisation(set, organisation);
  VIGIE_RETURN_IF_ERROR(set.Run());
  VIGIE_RETURN_IF_ERROR(RenewSum(db, kOrganisationTable, organisation.id));  // as it was created
  VIGIE_RETURN_IF_ERROR(s.keys_changed.Run());
  return AppendOrganisationEvent(s, organisation);
}

absl::Status NoteMigratedOrganisations(SqlConnection& db, Statements& s, TimeUs now) {
  std::vector<OrganisationRecord> organisations;
  VIGIE_ASSIGN_OR_RETURN(organisations, ReadOrganisations(db));
  for (OrganisationRecord& organisation : organisations) {
    if (organisation.updated_us != 0) continue;
    organisation.updated_us = now;
    VIGIE_RETURN_IF_ERROR(SetOrganisation(db, s, organisation));
    SqlStatement created;
    VIGIE_ASSIGN_OR_RETURN(created, db.Prepare("UPDATE organisations SET created_us=? WHERE id=?"));
    VIGIE_RETURN_IF_ERROR(created.Int(now).Text(organisation.id).Run());
    VIGIE_RETURN_IF_ERROR(RenewSum(db, kOrganisationTable, organisation.id));
  }
  return absl::OkStatus();
}

}  // namespace vigie
