#include "engine/base/published.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace vigie {
namespace {

// Counts live instances, so that a test sees what was freed and when.
struct Tracked {
  explicit Tracked(int v) : value(v) { ++alive; }
  ~Tracked() {
    value = -1;
    --alive;
  }
  int value;
  static inline std::atomic<int> alive{0};
};

TEST(Published, PinKeepsTheValueItSawWhileANewOneIsPublished) {
  Published<Tracked> published(std::make_unique<Tracked>(1));
  {
    const auto pin = published.Acquire();
    published.Publish(std::make_unique<Tracked>(2));
    EXPECT_EQ(pin->value, 1);
    EXPECT_EQ(published.Acquire()->value, 2);
    EXPECT_EQ(Tracked::alive, 2);
  }
  published.Reclaim();
  EXPECT_EQ(Tracked::alive, 1);
}

TEST(Published, FreesEverythingWhenItGoes) {
  {
    Published<Tracked> published(std::make_unique<Tracked>(1));
    for (int i = 0; i < 10; ++i) published.Publish(std::make_unique<Tracked>(i));
  }
  EXPECT_EQ(Tracked::alive, 0);
}

TEST(Published, ReadersNeverSeeAFreedValue) {
  Published<Tracked> published(std::make_unique<Tracked>(0));
  std::atomic<bool> stop{false};
  std::atomic<int> bad{0};
  std::vector<std::thread> readers;
  for (int t = 0; t < 4; ++t) {
    readers.emplace_back([&] {
      int last = 0;
      while (!stop) {
        const auto pin = published.Acquire();
        if (pin->value < last) ++bad;  // freed (-1) or older than what was seen before
        last = pin->value;
      }
    });
  }
  for (int i = 1; i <= 20'000; ++i) published.Publish(std::make_unique<Tracked>(i));
  stop = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(bad, 0);
}

}  // namespace
}  // namespace vigie
