#include "engine/store/sqlite_verdicts.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/store/sqlite_records.h"

namespace vigie {
namespace {

int64_t OrZero(std::optional<Action> action) {
  return action.has_value() ? static_cast<int64_t>(*action) : 0;
}

std::optional<Action> ActionOf(int64_t value) {
  return value == 0 ? std::nullopt : std::optional(static_cast<Action>(value));
}

std::string_view AsText(const UploadId& id) {
  return {reinterpret_cast<const char*>(id.data()), id.size()};
}

UploadId UploadIdOf(const std::string& bytes) {
  UploadId id{};
  std::copy_n(bytes.begin(), std::min(bytes.size(), id.size()), id.begin());
  return id;
}

FeedbackRecord ReadFeedback(const SqlStatement& row) {
  return {.entry = static_cast<EntryNumber>(row.GetInt(0)),
          .organisation = row.GetText(1),
          .upload = UploadIdOf(row.GetText(2)),
          .correct = row.GetInt(3) != 0,
          .released = row.GetInt(4) != 0,
          .time_us = row.GetInt(5)};
}

// Parameters: organisation, after, until. What changed in these revisions of what the organisation
// had been told of; and, of what it was told of in these revisions, what had changed since the
// state that the verdict was made on.
constexpr char kChanges[] = R"sql(
SELECT entry, max(event), reason, time_us FROM (
  SELECT s.entry AS entry, e.number AS event, e.reason AS reason, e.time_us AS time_us
    FROM events e CROSS JOIN sightings s ON s.entry=e.entry AND s.organisation=?1
    WHERE e.kind<200 AND e.kind>100 AND e.revision>?2 AND e.revision<=?3
  UNION ALL
  SELECT s.entry, e.number, e.reason, e.time_us
    FROM events e CROSS JOIN sightings s ON s.organisation=?1 AND s.list=e.list
    WHERE e.kind<200 AND e.kind IN (3, 4) AND e.revision>?2 AND e.revision<=?3
  UNION ALL
  SELECT s.entry, e.number, e.reason, e.time_us
    FROM sightings s CROSS JOIN events e ON e.entry=s.entry
    WHERE s.organisation=?1 AND s.revision>?2 AND s.revision<=?3
      AND e.kind<200 AND e.kind>100 AND e.revision>s.seen_revision AND e.revision<=?2
  UNION ALL
  SELECT s.entry, e.number, e.reason, e.time_us
    FROM sightings s CROSS JOIN events e ON e.list=s.list
    WHERE s.organisation=?1 AND s.revision>?2 AND s.revision<=?3
      AND e.kind<200 AND e.kind IN (3, 4) AND e.revision>s.seen_revision AND e.revision<=?2
) GROUP BY entry ORDER BY entry)sql";

class SqliteVerdictLog final : public VerdictLog {
 public:
  explicit SqliteVerdictLog(std::unique_ptr<SqlConnection> db) : db_(std::move(db)) {}

  absl::StatusOr<Sightings> CountSightings(EntryNumber entry) override;
  absl::StatusOr<std::vector<SightedChange>> ReadChanges(std::string_view organisation,
                                                         Revision after, Revision until) override;
  absl::StatusOr<std::optional<Revision>> ReadRevisionOfChange(Revision after, int limit) override;
  absl::StatusOr<std::vector<VerdictRecord>> ReadVerdicts(int limit) override;
  absl::StatusOr<FeedbackCounts> CountFeedback(EntryNumber entry) override;
  absl::StatusOr<std::vector<FeedbackRecord>> ReadReleases() override;
  absl::StatusOr<std::vector<Tally>> ReadTallies(std::string_view organisation) override;
  absl::StatusOr<std::vector<CheckCount>> ReadCheckCounts(int64_t first_day) override;

 private:
  template <typename Binder, typename Visit>
  absl::Status ForEach(std::string_view sql, const Binder& bind, const Visit& visit) {
    const std::lock_guard lock(mutex_);
    SqlStatement query;
    VIGIE_ASSIGN_OR_RETURN(query, db_->Prepare(sql));
    bind(query);
    while (true) {
      bool row = false;
      VIGIE_ASSIGN_OR_RETURN(row, query.Step());
      if (!row) return absl::OkStatus();
      visit(query);
    }
  }

