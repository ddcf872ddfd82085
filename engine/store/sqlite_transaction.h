// A Transaction on the writer's connection of the SQLite store.
#pragma once

#include <memory>

#include "engine/store/sqlite.h"
#include "engine/store/sqlite_statements.h"
#include "engine/store/sqlite_verdicts.h"
#include "engine/store/store.h"

namespace vigie {

// `db` has begun; all outlive the transaction.
std::unique_ptr<Transaction> MakeSqliteTransaction(SqlConnection& db, Statements& statements,
                                                   VerdictWriter& verdicts);

}  // namespace vigie
