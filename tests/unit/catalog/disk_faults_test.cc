// A disk that fails at every single write, sync, truncation and removal of a session: each change
// is acknowledged or refused with a reason, what was acknowledged is there, what was refused is
// not, also after a crash; checks go on; and it works again when the disk does.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/store/sqlite_store.h"
#include "tests/support/catalog_session.h"
#include "tests/support/engine_fixtures.h"
#include "tests/support/fault_vfs.h"

namespace vigie {
namespace {

using testing::Change;
using testing::DiskFault;
using testing::Everything;
using testing::EverythingIn;
using testing::FakeClock;
using testing::FaultVfs;
using testing::Script;
using testing::Take;
using testing::TemporaryFolder;

#ifdef VIGIE_SANITIZED
constexpr int kStride = 5;  // places that are tried
#else
constexpr int kStride = 1;
#endif

struct Case {
  DiskFault fault;
  bool lasting;
};

struct Counts {
  int faults = 0;   // places
  int refused = 0;  // changes
  int crashes = 0;
};

class FailingDisk : public ::testing::TestWithParam<Case> {
 protected:
  FailingDisk() {
    const TemporaryFolder folder;
    FakeClock clock;
    const auto store = Take(OpenSqliteStore(folder.File("vigie.db")));
    const auto catalog = Take(Catalog::Open(*store, clock, {}, {}));
    expected_.push_back(Everything(*store, *catalog));
    for (const Change& change : Script()) {
      EXPECT_TRUE(change(*catalog).ok());
      expected_.push_back(Everything(*store, *catalog));
    }
  }

  // What a crash now would leave, when `done` changes were acknowledged and the next was refused.
  void CheckCrash(const std::string& file, size_t done, const FaultVfs& disk, int place) {
    const TemporaryFolder folder;
    const std::string copy = folder.File("vigie.db");
    std::filesystem::copy_file(file, copy);
    if (std::filesystem::exists(file + "-wal")) {
      std::filesystem::copy_file(file + "-wal", copy + "-wal");
    }
    const std::string found = EverythingIn(copy);
    // A disk that does not even take the next write cannot be told to forget what it failed to say
    // it had: then alone the change may be there.
    const bool may_be_there = GetParam().lasting && disk.sync_failed();
    EXPECT_TRUE(found == expected_[done] || (may_be_there && found == expected_[done + 1]))
        << "crash after a failure at " << place << ":\n"
        << found << "\ninstead of\n"
        << expected_[done];
    ++counts_.crashes;
  }

  // Runs the session with a failure at `place`. False: it has fewer places.
  bool Run(int place) {
    const TemporaryFolder folder;
    const std::string file = folder.File("vigie.db");
    FaultVfs disk;
    FakeClock clock;
    {
      const auto store = Take(OpenSqliteStore(file));
      const auto catalog = Take(Catalog::Open(*store, clock, {}, {}));
      const std::vector<Change> script = Script();
      disk.FailAt(place, GetParam().fault, GetParam().lasting);
      for (size_t done = 0; done < script.size(); ++done) {
        absl::Status status = script[done](*catalog);
        if (status.ok()) continue;
        ++counts_.refused;
        const std::string reason = ReasonOf(status);
        EXPECT_TRUE(reason == "DISK_FULL" || reason == "DATABASE_FAILED") << status;
        EXPECT_TRUE(absl::IsResourceExhausted(status) || absl::IsUnavailable(status)) << status;
        // Reads and checks go on, and see nothing of it.
        EXPECT_EQ(Everything(*store, *catalog), expected_[done]) << "failure at " << place;
        for (int again = 0; GetParam().lasting && again < 2; ++again) {
          EXPECT_FALSE(script[done](*catalog).ok());
        }
        disk.Lift();
        CheckCrash(file, done, disk, place);
        status = script[done](*catalog);
        EXPECT_TRUE(status.ok()) << "failure at " << place << ", again: " << status;
      }
      disk.Lift();
      EXPECT_EQ(Everything(*store, *catalog), expected_.back()) << "failure at " << place;
      EXPECT_TRUE(store->CheckIntegrity().ok());
    }
    EXPECT_EQ(EverythingIn(file), expected_.back()) << "failure at " << place << ", reopened";
    return disk.failed();
  }

  std::vector<std::string> expected_;
  Counts counts_;
};

TEST_P(FailingDisk, AtEveryPlaceLosesNothingAndShowsNothingThatWasRefused) {
  for (int place = 1; Run(place) && !HasFailure(); place += kStride) ++counts_.faults;
  std::printf("%d places, %d changes refused, %d crashes\n", counts_.faults, counts_.refused,
              counts_.crashes);
  EXPECT_GT(counts_.faults, 200 / kStride);
  EXPECT_GT(counts_.refused, 50 / kStride);
}

std::string NameOf(const ::testing::TestParamInfo<Case>& info) {
  const char* const names[] = {"Full", "Torn", "Io"};
  return std::string(names[static_cast<int>(info.param.fault)]) +
         (info.param.lasting ? "UntilLifted" : "Once");
}

INSTANTIATE_TEST_SUITE_P(Faults, FailingDisk,
                         ::testing::Values(Case{DiskFault::kFull, false},
                                           Case{DiskFault::kFull, true},
                                           Case{DiskFault::kTorn, false},
                                           Case{DiskFault::kTorn, true},
                                           Case{DiskFault::kIo, false}, Case{DiskFault::kIo, true}),
                         NameOf);

}  // namespace
}  // namespace vigie
