// Decisions and outcomes, to the engine's types and back.
#include "engine/policy/decide.h"
#include "server/rpc/convert.h"
#include "server/rpc/convert_values.h"
#include "server/rpc/resource_names.h"

namespace vigie {
namespace {

static_assert(static_cast<int>(ReasonCode::kOther) == v1::OTHER_REASON);
static_assert(static_cast<int>(ReasonCode::kTimeOver) == v1::TIME_OVER);
static_assert(static_cast<int>(EventKind::kGenesis) == v1::Event::GENESIS);
static_assert(static_cast<int>(EventKind::kKeyEndSet) == v1::Event::KEY_END_SET);
static_assert(static_cast<int>(EventKind::kEntrySubmitted) == v1::Event::SUBMISSION);
static_assert(static_cast<int>(EventKind::kAllowConflict) == v1::Event::ALLOW_CONFLICT);
static_assert(static_cast<int>(EventKind::kLocalAdded) == v1::Event::LOCAL_ADDITION);
static_assert(static_cast<int>(EventKind::kEntryErased) == v1::Event::ERASURE);
static_assert(static_cast<int>(EventKind::kEntryResumed) == v1::Event::RESUMPTION);
static_assert(static_cast<int>(ReasonCode::kContestUndecided) == v1::CONTEST_UNDECIDED);
static_assert(static_cast<int>(Suspension::kCleared) == v1::CLEARED);
static_assert(static_cast<int>(DecisionClock::kMissed) == v1::Outcome::MISSED);

void SetTimeUnlessZero(TimeUs us, google::protobuf::Timestamp* (v1::Outcome::*field)(),
                       v1::Outcome* message) {
  if (us != 0) SetTime(us, (message->*field)());
}

}  // namespace

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
  message.set_suspension(ProtoOf<v1::Suspension>(entry.suspension));
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
  if (outcome.history.empty()) return message;  // one of a list of outcomes
  v1::Outcome::Uploads* uploads = message.mutable_uploads();
  uploads->set_reported(outcome.sightings.reported);
  uploads->set_held(outcome.sightings.held);
  uploads->set_provisionally_blocked(outcome.sightings.provisionally_blocked);
  uploads->set_blocked(outcome.sightings.blocked);
  uploads->set_platforms(outcome.sightings.platforms);
  message.set_clock(ProtoOf<v1::Outcome::Clock>(outcome.clock));
  message.set_true_positives(outcome.feedback.correct);
  message.set_false_positives(outcome.feedback.wrong);
  for (const Neighbour& neighbour : outcome.related) {
    v1::Outcome::Related* related = message.add_related();
    related->set_entry(EntryName(neighbour.list->id, catalog.EntryId(neighbour.entry)));
    related->set_organisation(neighbour.list->organisation);
    related->set_allow(neighbour.list->kind == ListKind::kAllow);
    related->set_state(ProtoOf<v1::EntryState>(neighbour.state));
    related->set_distance(neighbour.distance);
  }
  return message;
}

v1::SubmitterRecord ToProto(const SubmitterRecord& record) {
  v1::SubmitterRecord message;
  message.set_submitted(record.submitted);
  message.set_found_right(record.found_right);
  message.set_found_wrong(record.found_wrong);
  const int64_t decided = record.found_right + record.found_wrong;
  if (decided > 0) {
    message.set_precision(static_cast<double>(record.found_right) / static_cast<double>(decided));
  }
  message.set_withdrawn(record.withdrawn);
  message.set_expired(record.expired);
  message.set_true_positives(record.true_positives);
  message.set_false_positives(record.false_positives);
  return message;
}

v1::Change ToProto(const SightedState& change, const Catalog& catalog) {
  v1::Change message;
  message.set_entry(EntryName(change.list->id, catalog.EntryId(change.entry)));
  message.set_list(ListName(change.list->id));
  message.set_state(ProtoOf<v1::EntryState>(change.state));
  message.set_suspension(ProtoOf<v1::Suspension>(change.suspension));
  const Action action =
      EffectOf(change.state, change.list->action, change.list->category, change.suspension).action;
  if (change.acts) message.set_action(ProtoOf<v1::Action>(action));
  message.set_release(!change.acts || action < Action::kHoldForReview);
  message.set_reason(ProtoOf<v1::ReasonCode>(change.reason));
  SetTime(change.time_us, message.mutable_time());
  return message;
}

}  // namespace vigie
