// Uploads and bases made to cost time or to match what they do not show: bounded, by counting, and
// what was left out is said.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <opencv2/imgproc.hpp>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "engine/index/key_index.h"
#include "engine/local/extract.h"
#include "engine/local/local_index.h"
#include "tests/unit/local/scenes.h"
#include "tests/unit/local/searches.h"

namespace vigie {
namespace {

using testing::EntriesOf;
using testing::Flat;
using testing::Known;
using testing::NearlyIdentical;
using testing::Picture;
using testing::Scene;
using testing::Upload;

struct Asked {
  LocalSearchResult result;
  size_t steps = 0;  // how often the search asked whether to go on
};

Asked AskWithinBounds(const LocalIndex& index, const LocalFingerprint& upload,
                      const LocalSearchOptions& options = {}) {
  Asked asked;
  auto result = index.Search(
      upload, options, [](EntryNumber) { return true; }, [&asked] { return ++asked.steps > 0; });
  EXPECT_TRUE(result.ok());
  if (result.ok()) asked.result = *std::move(result);
  // What bounds the time of any search, whatever is asked and known.
  EXPECT_LE(asked.steps, kMaxLocalKeypoints / 32 + options.max_candidates);
  EXPECT_LE(asked.result.matches.size(), options.max_matches);
  EXPECT_LE(asked.result.hits, 2 * upload.keypoints.size() * (KeyIndex::kMaxCodes + 4096));
  EXPECT_TRUE(asked.result.complete);
  return asked;
}

Picture Reduced(const Picture& picture, int width, int height) {
  Picture small = Flat(width, height, 0, ChannelOrder::kGray);
  const cv::Mat from(picture.height, picture.width, CV_8UC1,
                     const_cast<uint8_t*>(picture.data.data()));
  cv::Mat to(height, width, CV_8UC1, small.data.data());
  cv::resize(from, to, to.size(), 0, 0, cv::INTER_AREA);
  return small;
}

void Paste(const Picture& what, int left, int top, Picture* on) {
  for (int y = 0; y < what.height; ++y) {
    std::copy_n(what.data.begin() + y * what.width, what.width,
                on->data.begin() + (top + y) * on->width + left);
  }
}

// A page of words that `seed` draws from a short dictionary: pages share all of their letters and
// most of their words, and none of their lines.
Picture PageOfText(uint32_t seed) {
  static constexpr std::array kWords = {
      "the",   "of",    "and",  "night",  "report", "which", "from",  "letter", "number", "house",
      "river", "under", "with", "answer", "before", "stone", "table", "paper",  "second", "winter"};
  Picture page = Flat(800, 1100, 245, ChannelOrder::kGray);
  cv::Mat pixels(page.height, page.width, CV_8UC1, page.data.data());
  std::mt19937 random(seed);
  for (int line = 0; line < 30; ++line) {
    std::string text;
    while (text.size() < 48) text += std::string(kWords.at(random() % kWords.size())) + " ";
    cv::putText(pixels, text, cv::Point(50, 60 + 34 * line), cv::FONT_HERSHEY_COMPLEX, 0.8,
                cv::Scalar(20), 1, cv::LINE_AA);
  }
  return page;
}

TEST(LocalHostile, ACollageOfFiftyPanelsIsBoundedAndMatchesOnlyItsPanels) {
  LocalIndex index;
  Picture collage = Flat(2000, 1000, 0, ChannelOrder::kGray);
  for (int panel = 0; panel < 50; ++panel) {
    const Picture scene = Scene(400, 400, static_cast<uint32_t>(panel));
    ASSERT_TRUE(index.Add(static_cast<EntryNumber>(panel), Known(scene)).ok());
    Paste(Reduced(scene, 200, 200), panel % 10 * 200, panel / 10 * 200, &collage);
  }
  for (EntryNumber entry = 50; entry < 150; ++entry) {
    ASSERT_TRUE(index.Add(entry, Known(Scene(400, 400, 1000 + entry))).ok());
  }
  ASSERT_TRUE(index.Maintain(true).ok());
  const Asked asked = AskWithinBounds(index, Upload(collage));
  for (const LocalMatch& match : asked.result.matches) EXPECT_LT(match.entry, 50U);
  EXPECT_LE(asked.result.candidates, 2 * 150U);
}

TEST(LocalHostile, ThePanelsOfACollageOfFourAreFound) {
  LocalIndex index;
  Picture collage = Flat(800, 800, 0, ChannelOrder::kGray);
  for (int panel = 0; panel < 4; ++panel) {
    const Picture scene = Scene(400, 400, static_cast<uint32_t>(panel));
    ASSERT_TRUE(index.Add(static_cast<EntryNumber>(panel), Known(scene)).ok());
    Paste(scene, panel % 2 * 400, panel / 2 * 400, &collage);
  }
  EXPECT_EQ(EntriesOf(AskWithinBounds(index, Upload(collage)).result).size(), 4U);
}

TEST(LocalHostile, PagesOfTextMatchOnlyThemselves) {
  LocalIndex index;
  for (EntryNumber entry = 0; entry < 40; ++entry) {
    ASSERT_TRUE(index.Add(entry, Known(PageOfText(entry))).ok());
  }
  ASSERT_TRUE(index.Maintain(true).ok());
  size_t found = 0;
  for (uint32_t seed = 0; seed < 10; ++seed) {
    const std::set<EntryNumber> entries =
        EntriesOf(AskWithinBounds(index, Upload(PageOfText(seed))).result);
    for (const EntryNumber entry : entries) EXPECT_EQ(entry, seed);
    found += entries.size();
  }
  EXPECT_EQ(found, 10U);
  for (uint32_t seed = 500; seed < 515; ++seed) {
    EXPECT_TRUE(AskWithinBounds(index, Upload(PageOfText(seed))).result.matches.empty()) << seed;
  }
}

TEST(LocalHostile, AWallOfOneLogoMatchesTheLogoOnly) {
  LocalIndex index;
  const Picture logo = Scene(200, 150, 40);
  ASSERT_TRUE(index.Add(0, Known(logo)).ok());
  for (EntryNumber entry = 1; entry < 40; ++entry) {
    ASSERT_TRUE(index.Add(entry, Known(Scene(512, 400, 100 + entry))).ok());
  }
  ASSERT_TRUE(index.Maintain(true).ok());
  EXPECT_EQ(EntriesOf(AskWithinBounds(index, Upload(testing::Wall(logo, 2, 2))).result),
            std::set<EntryNumber>{0});
  // Of smaller ones none has places enough left; nothing else is found in their stead.
  for (const LocalMatch& match :
       AskWithinBounds(index, Upload(testing::Wall(logo, 9, 9))).result.matches) {
    EXPECT_EQ(match.entry, 0U);
  }
}

TEST(LocalHostile, AThousandNearlyIdenticalPicturesAreAllFoundOrCounted) {
  LocalIndex index;
  std::mt19937 random(3);
  const LocalFingerprint original = Known(Scene(600, 500, 77));
  for (EntryNumber entry = 0; entry < 1000; ++entry) {
    ASSERT_TRUE(index.Add(entry, NearlyIdentical(original, random)).ok());
  }
  ASSERT_TRUE(index.Maintain(true).ok());
  const LocalSearchOptions defaults;
  const LocalSearchResult some = AskWithinBounds(index, original).result;
  EXPECT_EQ(some.matches.size(), defaults.max_matches);
  EXPECT_GT(some.crowded, 0U);
  EXPECT_GE(some.candidates, 950U);
  EXPECT_EQ(some.left_out, some.candidates - defaults.max_candidates);
  const LocalSearchResult all =
      AskWithinBounds(index, original, {.max_candidates = 5000, .max_matches = 5000}).result;
  EXPECT_EQ(all.left_out, 0U);
  EXPECT_GE(all.matches.size(), 950U);
}

TEST(LocalHostile, FeaturelessTinyAndHugePictures) {
  LocalIndex index;
  ASSERT_TRUE(index.Add(0, Known(Flat(500, 400, 128))).ok());
  const Picture scene = Scene(1200, 900, 12);
  ASSERT_TRUE(index.Add(1, Known(scene)).ok());
  EXPECT_EQ(index.stats().pictures, 1U);  // one without a place is none
  for (const Picture& picture :
       {Flat(500, 400, 128), Flat(1, 1, 7), Flat(1, 5000, 9), Flat(5000, 2, 0), Scene(20, 20, 1)}) {
    const Asked asked = AskWithinBounds(index, Upload(picture));
    EXPECT_TRUE(asked.result.matches.empty()) << picture.width << "x" << picture.height;
    EXPECT_EQ(asked.result.candidates, 0U);
  }
  EXPECT_EQ(EntriesOf(AskWithinBounds(index, Upload(Reduced(scene, 6000, 4500))).result),
            std::set<EntryNumber>{1});
}

// Each writer's own pictures are there as soon as it added them and gone as soon as it removed
// them, whatever others do.
TEST(LocalHostile, WritersReadersAndMaintenanceAtTheSameTime) {
  LocalIndex index;
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<LocalFingerprint> pictures;
  for (uint32_t i = 0; i < 6; ++i) pictures.push_back(Known(Scene(300, 240, i)));
  const auto finds = [&index](const LocalFingerprint& picture, EntryNumber entry) {
    const auto result = index.Search(
        picture, {}, [entry](EntryNumber asked) { return asked == entry; }, [] { return true; });
    return result.ok() && result->matches.size() == 1 && result->matches[0].entry == entry;
  };
  std::vector<std::thread> writers;
  for (EntryNumber writer = 0; writer < 3; ++writer) {
    writers.emplace_back([&, writer] {
      for (uint32_t round = 0; round < 40; ++round) {
        const LocalFingerprint& picture = pictures[(writer + round) % pictures.size()];
        const EntryNumber entry = 1000 * writer + round;
        if (finds(picture, entry) || !index.Add(entry, picture).ok()) ++wrong;
        if (!finds(picture, entry)) ++wrong;
        if (round % 3 == 0) continue;  // some stay
        index.Remove(entry);
        if (finds(picture, entry)) ++wrong;
      }
    });
  }
  std::thread maintainer([&] {
    while (!stop) {
      if (!index.Maintain(true).ok()) ++wrong;
      std::this_thread::yield();
    }
  });
  for (std::thread& writer : writers) writer.join();
  stop = true;
  maintainer.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(index.stats().pictures, 3 * 14U);
}

}  // namespace
}  // namespace vigie
