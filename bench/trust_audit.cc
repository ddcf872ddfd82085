// vigie-bench trust: how long it takes to prove that no event was changed.
#include <stdexcept>

#include "bench/inputs.h"
#include "bench/trust.h"
#include "engine/base/signature.h"
#include "engine/catalog/audit.h"
#include "engine/store/sqlite.h"
#include "engine/store/sqlite_store.h"

namespace vigie::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kEventsACommit = 1000;  // and a signed head each, as the server makes them

template <typename T>
T OrThrow(absl::StatusOr<T> result) {
  if (!result.ok()) throw std::runtime_error(std::string(MessageOf(result.status())));
  return *std::move(result);
}

void OrThrow(const absl::Status& status) {
  if (!status.ok()) throw std::runtime_error(std::string(MessageOf(status)));
}

// Of ten events, four are submissions, three expiries, two confirmations by a human, one a
// withdrawal.
EventRecord EventOf(uint64_t i) {
  const auto entry = static_cast<EntryNumber>(i + 1);
  EventRecord event{.time_us = SystemClock().Now(),
                    .kind = EventKind::kEntrySubmitted,
                    .list = 1,
                    .entry = entry,
                    .last_entry = entry,
                    .from = std::nullopt,
                    .to = EntryState::kProvisional,
                    .organisation = "bench-flagger",
                    .role = Role::kTrustedFlagger,
                    .key_id = "k3nq7wz2hd5ta",
                    .revision = i + 1};
  const uint64_t part = i % 10;
  if (part >= 4) event.from = EntryState::kProvisional;
  if (part >= 4 && part < 7) {
    event.kind = EventKind::kEntryExpired;
    event.to = EntryState::kExpired;
    event.organisation.clear();
    event.role.reset();
    event.key_id.clear();
    event.reason = ReasonCode::kTimeOver;
  } else if (part >= 7 && part < 9) {
    event.kind = EventKind::kEntryConfirmed;
    event.to = EntryState::kConfirmed;
    event.organisation = "bench-reviewers";
    event.role = Role::kReviewer;
    event.person = "A. Reviewer";
    event.legal_basis = "art. 226-8-1 CP";
    event.case_reference = "case-" + std::to_string(i);
  } else if (part == 9) {
    event.kind = EventKind::kEntryWithdrawn;
    event.to = EntryState::kWithdrawn;
  }
  return event;
}

void Append(Store& store, const SigningKey& key, uint64_t events) {
  for (uint64_t done = 0; done < events;) {
    const auto transaction = OrThrow(store.Begin());
    Counters counters = OrThrow(store.ReadCounters());
    EventRecord event;
    for (size_t i = 0; i < kEventsACommit && done < events; ++i) {
      event = EventOf(done++);
      OrThrow(transaction->AppendEvent(event));
    }
    ++counters.revision;
    OrThrow(transaction->Commit(counters));
    OrThrow(store.InsertHead(MakeHead(key, store.id(), event, event.time_us)));
  }
}

}  // namespace

AuditResult MeasureAudit(const TrustOptions& options) {
  const TemporaryFolder folder;
  const std::string path = folder.File("vigie.db");
  const auto store = OrThrow(OpenSqliteStore(path));
  const SigningKey key = OrThrow(SigningKey::LoadOrMake(folder.File("audit.key")));
  AuditResult result;
  auto begin = Clock::now();
  Append(*store, key, options.entries);
  result.append_s = MicrosecondsSince(begin) * 1e-6;

  // One microsecond of one event is changed, and found; then it is put back, and nothing is found.
  const auto edit = OrThrow(SqlConnection::Open(path));
  const std::string where = " WHERE number=" + std::to_string(options.entries / 2);
  OrThrow(edit->Exec(("UPDATE events SET time_us=time_us+1" + where).c_str()));
  result.found_edit =
      ReasonOf(VerifyEvents(*store, key.public_key(), std::nullopt).status()) == "CHAIN_BROKEN";
  OrThrow(edit->Exec(("UPDATE events SET time_us=time_us-1" + where).c_str()));
  begin = Clock::now();
  result.events = OrThrow(VerifyEvents(*store, key.public_key(), std::nullopt)).events;
  result.verify_s = MicrosecondsSince(begin) * 1e-6;
  return result;
}

}  // namespace vigie::bench
