// kill -9 at every step of an upload, of every transition, and of what is written of verdicts: what
// was acknowledged is there, what was not is absent or complete, and the chain of events verifies.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/catalog/audit.h"
#include "engine/catalog/catalog.h"
#include "engine/store/sqlite_store.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

using testing::EntryOf;
using testing::FailingStore;
using testing::FakeClock;
using testing::PdqPrint;
using testing::Random;
using testing::Take;
using testing::WithRole;

constexpr int kEntries = 4;
const Principal kFlagger = testing::Flagger("org-a");
const Decision kByAna = {
    .person = "Ana Lys", .reason = ReasonCode::kOther, .case_reference = "24/1"};
const Decision kByBo = {.person = "Bo Ek", .reason = ReasonCode::kOther};

using Change = std::function<absl::Status(Catalog&)>;

const std::vector<Pdq256>& Hashes() {
  static const std::vector<Pdq256> hashes = [] {
    Random random(11);
    std::vector<Pdq256> made;
    for (int i = 0; i < kEntries; ++i) made.push_back(random.Hash());
    return made;
  }();
  return hashes;
}

Change Act(Role role, std::string organisation, EntryNumber entry, EntryAction action,
           Decision decision) {
  return [=](Catalog& catalog) {
    return catalog
        .Transition(WithRole(role, organisation), "known", catalog.EntryId(entry), action, decision)
        .status();
  };
}

// Every kind of change, one after the other.
std::vector<Change> Script() {
  using enum EntryAction;
  const auto upload = [](size_t first, size_t count) {
    return [=](Catalog& catalog) {
      std::vector<NewEntry> entries;
      for (size_t i = first; i < first + count; ++i) {
        entries.push_back(EntryOf({PdqPrint(Hashes()[i])}));
      }
      return catalog.Upload(kFlagger, "known", entries).status();
    };
  };
  const VerdictBatch said = {
      .verdicts = {{.time_us = 5,
                    .organisation = "forum",
                    .key_id = "key",
                    .outcome = Outcome::kMatch,
                    .action = Action::kProvisionalBlock,
                    .revision = 1,
                    .matches = {{.entry = 1, .list = 1, .action = Action::kProvisionalBlock}}}},
      .counts = {}};
  return {
      [](Catalog& catalog) { return catalog.CreateList(kFlagger, {.id = "known"}).status(); },
      upload(0, 3),
      upload(3, 1),
      [said](Catalog& catalog) {
        const EntryNumber too_many = 2;
        return catalog.RecordVerdicts(said, {&too_many, 1});
      },
      [](Catalog& catalog) {
        return catalog.GiveFeedback(WithRole(Role::kPlatform, "forum"), "known", catalog.EntryId(1),
                                    catalog.SealUpload("forum", UploadId{}), /*correct=*/false,
                                    /*release=*/true);
      },
      Act(Role::kReviewer, "moderators", 1, kConfirm, kByAna),
      Act(Role::kPlatform, "forum", 1, kContest, kByBo),
      Act(Role::kReviewer, "others", 1, kReverse, kByBo),
      Act(Role::kReviewer, "moderators", 2, kResume, kByAna),
      Act(Role::kOperator, "host", 2, kSuspend, kByAna),
      Act(Role::kTrustedFlagger, "org-a", 2, kRenew, {}),
      Act(Role::kReviewer, "moderators", 3, kReject, kByAna),
      Act(Role::kAuthority, "court", 3, kRevoke, kByAna),
      Act(Role::kTrustedFlagger, "org-a", 4, kWithdraw, {}),
      Act(Role::kAuthority, "court", 2, kErase, kByAna),
  };
}

// Everything that the changes leave, in words; fails when the chain or the index do not agree.
std::string Everything(Store& store, Catalog& catalog) {
  std::string text;
  for (EntryNumber number = 1; number <= kEntries; ++number) {
    const auto entry = Take(store.ReadEntry(number));
    if (!entry.has_value()) continue;
    absl::StrAppend(&text, number, " ", ToAbsl(Name(entry->state)), " ",
                    ToAbsl(Name(entry->suspension)), " ", entry->renewals, " ",
                    entry->fingerprints.size(), ":");
    for (const EventRecord& event : Take(store.ReadEvents(number))) {
      absl::StrAppend(&text, " ", ToAbsl(Name(event.kind)));
    }
    const Sightings seen = Take(store.verdicts().CountSightings(number));
    absl::StrAppend(&text, " seen ", seen.provisionally_blocked, " released ",
                    catalog.IsReleased(number, "forum", UploadId{}) ? "yes" : "no", "\n");
    const Pdq256 hash = Hashes()[number - 1];
    const bool found = !Take(catalog.FindNear({&hash, 1}, 0)).empty();
    EXPECT_EQ(found, catalog.IsActing(number)) << number;
  }
  for (const Tally& tally : Take(store.verdicts().ReadTallies("org-a"))) {
    absl::StrAppend(&text, ToAbsl(Name(tally.kind)), " ", tally.entries, "\n");
  }
  testing::TemporaryFolder folder;
  const auto key = Take(SigningKey::LoadOrMake(folder.File("key")));
  const auto chain = VerifyEvents(store, key.public_key(), std::nullopt);
  EXPECT_TRUE(chain.ok()) << chain.status();
  if (chain.ok()) absl::StrAppend(&text, chain->events, " events");
  return text;
}

