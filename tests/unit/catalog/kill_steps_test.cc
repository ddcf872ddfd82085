// kill -9 at every step of an upload, of every transition, and of what is written of verdicts: what
// was acknowledged is there, what was not is absent or complete, and the chain of events verifies.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <string>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/store/sqlite_store.h"
#include "tests/support/catalog_session.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

using testing::Change;
using testing::Everything;
using testing::EverythingIn;
using testing::FailingStore;
using testing::FakeClock;
using testing::Script;
using testing::Take;

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
