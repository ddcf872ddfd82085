// Decoders whose processes are ended, stopped or left alone by others.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>

#include "server/decode/sandbox.h"
#include "tests/unit/decode/faults.h"
#include "tests/unit/decode/hasher_fixture.h"

extern char** environ;

namespace vigie {
namespace {

using testing::Encode;
using testing::ExpectSame;
using testing::InProcess;
using testing::kForever;
using testing::Pattern;
using testing::Random;
using testing::Replaced;
using testing::StartHasher;
using testing::WordsOf;

// The state of a process by the kernel's letter, 'Z' also when there is none; and its parent.
struct Facts {
  char state = 'Z';
  pid_t parent = -1;
};
Facts FactsOf(pid_t pid) {
  const auto words = WordsOf("/proc/" + std::to_string(pid) + "/stat");
  for (size_t i = 1; i + 2 < words.size(); ++i) {
    if (words[i].ends_with(")")) return {words[i + 1][0], std::stoi(words[i + 2])};
  }
  return {};
}

// Under a sanitizer a process has threads that end after its first one.
size_t ThreadsOf(pid_t pid) {
  std::error_code error;
  const std::filesystem::directory_iterator threads("/proc/" + std::to_string(pid) + "/task",
                                                    error);
  return error ? 0 : static_cast<size_t>(std::distance(begin(threads), end(threads)));
}

bool EndsSoon(pid_t pid) {
  for (int i = 0; i < 6000; ++i) {
    const char state = FactsOf(pid).state;
    if ((state == 'Z' || state == 'X') && ThreadsOf(pid) <= 1) return true;
    usleep(10'000);
  }
  return false;
}

// Sends `number` to a worker, unless it is gone and the number might be another's. True: sent.
bool Signal(pid_t pid, pid_t spawner, int number) {
  if (pid < 0) return false;
  const decode::File process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  const Facts facts = FactsOf(pid);
  return process.open() && facts.parent == spawner && facts.state != 'Z' &&
         syscall(SYS_pidfd_send_signal, process.get(), number, nullptr, 0) == 0;
}

TEST(DecoderProcess, OneEndedWhileIdleCostsNoRequest) {
  const auto hasher = StartHasher({.workers = 2});
  const auto good = Encode(Pattern(200, 100, 4), ".jpg");
  const auto expected = InProcess(good);
  int killed = 0;
  for (int i = 0; i < 20; ++i) {
    const auto processes = hasher->Processes();
    for (size_t w = 0; w < 2; ++w) {
      // The other one may lie dead since the last time: it was not needed.
      killed += Signal(processes[w], processes.back(), SIGKILL) ? 1 : 0;
      ASSERT_TRUE(EndsSoon(processes[w]));
    }
    ExpectSame(hasher->Hash(good, {}, kForever), expected, "after a kill");
  }
  EXPECT_GE(killed, 20);
  EXPECT_EQ(Replaced(hasher->stats(), DecoderEnd::kFoundDead), Replaced(hasher->stats()));
  EXPECT_GE(Replaced(hasher->stats()), 20U);
}

TEST(DecoderProcess, SignalsThatEndServersDoNotEndDecoders) {
  const auto hasher = StartHasher();
  const auto processes = hasher->Processes();
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE}) {
    ASSERT_TRUE(Signal(processes[0], processes[1], number));
    ASSERT_TRUE(Signal(processes[1], getpid(), number));
  }
  const auto good = Encode(Pattern(200, 100, 4), ".jpg");
  ExpectSame(hasher->Hash(good, {}, kForever), InProcess(good), "after signals");
  EXPECT_EQ(Replaced(hasher->stats()), 0U);
  EXPECT_EQ(hasher->Processes(), processes);
  // A terminal's signals go to one process group.
  EXPECT_EQ(getpgid(processes[1]), processes[1]);
  EXPECT_EQ(getpgid(processes[0]), processes[1]);
}

TEST(DecoderProcess, WithoutItsSpawnerAnotherIsStarted) {
  const auto hasher = StartHasher({.workers = 2});
  const auto good = Encode(Pattern(200, 100, 4), ".jpg");
  const auto expected = InProcess(good);
  for (int i = 0; i < 3; ++i) {
    const auto processes = hasher->Processes();
    ASSERT_TRUE(Signal(processes.back(), getpid(), SIGKILL));
    for (size_t w = 0; w < 2; ++w) ASSERT_TRUE(EndsSoon(processes[w]));
    for (int n = 0; n < 5; ++n) ExpectSame(hasher->Hash(good, {}, kForever), expected, "again");
  }
  EXPECT_EQ(hasher->stats().spawner_starts, 4U);
}

TEST(DecoderProcess, AStoppedSpawnerIsReplaced) {
  const auto hasher = StartHasher();
  const auto processes = hasher->Processes();
  ASSERT_TRUE(Signal(processes.back(), getpid(), SIGSTOP));
  const auto good = Encode(Pattern(200, 100, 4), ".jpg");
  const auto expected = InProcess(good);
  ExpectSame(hasher->Hash(good, {}, kForever), expected, "its worker goes on");
  ASSERT_TRUE(Signal(processes[0], processes.back(), SIGKILL));
  ASSERT_TRUE(EndsSoon(processes[0]));
  ExpectSame(hasher->Hash(good, {}, kForever), expected, "by another one's worker");
  EXPECT_EQ(hasher->stats().spawner_starts, 2U);
}

TEST(DecoderProcess, NoneIsLeftWhenTheHasherGoes) {
  auto hasher = StartHasher({.workers = 3});
  const auto processes = hasher->Processes();
  hasher.reset();
  for (const pid_t pid : processes) EXPECT_TRUE(EndsSoon(pid));
}

TEST(DecoderProcess, NoneIsLeftWhenTheServerIsKilled) {
  int output[2];
  ASSERT_EQ(pipe2(output, O_CLOEXEC), 0);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, output[1], STDOUT_FILENO);
  char* const arguments[] = {const_cast<char*>("decode_test"),
                             const_cast<char*>(testing::kHoldCommand), nullptr};
  pid_t server = -1;
  ASSERT_EQ(posix_spawn(&server, "/proc/self/exe", &files, nullptr, arguments, environ), 0);
  posix_spawn_file_actions_destroy(&files);
  close(output[1]);
  FILE* const lines = fdopen(output[0], "r");
  std::vector<pid_t> processes;
  for (int pid = 0; std::fscanf(lines, "%d", &pid) == 1;) processes.push_back(pid);
  ASSERT_EQ(processes.size(), 4U);
  for (const pid_t pid : processes) ASSERT_NE(FactsOf(pid).state, 'Z');
  usleep(100'000);  // one of them is at work by then, most often
  kill(server, SIGKILL);
  waitpid(server, nullptr, 0);
  for (const pid_t pid : processes) EXPECT_TRUE(EndsSoon(pid)) << pid;
  std::fclose(lines);
}

// Requests of several threads while workers are killed and stopped: answers are right, and no more
// requests fail than workers were hit.
TEST(DecoderProcess, RandomKillsCostAtMostOneRequestEach) {
  constexpr int kThreads = 4;
  constexpr size_t kKinds = 6;
  const int requests = decode::AddressSpaceIsUnlimited() ? 150 : 1500;  // sanitizers are slow
  const auto hasher = StartHasher({.workers = 3, .timeout = std::chrono::seconds(5)});
  std::vector<std::vector<uint8_t>> pictures;
  std::vector<absl::StatusOr<HashedImage>> expected;
  for (uint32_t i = 0; i < kKinds; ++i) {
    pictures.push_back(Encode(Pattern(300, 200, i), i % 2 == 0 ? ".jpg" : ".png"));
    expected.push_back(InProcess(pictures.back()));
  }
  std::atomic<int> answered = 0;
  std::atomic<int> failed = 0;
  std::vector<std::thread> callers;
  for (int t = 0; t < kThreads; ++t) {
    callers.emplace_back([&, t] {
      for (size_t i = 0; i < static_cast<size_t>(requests); ++i) {
        const size_t kind = (i + static_cast<size_t>(t)) % kKinds;
        const auto got = hasher->Hash(pictures[kind], {}, kForever);
        if (ReasonOf(got.status()) == "DECODER_FAILED") {
          ++failed;
        } else {
          ExpectSame(got, expected[kind], "under fire");
          ++answered;
        }
      }
    });
  }
  Random random(20261122);
  int killed = 0;
  int stopped = 0;
  while (answered + failed < kThreads * requests) {
    const auto processes = hasher->Processes();
    const bool stop = stopped < 3 && random.OneIn(20);
    if (Signal(processes[random.Below(3)], processes.back(), stop ? SIGSTOP : SIGKILL)) {
      ++(stop ? stopped : killed);
    }
    usleep(static_cast<useconds_t>(random.Below(10'000)));
  }
  for (std::thread& caller : callers) caller.join();
  std::printf("%d killed, %d stopped; %d requests failed, %d answered, %llu decoders replaced\n",
              killed, stopped, failed.load(), answered.load(),
              static_cast<unsigned long long>(Replaced(hasher->stats())));
  EXPECT_LE(failed, killed + stopped);
  EXPECT_LE(static_cast<uint64_t>(failed), Replaced(hasher->stats()));
  EXPECT_GT(killed, 0);
  EXPECT_EQ(hasher->stats().busy, 0U);
  // The last signals may still be on their way to idle decoders, and a stopped one never answers.
  const auto processes = hasher->Processes();
  for (size_t w = 0; w + 1 < processes.size(); ++w) {
    Signal(processes[w], processes.back(), SIGKILL);
    ASSERT_TRUE(EndsSoon(processes[w]));
  }
  for (size_t kind = 0; kind < kKinds; ++kind) {
    ExpectSame(hasher->Hash(pictures[kind], {}, kForever), expected[kind], "afterwards");
  }
}

}  // namespace
}  // namespace vigie
