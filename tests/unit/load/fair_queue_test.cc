#include "server/load/fair_queue.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

namespace vigie {
namespace {

std::string TakeAll(FairQueue<char>& queue) {
  std::string taken;
  while (!queue.empty()) taken += queue.Pop();
  return taken;
}

TEST(FairQueue, OneOwnersItemsComeInTheirOrder) {
  FairQueue<char> queue;
  for (const char c : {'1', '2', '3'}) queue.Push("a", 5, c);
  EXPECT_EQ(queue.size(), 3U);
  EXPECT_EQ(queue.cost(), 15);
  EXPECT_EQ(TakeAll(queue), "123");
  EXPECT_EQ(queue.cost(), 0);
}

TEST(FairQueue, WhoComesLateWaitsForOneItemOfWhoFilledIt) {
  FairQueue<char> queue;
  for (int i = 0; i < 6; ++i) queue.Push("a", 1, 'a');
  EXPECT_EQ(queue.Pop(), 'a');
  EXPECT_EQ(queue.Pop(), 'a');
  queue.Push("b", 1, 'b');
  queue.Push("b", 1, 'b');
  const std::string rest = TakeAll(queue);
  EXPECT_EQ(rest.substr(0, 4).find("bb"), std::string::npos);
  EXPECT_LE(rest.find('b'), 1U);
  EXPECT_LE(rest.rfind('b'), 3U);
}

TEST(FairQueue, SharesAreOfCostNotOfNumber) {
  FairQueue<char> queue;
  for (int i = 0; i < 4; ++i) queue.Push("large", 10, 'L');
  for (int i = 0; i < 40; ++i) queue.Push("small", 1, 's');
  const std::string taken = TakeAll(queue);
  // While both wait, ten small ones for each large one.
  EXPECT_EQ(std::count(taken.begin(), taken.begin() + 22, 'L'), 2) << taken;
}

TEST(FairQueue, BeingAwayGainsNothing) {
  FairQueue<char> queue;
  for (int i = 0; i < 100; ++i) queue.Push("a", 1, 'a');
  for (int i = 0; i < 50; ++i) queue.Pop();
  for (int i = 0; i < 50; ++i) queue.Push("b", 1, 'b');
  std::string taken;
  for (int i = 0; i < 20; ++i) taken += queue.Pop();
  EXPECT_EQ(std::count(taken.begin(), taken.end(), 'a'), 10) << taken;
}

// Against the plain statement: among owners who always have something waiting, what each has had
// differs by no more than the two largest items.
TEST(FairQueue, SharesOfRandomWorkAreEqual) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  constexpr int64_t kLargest = 100;
  const std::vector<std::string> owners = {"a", "b", "c", "d", "e"};
  FairQueue<std::pair<std::string, int64_t>> queue;
  const auto push = [&](const std::string& owner) {
    const int64_t cost = 1 + static_cast<int64_t>(random() % kLargest);
    queue.Push(owner, cost, {owner, cost});
  };
  std::map<std::string, int64_t> had;
  for (const std::string& owner : owners) {
    for (int i = 0; i < 3; ++i) push(owner);
  }
  for (int step = 0; step < 20'000; ++step) {
    const auto [owner, cost] = queue.Pop();
    had[owner] += cost;
    push(owner);
    const auto [least, most] = std::minmax_element(
        had.begin(), had.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    if (had.size() == owners.size()) {
      ASSERT_LE(most->second - least->second, 2 * kLargest) << "step " << step;
    }
  }
}

}  // namespace
}  // namespace vigie
