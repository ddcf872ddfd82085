// Messages to the engine's types and back. No rules here: what a value may be is the engine's to
// say; this file only says whether a message can be read at all.
#pragma once

#include <array>
#include <span>

#include "engine/catalog/catalog.h"
#include "engine/match/pipeline.h"
#include "vigie/v1/audit.pb.h"
#include "vigie/v1/lists.pb.h"
#include "vigie/v1/match.pb.h"
#include "vigie/v1/review.pb.h"

namespace vigie {

// Errors: INVALID_ARGUMENT with reason ENUM_INVALID, HASH_MALFORMED, NAME_INVALID, LIST_INVALID,
// FIELD_MASK_INVALID or OUT_OF_RANGE.
absl::StatusOr<Fingerprint> FromProto(const v1::Fingerprint& message);
absl::StatusOr<std::vector<QueryFingerprint>> FromProto(const v1::HashedPicture& message);
absl::StatusOr<Profile> FromProto(v1::Profile profile);
absl::StatusOr<NewList> FromProto(const v1::CreateListRequest& message);
absl::StatusOr<ListSettings> FromProto(const v1::UpdateListRequest& message);
absl::StatusOr<NewEntry> FromProto(const v1::Entry& message);
// `organisation` and `deadline_us` stay to be set.
absl::StatusOr<CheckOptions> FromProto(const v1::CheckSettings& message);

// kNone for 0, and ENUM_INVALID for TIME_OVER too: nobody decides that.
absl::StatusOr<ReasonCode> FromProto(v1::ReasonCode reason);
absl::StatusOr<Decision> FromProto(const v1::Decision& message);
absl::StatusOr<ReviewFilter> FromProto(const v1::ListReviewsRequest& message);
v1::SubmitterRecord ToProto(const SubmitterRecord& record);
v1::Change ToProto(const SightedState& change, const Catalog& catalog);

// BASIC is false.
absl::StatusOr<bool> WithFingerprints(v1::EntryView view);
// 0 means 50; INVALID_ARGUMENT, reason OUT_OF_RANGE, outside 0 to 1000.
absl::StatusOr<int> PageSizeOf(int32_t page_size);

v1::Fingerprint ToProto(const Fingerprint& fingerprint);
v1::List ToProto(const ListRecord& list);
// The entry ids of these are made by `catalog`.
// Into `to`, which is empty.
void ToProto(const Verdict& verdict, const Catalog& catalog, v1::Verdict* to);
v1::Entry ToProto(const EntryRecord& entry, std::string_view list_id, bool with_fingerprints,
                  const Catalog& catalog);
v1::Event ToProto(const EventRecord& event, bool with_person);
// The list and the entry ids are named by `catalog`.
v1::AuditEvent ToAuditProto(const EventRecord& event, const Catalog& catalog);
v1::ChainHead ToProto(const HeadRecord& head, const std::array<uint8_t, 32>& database);
v1::CheckCount ToProto(const CheckCount& count);
v1::Counters ToProto(std::span<const OrganisationCounters> organisations, Revision revision);
// What `caller` may read of it.
v1::Outcome ToProto(const EntryOutcome& outcome, const Principal& caller, const Catalog& catalog);
v1::UploadResult ToProto(const UploadResult& result, std::string_view list_id,
                         const Catalog& catalog);

}  // namespace vigie