std::string EverythingIn(const std::string& file) {
  FakeClock clock;
  const auto store = Take(OpenSqliteStore(file));
  const auto catalog = Take(Catalog::Open(*store, clock, {}, {}));
  return Everything(*store, *catalog);
}

// Runs the script on a new database in `file`, in another process that writes a byte for each
// change that was acknowledged and is killed at the writer's call number `step`, or after commit
// number `commit`. Returns how many were acknowledged; `*killed` says whether it got so far.
size_t RunUntilKilled(const std::string& file, int step, int commit, bool* killed) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    FakeClock clock;
    FailingStore store(Take(OpenSqliteStore(file)));
    const auto catalog = Take(Catalog::Open(store, clock, {}, {}));
    store.on_failure = [] { kill(getpid(), SIGKILL); };
    int commits = 0;
    store.after_commit = [&commits, commit] {
      if (++commits == commit) kill(getpid(), SIGKILL);
    };
    store.FailAt(step);
    for (const Change& change : Script()) {
      if (!change(*catalog).ok()) _exit(2);
      if (write(ends[1], "x", 1) != 1) _exit(3);
    }
    _exit(0);
  }
  close(ends[1]);
  size_t acknowledged = 0;
  char byte = 0;
  while (read(ends[0], &byte, 1) == 1) ++acknowledged;
  close(ends[0]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  *killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  EXPECT_TRUE(*killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) << status;
  return acknowledged;
}

class KilledAtEveryStep : public ::testing::Test {
 protected:
  // What there is after each number of changes.
  KilledAtEveryStep() {
    testing::TemporaryFolder folder;
    FakeClock clock;
    const auto store = Take(OpenSqliteStore(folder.File("vigie.db")));
    const auto catalog = Take(Catalog::Open(*store, clock, {}, {}));
    expected_.push_back(Everything(*store, *catalog));
    for (const Change& change : Script()) {
      const absl::Status status = change(*catalog);
      EXPECT_TRUE(status.ok()) << "change " << expected_.size() << ": " << status;
      expected_.push_back(Everything(*store, *catalog));
    }
  }

  // Kills at 1, 2, 3... until the script ends first: how often it did.
  int KillUntilTheEnd(const std::function<size_t(const std::string&, int, bool*)>& run) {
    for (int number = 1;; ++number) {
      testing::TemporaryFolder folder;
      const std::string file = folder.File("vigie.db");
      bool killed = false;
      const size_t acknowledged = run(file, number, &killed);
      const std::string found = EverythingIn(file);
      if (!killed) {
        EXPECT_EQ(acknowledged, Script().size());
        EXPECT_EQ(found, expected_.back());
        return number - 1;
      }
      EXPECT_LT(acknowledged, Script().size()) << number;
      if (acknowledged >= Script().size()) return 0;
      EXPECT_TRUE(found == expected_[acknowledged] || found == expected_[acknowledged + 1])
          << "killed at " << number << " after " << acknowledged << " changes:\n"
          << found << "\ninstead of\n"
          << expected_[acknowledged];
    }
  }

  std::vector<std::string> expected_;
};

TEST_F(KilledAtEveryStep, OfTheWriterWhatWasAcknowledgedIsThereAndTheRestIsNot) {
  const int steps = KillUntilTheEnd([](const std::string& file, int step, bool* killed) {
    return RunUntilKilled(file, step, 0, killed);
  });
  EXPECT_GT(steps, 100);
  std::printf("killed at each of %d steps\n", steps);
}

TEST_F(KilledAtEveryStep, BetweenACommitAndItsAcknowledgementTheChangeIsComplete) {
  const int commits = KillUntilTheEnd([](const std::string& file, int commit, bool* killed) {
    return RunUntilKilled(file, 0, commit, killed);
  });
  EXPECT_EQ(commits, static_cast<int>(Script().size()));
}

}  // namespace
}  // namespace vigie
