// A decoder that breaks, or is captured, costs one request.
#include "tests/unit/decode/faults.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <string>
#include <thread>

#include "server/decode/sandbox.h"
#include "tests/unit/decode/hasher_fixture.h"

namespace vigie {
namespace {

using testing::Encode;
using testing::ExpectSame;
using testing::InProcess;
using testing::kForever;
using testing::Pattern;
using testing::Replaced;
using testing::Request;
using testing::StartHasher;

TEST(DecoderFault, EachCostsOneRequestAndTheNextIsAnswered) {
  std::map<DecoderEnd, int> ends;
  const auto hasher = StartHasher({.on_replaced = [&ends](DecoderEnd end) { ++ends[end]; }});
  const auto good = Encode(Pattern(200, 100, 4), ".jpg");
  const auto expected = InProcess(good);
  uint64_t replaced = 0;
  for (const testing::Fault& fault : testing::Faults()) {
    // Without a limit of memory these would take all of the machine's.
    if (decode::AddressSpaceIsUnlimited() && fault.name.ends_with("without end")) continue;
    ends.clear();
    const auto failed = hasher->Hash(Request(fault.name), {}, kForever);
    EXPECT_EQ(failed.status().code(), absl::StatusCode::kUnavailable) << fault.name;
    EXPECT_EQ(ReasonOf(failed.status()), "DECODER_FAILED") << fault.name;
    ExpectSame(hasher->Hash(good, {}, kForever), expected, std::string(fault.name));
    ASSERT_EQ(ends.size(), 1U) << fault.name;
    const auto& [end, count] = *ends.begin();
    if (!decode::AddressSpaceIsUnlimited()) {
      EXPECT_EQ(Name(end), fault.end) << fault.name;
    }
    EXPECT_EQ(count, 1) << fault.name;
    EXPECT_EQ(Replaced(hasher->stats()), ++replaced);
  }
  for (size_t i = 0; i < kDecoderEnds; ++i) {
    std::printf("%5llu %s\n", static_cast<unsigned long long>(hasher->stats().replaced[i]),
                std::string(Name(static_cast<DecoderEnd>(i))).c_str());
  }
  EXPECT_EQ(hasher->stats().spawner_starts, 1U);
  EXPECT_EQ(hasher->stats().failed_starts, 0U);
}

TEST(DecoderFault, OneThatHangsIsEnded) {
  const auto hasher = StartHasher({.timeout = std::chrono::milliseconds(100)});
  for (const std::string_view fault : {testing::kSpin, testing::kSleep}) {
    const auto failed = hasher->Hash(Request(fault), {}, kForever);
    EXPECT_EQ(ReasonOf(failed.status()), "DECODER_FAILED");
    EXPECT_EQ(MessageOf(failed.status()), "decoding this picture took longer than 100 ms");
  }
  EXPECT_EQ(Replaced(hasher->stats(), DecoderEnd::kHung), 2U);
}

TEST(DecoderFault, WorkForACallerWhoGaveUpIsCutOff) {
  const auto hasher = StartHasher({.timeout = std::chrono::hours(1)});
  const auto failed =
      hasher->Hash(Request(testing::kSpin), {}, SystemClock().Now() + kSecondUs / 100);
  EXPECT_EQ(ReasonOf(failed.status()), "DECODER_FAILED");
  EXPECT_EQ(Replaced(hasher->stats(), DecoderEnd::kAbandoned), 1U);
  const auto good = Encode(Pattern(200, 100, 4), ".png");
  ExpectSame(hasher->Hash(good, {}, kForever), InProcess(good), "after it");
}

TEST(DecoderFault, CallersWaitForAFreeDecoderUntilTheirDeadline) {
  const auto hasher = StartHasher();
  std::thread slow(
      [&hasher] { hasher->Hash(Request(testing::kSlow), {}, kForever).status().IgnoreError(); });
  while (hasher->stats().busy == 0) std::this_thread::yield();
  const auto good = Encode(Pattern(200, 100, 4), ".png");
  const auto late = hasher->Hash(good, {}, SystemClock().Now());
  const auto patient = hasher->Hash(good, {}, kForever);
  slow.join();
  // The slow one may have been done before we asked.
  if (!late.ok()) {
    EXPECT_EQ(MessageOf(late.status()), "no decoder was free before the deadline");
  }
  ExpectSame(patient, InProcess(good), "patient");
  EXPECT_EQ(Replaced(hasher->stats()), 0U);
}

TEST(DecoderFault, APictureSeesNothingOfTheOneBefore) {
  const auto hasher = StartHasher();
  for (const size_t size :
       {size_t{1000}, size_t{1} << 20, (size_t{1} << 20) + 1, size_t{3} << 20}) {
    const std::vector<uint8_t> before(size, 0x7F);
    EXPECT_FALSE(hasher->Hash(before, {}, kForever).ok());
    const auto peeked = hasher->Hash(Request(testing::kPeek), {}, kForever);
    EXPECT_EQ(ReasonOf(peeked.status()), "UNSUPPORTED_FORMAT") << size << peeked.status();
  }
}

TEST(DecoderFault, WhatDecodersPrintGoesNowhere) {
  if (decode::AddressSpaceIsUnlimited()) GTEST_SKIP() << "sanitizers must be heard";
  ::testing::internal::CaptureStderr();
  ::testing::internal::CaptureStdout();
  const auto status = StartHasher()->Hash(Request(testing::kChatter), {}, kForever).status();
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(ReasonOf(status), "UNSUPPORTED_FORMAT");
}

TEST(DecoderFault, AWorkerIsReplacedAfterManyPictures) {
  const auto hasher = StartHasher({.pictures_a_worker = 10});
  const auto good = Encode(Pattern(64, 64, 4), ".png");
  const auto expected = InProcess(good);
  for (int i = 0; i < 35; ++i) ExpectSame(hasher->Hash(good, {}, kForever), expected, "good");
  EXPECT_EQ(Replaced(hasher->stats(), DecoderEnd::kRecycled), 3U);
}

size_t OpenFiles() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count;
}

TEST(DecoderFault, AThousandReplacementsLeaveNothingBehind) {
  const auto hasher = StartHasher({.workers = 2});
  const auto crash = Request(testing::Faults().front().name);
  EXPECT_FALSE(hasher->Hash(crash, {}, kForever).ok());
  const size_t files = OpenFiles();
  const uint64_t count = decode::AddressSpaceIsUnlimited() ? 50 : 1000;  // sanitizers are slow
  for (uint64_t i = 0; i < count; ++i) {
    ASSERT_EQ(ReasonOf(hasher->Hash(crash, {}, kForever).status()), "DECODER_FAILED");
  }
  EXPECT_EQ(OpenFiles(), files);
  // A sanitizer reports the crash, and is ended for trying.
  const bool sanitized = decode::AddressSpaceIsUnlimited();
  EXPECT_EQ(Replaced(hasher->stats(), sanitized ? DecoderEnd::kForbidden : DecoderEnd::kCrashed),
            count + 1);
  // Zombies would be among the spawner's children.
  const std::string spawner = std::to_string(hasher->Processes().back());
  const auto children = testing::WordsOf("/proc/" + spawner + "/task/" + spawner + "/children");
  EXPECT_EQ(children.size(), 2U);
}

TEST(DecoderFault, ASystemWithoutWallsIsAnError) {
  const auto none =
      WalledHasher::Start({.command = {"/no/such/program", "decoder-spawner"}}, SystemClock());
  EXPECT_EQ(ReasonOf(none.status()), "DECODER_FAILED");
  const auto wrong = WalledHasher::Start({.command = {"/bin/true"}}, SystemClock());
  EXPECT_EQ(ReasonOf(wrong.status()), "DECODER_FAILED");
}

}  // namespace
}  // namespace vigie
