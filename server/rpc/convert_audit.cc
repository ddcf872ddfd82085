// What auditors read, as messages.
#include <ctime>
#include <map>

#include "engine/base/digest.h"
#include "server/rpc/convert.h"
#include "server/rpc/convert_values.h"
#include "server/rpc/resource_names.h"

namespace vigie {
namespace {

using States = google::protobuf::RepeatedPtrField<v1::StateCount>;

// Their sum.
uint64_t SetStates(const std::map<EntryState, uint64_t>& counts, States* states) {
  uint64_t sum = 0;
  for (const auto& [state, entries] : counts) {
    v1::StateCount* count = states->Add();
    count->set_state(ProtoOf<v1::EntryState>(state));
    count->set_entries(entries);
    sum += entries;
  }
  return sum;
}

}  // namespace

v1::AuditEvent ToAuditProto(const EventRecord& event, const Catalog& catalog) {
  v1::AuditEvent message;
  *message.mutable_event() = ToProto(event, /*with_person=*/true);
  if (const auto list = catalog.FindList(event.list); list != nullptr) {
    message.set_list(ListName(list->id));
    if (event.entry != 0) {
      message.set_entry(EntryName(list->id, catalog.EntryId(event.entry)));
    }
  }
  if (event.kind == EventKind::kGenesis) message.set_entries(event.last_entry);
  if (event.kind == EventKind::kEntrySubmitted || event.kind == EventKind::kLocalAdded) {
    message.set_entries(event.last_entry - event.entry + 1);
  }
  if (event.role.has_value()) message.set_role(std::string(Name(*event.role)));
  message.set_key_id(event.key_id);
  message.set_revision(event.revision);
  message.set_digest(ToHex(event.digest));
  return message;
}

v1::ChainHead ToProto(const HeadRecord& head, const std::array<uint8_t, 32>& database) {
  v1::ChainHead message;
  message.set_number(head.number);
  message.set_digest(ToHex(head.digest));
  message.set_time_us(head.time_us);
  message.set_public_key(ToHex(head.public_key));
  message.set_signature(ToHex(head.signature));
  message.set_database(ToHex(database));
  return message;
}

v1::CheckCount ToProto(const CheckCount& count) {
  v1::CheckCount message;
  const std::time_t seconds = count.day * (kDayUs / kSecondUs);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char day[16];
  std::strftime(day, sizeof(day), "%Y-%m-%d", &parts);
  message.set_day(day);
  message.set_organisation(count.organisation);
  message.set_outcome(ProtoOf<v1::Verdict::Outcome>(count.outcome));
  if (count.action.has_value()) message.set_action(ProtoOf<v1::Action>(*count.action));
  message.set_checks(count.checks);
  return message;
}

v1::Counters ToProto(std::span<const OrganisationCounters> organisations, Revision revision) {
  v1::Counters message;
  std::map<EntryState, uint64_t> all;
  for (const OrganisationCounters& counters : organisations) {
    v1::OrganisationCounters& each = *message.add_organisations();
    each.set_organisation(counters.organisation);
    each.set_lists(counters.lists);
    each.set_entries(SetStates(counters.entries, each.mutable_states()));
    message.set_lists(message.lists() + counters.lists);
    for (const auto& [state, entries] : counters.entries) all[state] += entries;
  }
  message.set_entries(SetStates(all, message.mutable_states()));
  message.set_revision(revision);
  return message;
}

}  // namespace vigie
