// Decisions and outcomes, to the engine's types and back.
#include "server/rpc/convert.h"
#include "server/rpc/convert_values.h"
#include "server/rpc/resource_names.h"

namespace vigie {
namespace {

static_assert(static_cast<int>(ReasonCode::kOther) == v1::OTHER_REASON);
static_assert(static_cast<int>(ReasonCode::kTimeOver) == v1::TIME_OVER);
static_assert(static_cast<int>(EventKind::kEntrySubmitted) == v1::Event::SUBMISSION);
static_assert(static_cast<int>(EventKind::kAllowConflict) == v1::Event::ALLOW_CONFLICT);
static_assert(static_cast<int>(EventKind::kEntryErased) == v1::Event::ERASURE);

void SetTimeUnlessZero(TimeUs us, google::protobuf::Timestamp* (v1::Outcome::*field)(),
                       v1::Outcome* message) {
  if (us != 0) SetTime(us, (message->*field)());
}

v1::Event ToProto(const EventRecord& event, bool with_person) {
  v1::Event message;
  message.set_number(event.number);
  SetTime(event.time_us, message.mutable_time());
  message.set_kind(ProtoOf<v1::Event::Kind>(event.kind));
  if (event.from.has_value()) message.set_from(ProtoOf<v1::EntryState>(*event.from));
  if (event.to.has_value()) message.set_to(ProtoOf<v1::EntryState>(*event.to));
  message.set_organisation(event.organisation);
  if (with_person) message.set_person(event.person);
  message.set_reason(ProtoOf<v1::ReasonCode>(event.reason));
  message.set_legal_basis(event.legal_basis);
  message.set_case_reference(event.case_reference);
  return message;
}

}  // namespace

absl::StatusOr<ReasonCode> FromProto(v1::ReasonCode reason) {
  if (reason == v1::TIME_OVER) {
    return Invalid("ENUM_INVALID", "nobody decides that the time is over");
  }
  return EnumOf<ReasonCode>(reason, ReasonCode::kOther, ReasonCode::kNone, "reason");
}

absl::StatusOr<Decision> FromProto(const v1::Decision& message) {
  Decision decision{.person = message.person(),
                    .note = message.note(),
                    .legal_basis = message.legal_basis(),
                    .case_reference = message.case_reference(),
                    .seen_revision = message.revision()};
  VIGIE_ASSIGN_OR_RETURN(decision.reason, FromProto(message.reason()));
  return decision;
}

absl::StatusOr<ReviewFilter> FromProto(const v1::ListReviewsRequest& message) {
  ReviewFilter filter;
  if (!message.parent().empty()) {
    VIGIE_ASSIGN_OR_RETURN(filter.list, ListIdOf(message.parent()));
  }
  if (message.category() != v1::CATEGORY_UNSPECIFIED) {
    VIGIE_ASSIGN_OR_RETURN(filter.category, EnumOf<Category>(message.category(), Category::kOther,
                                                             std::nullopt, "category"));
  }
  if (message.state() != v1::ENTRY_STATE_UNSPECIFIED) {
    if (message.state() != v1::PROVISIONAL && message.state() != v1::CONTESTED) {
      return Invalid("ENUM_INVALID", "state is PROVISIONAL or CONTESTED: others are decided");
    }
    filter.state = static_cast<EntryState>(message.state());
  }
  return filter;
}

v1::Outcome ToProto(const EntryOutcome& outcome, const Principal& caller, const Catalog& catalog) {
  const EntryRecord& entry = outcome.entry;
  v1::Outcome message;
  message.set_name(EntryName(outcome.list->id, catalog.EntryId(entry.number)));
  message.set_organisation(outcome.list->organisation);
  message.set_category(ProtoOf<v1::Category>(outcome.list->category));
  message.set_state(ProtoOf<v1::EntryState>(entry.state));
  message.set_revision(entry.revision);
  SetTimeUnlessZero(entry.expires_us, &v1::Outcome::mutable_expire_time, &message);
  SetTimeUnlessZero(entry.created_us, &v1::Outcome::mutable_create_time, &message);
  SetTimeUnlessZero(entry.updated_us, &v1::Outcome::mutable_update_time, &message);
  SetTimeUnlessZero(entry.decided_us, &v1::Outcome::mutable_decide_time, &message);
  SetTimeUnlessZero(outcome.deadline_us, &v1::Outcome::mutable_deadline, &message);
  message.set_renewals(static_cast<int32_t>(entry.renewals));
  message.set_reason(ProtoOf<v1::ReasonCode>(entry.reason_code));
  if (!outcome.in_full) return message;
  message.set_external_reference(entry.external_reference);
  message.set_subject(ProtoOf<v1::Subject>(entry.subject));
  message.set_jurisdiction(entry.jurisdiction);
  message.set_legal_basis(entry.legal_basis);
  message.set_case_reference(entry.case_reference);
  message.set_note(entry.reason);
  const bool with_person = caller.role == Role::kReviewer || caller.role == Role::kAuthority;
  for (const EventRecord& event : outcome.history) {
    *message.add_history() = ToProto(event, with_person);
  }
  return message;
}

}  // namespace vigie
