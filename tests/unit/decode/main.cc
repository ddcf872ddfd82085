// The tests, and the processes that they are about: the spawner is this program again, with a
// decoder that misbehaves on request.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "server/decode/walled_hasher.h"
#include "tests/unit/decode/faults.h"
#include "tests/unit/decode/hasher_fixture.h"

namespace vigie::testing {
namespace {

// Starts decoders, one of which never ends its picture, prints the processes, and waits.
int HoldDecoders() {
  const auto hasher = StartHasher({.workers = 3, .timeout = std::chrono::hours(1)});
  for (const pid_t pid : hasher->Processes()) std::printf("%d\n", pid);
  std::printf("held\n");
  std::fflush(stdout);
  hasher->Hash(Request(kSpin), {}, kForever).status().IgnoreError();
  return 1;
}

}  // namespace
}  // namespace vigie::testing

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == vigie::decode::kSpawnerCommand) {
    return vigie::decode::RunSpawner(&vigie::testing::HashOrMisbehave);
  }
  if (argc == 2 && std::string_view(argv[1]) == vigie::testing::kHoldCommand) {
    return vigie::testing::HoldDecoders();
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
