// Rows of the SQLite tables to records and back: the column orders, in one place.
#pragma once

#include "engine/store/records.h"
#include "engine/store/row_sums.h"
#include "engine/store/sqlite.h"

namespace vigie {

// The tables, with their columns in the order that ReadList and BindList use; likewise for the
// others.
extern const SummedTable kListTable;
extern const SummedTable kEntryTable;
extern const SummedTable kFingerprintTable;
extern const SummedTable kKeyTable;
extern const SummedTable kOrganisationTable;
extern const SummedTable kFeedbackTable;
extern const SummedTable kMetaTable;
extern const char kEventColumns[];
extern const SummedTable kHeadTable;
extern const SummedTable kLocalTable;

ListRecord ReadList(const SqlStatement& row);
EntryRecord ReadEntryRow(const SqlStatement& row);  // without its fingerprints
FingerprintRow ReadFingerprint(const SqlStatement& row);
KeyRecord ReadKey(const SqlStatement& row);
OrganisationRecord ReadOrganisation(const SqlStatement& row);
EventRecord ReadEvent(const SqlStatement& row);
HeadRecord ReadHead(const SqlStatement& row);

void BindList(SqlStatement& statement, const ListRecord& list);
void BindEntry(SqlStatement& statement, const EntryRecord& entry);
void BindFingerprint(SqlStatement& statement, const FingerprintRow& row);
void BindKey(SqlStatement& statement, const KeyRecord& key);
void BindOrganisation(SqlStatement& statement, const OrganisationRecord& organisation);
void BindEvent(SqlStatement& statement, const EventRecord& event);
void BindHead(SqlStatement& statement, const HeadRecord& head);

}  // namespace vigie