  std::mutex mutex_;
  std::unique_ptr<SqlConnection> db_;
};

absl::StatusOr<Sightings> SqliteVerdictLog::CountSightings(EntryNumber entry) {
  Sightings counts;
  VIGIE_RETURN_IF_ERROR(ForEach(
      "SELECT ifnull(sum(reported), 0), ifnull(sum(held), 0), ifnull(sum(provisional), 0), "
      "ifnull(sum(blocked), 0), count(*) FROM sightings WHERE entry=?",
      [entry](SqlStatement& query) { query.Int(entry); },
      [&counts](const SqlStatement& row) {
        counts = {.reported = row.GetInt(0),
                  .held = row.GetInt(1),
                  .provisionally_blocked = row.GetInt(2),
                  .blocked = row.GetInt(3),
                  .platforms = row.GetInt(4)};
      }));
  return counts;
}

absl::StatusOr<std::vector<SightedChange>> SqliteVerdictLog::ReadChanges(
    std::string_view organisation, Revision after, Revision until) {
  std::vector<SightedChange> changes;
  VIGIE_RETURN_IF_ERROR(ForEach(
      kChanges,
      [&](SqlStatement& query) {
        query.Text(organisation).Int(static_cast<int64_t>(after)).Int(static_cast<int64_t>(until));
      },
      [&changes](const SqlStatement& row) {
        changes.push_back({.entry = static_cast<EntryNumber>(row.GetInt(0)),
                           .reason = static_cast<ReasonCode>(row.GetInt(2)),
                           .time_us = row.GetInt(3)});
      }));
  return changes;
}

absl::StatusOr<std::optional<Revision>> SqliteVerdictLog::ReadRevisionOfChange(Revision after,
                                                                               int limit) {
  std::optional<Revision> revision;
  VIGIE_RETURN_IF_ERROR(ForEach(
      "SELECT revision FROM events WHERE kind<200 AND revision>? ORDER BY revision LIMIT 1 OFFSET "
      "?",
      [&](SqlStatement& query) { query.Int(static_cast<int64_t>(after)).Int(limit - 1); },
      [&revision](const SqlStatement& row) { revision = static_cast<Revision>(row.GetInt(0)); }));
  return revision;
}

absl::StatusOr<std::vector<VerdictRecord>> SqliteVerdictLog::ReadVerdicts(int limit) {
  std::vector<VerdictRecord> verdicts;
  int64_t last = 0;
  VIGIE_RETURN_IF_ERROR(ForEach(
      "SELECT v.number, v.time_us, v.organisation, v.action, v.revision, m.entry, m.list, m.state, "
      "m.court_basis, m.suspension, m.released, m.algorithm, m.distance, m.action, v.outcome, "
      "m.partial FROM "
      "(SELECT * "
      "FROM verdicts ORDER BY number DESC LIMIT ?) v JOIN verdict_matches m ON m.verdict=v.number "
      "ORDER BY v.number, m.position",
      [limit](SqlStatement& query) { query.Int(limit); },
      [&](const SqlStatement& row) {
        if (row.GetInt(0) != last) {
          last = row.GetInt(0);
          verdicts.push_back({.time_us = row.GetInt(1),
                              .organisation = row.GetText(2),
                              .key_id = "",
                              .outcome = static_cast<Outcome>(row.GetInt(14)),
                              .action = ActionOf(row.GetInt(3)),
                              .revision = static_cast<Revision>(row.GetInt(4)),
                              .matches = {}});
        }
        verdicts.back().matches.push_back({.entry = static_cast<EntryNumber>(row.GetInt(5)),
                                           .list = static_cast<ListNumber>(row.GetInt(6)),
                                           .state = static_cast<EntryState>(row.GetInt(7)),
                                           .court_basis = row.GetInt(8) != 0,
                                           .suspension = static_cast<Suspension>(row.GetInt(9)),
                                           .released = row.GetInt(10) != 0,
                                           .algorithm = static_cast<Algorithm>(row.GetInt(11)),
                                           .distance = static_cast<int>(row.GetInt(12)),
                                           .partial = row.GetInt(15) != 0,
                                           .action = ActionOf(row.GetInt(13))});
      }));
  return verdicts;
}

absl::StatusOr<FeedbackCounts> SqliteVerdictLog::CountFeedback(EntryNumber entry) {
  FeedbackCounts counts;
  VIGIE_RETURN_IF_ERROR(ForEach(
      "SELECT ifnull(sum(correct), 0), ifnull(sum(1-correct), 0) FROM feedback WHERE entry=?",
      [entry](SqlStatement& query) { query.Int(entry); },
      [&counts](const SqlStatement& row) {
        counts = {.correct = row.GetInt(0), .wrong = row.GetInt(1)};
      }));
  return counts;
}

absl::StatusOr<std::vector<FeedbackRecord>> SqliteVerdictLog::ReadReleases() {
  std::vector<FeedbackRecord> releases;
  absl::Status sound;
  VIGIE_RETURN_IF_ERROR(ForEach(
      absl::StrCat("SELECT ", ColumnsAndCheck(kFeedbackTable), " FROM feedback WHERE released=1"),
      [](SqlStatement&) {},
      [&](const SqlStatement& row) {
        sound.Update(CheckRow(row, kFeedbackTable));
        releases.push_back(ReadFeedback(row));
      }));
  VIGIE_RETURN_IF_ERROR(sound);
  return releases;
}

absl::StatusOr<std::vector<Tally>> SqliteVerdictLog::ReadTallies(std::string_view organisation) {
  std::vector<Tally> tallies;
  VIGIE_RETURN_IF_ERROR(ForEach(
      "SELECT kind, entries FROM tallies WHERE organisation=? ORDER BY kind",
      [organisation](SqlStatement& query) { query.Text(organisation); },
      [&tallies](const SqlStatement& row) {
        tallies.push_back(
            {.kind = static_cast<EventKind>(row.GetInt(0)), .entries = row.GetInt(1)});
      }));
  return tallies;
}

absl::StatusOr<std::vector<CheckCount>> SqliteVerdictLog::ReadCheckCounts(int64_t first_day) {
  std::vector<CheckCount> counts;
  VIGIE_RETURN_IF_ERROR(ForEach(
      "SELECT day, organisation, outcome, action, checks FROM verdict_counts WHERE day>=? ORDER BY "
      "day, organisation, outcome, action",
      [first_day](SqlStatement& query) { query.Int(first_day); },
      [&counts](const SqlStatement& row) {
        counts.push_back({.day = row.GetInt(0),
                          .organisation = row.GetText(1),
                          .outcome = static_cast<Outcome>(row.GetInt(2)),
                          .action = ActionOf(row.GetInt(3)),
                          .checks = row.GetInt(4)});
      }));
  return counts;
}

}  // namespace

