// Keys and organisations in the SQLite store: what `vigie key` and `vigie organisation` do to them.
#pragma once

#include <string_view>
#include <vector>

#include "engine/store/records.h"
#include "engine/store/sqlite.h"
#include "engine/store/sqlite_statements.h"

namespace vigie {

absl::StatusOr<std::vector<KeyRecord>> ReadKeys(SqlConnection& db);
absl::StatusOr<std::vector<OrganisationRecord>> ReadOrganisations(SqlConnection& db);

// Each inside a transaction of this connection, to be rolled back after an error; what they do and
// their errors: the functions of these names of Store.
absl::Status InsertKey(SqlConnection& db, Statements& s, const KeyRecord& key);
absl::Status RevokeKey(SqlConnection& db, Statements& s, std::string_view id, TimeUs now);
absl::Status RotateKey(SqlConnection& db, Statements& s, std::string_view id, TimeUs until,
                       const KeyRecord& next);
absl::Status SetOrganisation(SqlConnection& db, Statements& s,
                             const OrganisationRecord& organisation);

// Gives the organisations that a migration added their time and their event. Likewise inside a
// transaction.
absl::Status NoteMigratedOrganisations(SqlConnection& db, Statements& s, TimeUs now);

}  // namespace vigie