absl::StatusOr<VerdictWriter> VerdictWriter::Prepare(SqlConnection& db) {
  VerdictWriter w;
  VIGIE_ASSIGN_OR_RETURN(w.insert_verdict_,
                         db.Prepare("INSERT INTO verdicts VALUES (NULL, ?, ?, ?, ?, ?)"));
  VIGIE_ASSIGN_OR_RETURN(w.last_verdict_,
                         db.Prepare("SELECT ifnull(max(number), 0) FROM verdicts"));
  VIGIE_ASSIGN_OR_RETURN(
      w.insert_match_,
      db.Prepare("INSERT INTO verdict_matches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  VIGIE_ASSIGN_OR_RETURN(w.forget_verdicts_, db.Prepare("DELETE FROM verdicts WHERE number<=?"));
  VIGIE_ASSIGN_OR_RETURN(w.forget_matches_,
                         db.Prepare("DELETE FROM verdict_matches WHERE verdict<=?"));
  VIGIE_ASSIGN_OR_RETURN(
      w.sight_,
      db.Prepare("INSERT INTO sightings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON "
                 "CONFLICT DO UPDATE SET last_us=max(last_us, excluded.last_us), "
                 "revision=iif(excluded.seen_revision<seen_revision, excluded.revision, revision), "
                 "seen_revision=min(seen_revision, excluded.seen_revision), "
                 "reported=reported+excluded.reported, held=held+excluded.held, "
                 "provisional=provisional+excluded.provisional, "
                 "blocked=blocked+excluded.blocked"));
  VIGIE_ASSIGN_OR_RETURN(w.is_sighted_,
                         db.Prepare("SELECT 1 FROM sightings WHERE entry=? AND organisation=?"));
  VIGIE_ASSIGN_OR_RETURN(w.count_,
                         db.Prepare("INSERT INTO verdict_counts VALUES (?, ?, ?, ?, ?) ON CONFLICT "
                                    "DO UPDATE SET checks=checks+excluded.checks"));
  VIGIE_ASSIGN_OR_RETURN(
      w.feedback_of_,
      db.Prepare(absl::StrCat("SELECT ", kFeedbackTable.columns,
                              " FROM feedback WHERE entry=? AND organisation=? AND upload=?")));
  VIGIE_ASSIGN_OR_RETURN(w.set_feedback_,
                         db.Prepare(InsertWithSum(kFeedbackTable) +
                                    " ON CONFLICT DO UPDATE SET correct=excluded.correct, "
                                    "released=excluded.released, time_us=excluded.time_us, "
                                    "sum=excluded.sum"));
  VIGIE_ASSIGN_OR_RETURN(w.tally_,
                         db.Prepare("INSERT INTO tallies VALUES (?, ?, ?) ON CONFLICT DO UPDATE "
                                    "SET entries=entries+excluded.entries"));
  return w;
}

absl::Status VerdictWriter::RecordOne(const VerdictRecord& verdict, Revision revision) {
  VIGIE_RETURN_IF_ERROR(insert_verdict_.Int(verdict.time_us)
                            .Text(verdict.organisation)
                            .Int(static_cast<int>(verdict.outcome))
                            .Int(OrZero(verdict.action))
                            .Int(static_cast<int64_t>(verdict.revision))
                            .Run());
  bool any = false;
  VIGIE_ASSIGN_OR_RETURN(any, last_verdict_.Step());
  const int64_t number = any ? last_verdict_.GetInt(0) : 0;
  last_verdict_.Reset();
  int position = 0;
  for (const VerdictMatch& match : verdict.matches) {
    VIGIE_RETURN_IF_ERROR(insert_match_.Int(number)
                              .Int(position++)
                              .Int(match.entry)
                              .Int(match.list)
                              .Int(static_cast<int>(match.state))
                              .Int(match.court_basis ? 1 : 0)
                              .Int(static_cast<int>(match.suspension))
                              .Int(match.released ? 1 : 0)
                              .Int(static_cast<int>(match.algorithm))
                              .Int(match.distance)
                              .Int(OrZero(match.action))
                              .Int(match.partial ? 1 : 0)
                              .Run());
    if (!match.action.has_value()) continue;
    sight_.Int(match.entry).Text(verdict.organisation).Int(match.list);
    sight_.Int(verdict.time_us).Int(verdict.time_us);
    sight_.Int(static_cast<int64_t>(verdict.revision)).Int(static_cast<int64_t>(revision));
    for (const Action action :
         {Action::kReportOnly, Action::kHoldForReview, Action::kProvisionalBlock, Action::kBlock}) {
      sight_.Int(action == *match.action ? 1 : 0);
    }
    VIGIE_RETURN_IF_ERROR(sight_.Run());
  }
  const int64_t forget = number - kKeptVerdicts;
  if (forget <= 0) return absl::OkStatus();
  VIGIE_RETURN_IF_ERROR(forget_verdicts_.Int(forget).Run());
  return forget_matches_.Int(forget).Run();
}

absl::Status VerdictWriter::Record(const VerdictBatch& batch, Revision revision) {
  for (const VerdictRecord& verdict : batch.verdicts) {
    VIGIE_RETURN_IF_ERROR(RecordOne(verdict, revision));
  }
  for (const CheckCount& count : batch.counts) {
    VIGIE_RETURN_IF_ERROR(count_.Int(count.day)
                              .Text(count.organisation)
                              .Int(static_cast<int>(count.outcome))
                              .Int(OrZero(count.action))
                              .Int(count.checks)
                              .Run());
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> VerdictWriter::IsSighted(EntryNumber entry, std::string_view organisation) {
  bool found = false;
  VIGIE_ASSIGN_OR_RETURN(found, is_sighted_.Int(entry).Text(organisation).Step());
  is_sighted_.Reset();
  return found;
}

absl::StatusOr<std::optional<FeedbackRecord>> VerdictWriter::SetFeedback(
    const FeedbackRecord& feedback) {
  std::optional<FeedbackRecord> before;
  bool found = false;
  VIGIE_ASSIGN_OR_RETURN(found, feedback_of_.Int(feedback.entry)
                                    .Text(feedback.organisation)
                                    .Blob(AsText(feedback.upload))
                                    .Step());
  if (found) before = ReadFeedback(feedback_of_);
  feedback_of_.Reset();
  VIGIE_RETURN_IF_ERROR(set_feedback_.Int(feedback.entry)
                            .Text(feedback.organisation)
                            .Blob(AsText(feedback.upload))
                            .Int(feedback.correct ? 1 : 0)
                            .Int(feedback.released ? 1 : 0)
                            .Int(feedback.time_us)
                            .Run());
  return before;
}

absl::Status VerdictWriter::AddToTally(std::string_view organisation, EventKind kind,
                                       int64_t entries) {
  return tally_.Text(organisation).Int(static_cast<int>(kind)).Int(entries).Run();
}

absl::StatusOr<std::unique_ptr<VerdictLog>> OpenSqliteVerdictLog(const std::string& path,
                                                                 Access access) {
  std::unique_ptr<SqlConnection> db;
  VIGIE_ASSIGN_OR_RETURN(db, SqlConnection::Open(path, access));
  return std::make_unique<SqliteVerdictLog>(std::move(db));
}

}  // namespace vigie
