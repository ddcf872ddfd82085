#include "engine/local/local_index.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "engine/local/extract.h"
#include "tests/unit/local/scenes.h"
#include "tests/unit/local/searches.h"

namespace vigie {
namespace {

using testing::EntriesOf;
using testing::Known;
using testing::NearlyIdentical;
using testing::Picture;
using testing::Scene;
using testing::Upload;

bool Always() { return true; }
bool All(EntryNumber /*entry*/) { return true; }

LocalSearchResult Ask(const LocalIndex& index, const LocalFingerprint& upload,
                      const LocalSearchOptions& options = {}) {
  auto result = index.Search(upload, options, All, Always);
  EXPECT_TRUE(result.ok());
  return result.ok() ? *std::move(result) : LocalSearchResult();
}

AffineMap Turned(double scale, double angle, double x, double y) {
  return {.a = scale * std::cos(angle),
          .b = -scale * std::sin(angle),
          .c = x,
          .d = scale * std::sin(angle),
          .e = scale * std::cos(angle),
          .f = y};
}

// A picture whose places have nothing to do with pixels: for models, where only counts matter.
LocalFingerprint Made(uint32_t seed, size_t places = 60) {
  LocalFingerprint local;
  local.width = 512;
  local.height = 512;
  std::mt19937 random(seed);
  for (size_t i = 0; i < places; ++i) {
    local.keypoints.push_back({.x = static_cast<uint16_t>(random() % 4096),
                               .y = static_cast<uint16_t>(random() % 4096),
                               .level = 2,
                               .angle = static_cast<uint8_t>(random())});
    Pdq256& code = local.descriptors.emplace_back();
    for (uint8_t& byte : code.bytes) byte = static_cast<uint8_t>(random());
  }
  return local;
}

TEST(LocalIndex, FindsAScenesPartsAndTellsTheMap) {
  LocalIndex index;
  for (EntryNumber entry = 1; entry <= 20; ++entry) {
    ASSERT_TRUE(index.Add(entry, Known(Scene(512, 400, entry))).ok());
  }
  const Picture scene = Scene(512, 400, 7);
  for (const AffineMap& map : {Turned(1, 0, 0, 0), Turned(1, 0, -150, -100), Turned(0.5, 0, 60, 90),
                               Turned(1, 0.3, 60, -50), Turned(1.5, 0, -200, -100)}) {
    const LocalSearchResult result = Ask(index, Upload(testing::Warped(scene, map, 512, 400)));
    ASSERT_EQ(EntriesOf(result), std::set<EntryNumber>{7}) << map.a << " " << map.c;
    const LocalMatch& match = result.matches[0];
    EXPECT_FALSE(match.mirrored);
    EXPECT_NEAR(match.evidence.map.a, map.a, 0.05);
    EXPECT_NEAR(match.evidence.map.b, map.b, 0.05);
    EXPECT_NEAR(match.evidence.map.c, map.c, 8);
    EXPECT_NEAR(match.evidence.map.f, map.f, 8);
    EXPECT_GT(match.evidence.known_share, 0.02);
    EXPECT_TRUE(result.complete);
    EXPECT_EQ(result.left_out, 0U);
  }
}

TEST(LocalIndex, FindsAMirroredCropAndSaysSo) {
  LocalIndex index;
  const Picture scene = Scene(512, 400, 30);
  ASSERT_TRUE(index.Add(5, Known(scene)).ok());
  const Picture crop = testing::Warped(scene, Turned(1, 0, -60, -40), 400, 320);
  const LocalFingerprint upload = Upload(testing::MirroredPicture(crop));
  const LocalSearchResult result = Ask(index, upload);
  ASSERT_EQ(EntriesOf(result), std::set<EntryNumber>{5});
  EXPECT_TRUE(result.matches[0].mirrored);
  EXPECT_TRUE(Ask(index, upload, {.mirrored = false}).matches.empty());
}

TEST(LocalIndex, UnrelatedScenesDoNotMatch) {
  LocalIndex index;
  for (EntryNumber entry = 0; entry < 60; ++entry) {
    ASSERT_TRUE(index.Add(entry, Known(Scene(512, 400, 100 + entry))).ok());
  }
  for (uint32_t seed = 500; seed < 530; ++seed) {
    EXPECT_TRUE(Ask(index, Upload(Scene(512, 400, seed))).matches.empty()) << seed;
  }
}

TEST(LocalIndex, WhatIsAddedIsFoundAndWhatIsRemovedIsNot) {
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  LocalIndex index;
  std::map<EntryNumber, std::vector<uint32_t>> model;  // pictures of entries, by seed
  for (int step = 0; step < 600; ++step) {
    const auto entry = static_cast<EntryNumber>(random() % 40);
    switch (random() % 8) {
      case 0:
        index.Remove(entry);
        model.erase(entry);
        break;
      case 1:
        ASSERT_TRUE(index.Maintain(random() % 4 == 0).ok());
        break;
      case 2:
      case 3:
      case 4: {
        const auto picture = static_cast<uint32_t>(random());
        ASSERT_TRUE(index.Add(entry, Made(picture)).ok());
        model[entry].push_back(picture);
        break;
      }
      default: {
        const bool there = model.contains(entry);
        const LocalFingerprint asked = there ? Made(model[entry][random() % model[entry].size()])
                                             : Made(static_cast<uint32_t>(random()));
        EXPECT_EQ(EntriesOf(Ask(index, asked)),
                  there ? std::set<EntryNumber>{entry} : std::set<EntryNumber>());
      }
    }
  }
  size_t pictures = 0;
  for (const auto& [entry, seeds] : model) pictures += seeds.size();
  EXPECT_EQ(index.stats().pictures, pictures);
  EXPECT_EQ(index.stats().keypoints, 60 * pictures);
}

TEST(LocalIndex, AnImpossibleFingerprintIsRefused) {
  LocalIndex index;
  LocalFingerprint local = Made(1);
  local.keypoints[0].level = kLocalLevels;
  EXPECT_EQ(ReasonOf(index.Add(1, local)), "HASH_MALFORMED");
  EXPECT_EQ(ReasonOf(index.Search(local, {}, All, Always).status()), "HASH_MALFORMED");
  EXPECT_TRUE(index.Add(1, LocalFingerprint()).ok());
  EXPECT_EQ(index.stats().pictures, 0U);
}

TEST(LocalIndex, AThousandNearlyIdenticalPicturesAreBoundedAndOneIsFound) {
  LocalIndex index;
  std::mt19937 random(3);
  const LocalFingerprint original = Made(9, kKnownKeypoints);
  for (EntryNumber entry = 0; entry < 1000; ++entry) {
    ASSERT_TRUE(index.Add(entry, NearlyIdentical(original, random)).ok());
  }
  ASSERT_TRUE(index.Maintain(true).ok());
  const LocalSearchResult result = Ask(index, original);
  EXPECT_EQ(result.matches.size(), LocalSearchOptions().max_matches);
  EXPECT_GT(result.left_out, 0U);
  EXPECT_GE(result.candidates, result.left_out + LocalSearchOptions().max_candidates);
}

TEST(LocalIndex, EntriesThatAreNotAcceptedTakeNoPlace) {
  LocalIndex index;
  const LocalFingerprint local = Made(12, kKnownKeypoints);
  for (EntryNumber entry = 0; entry < 100; ++entry) ASSERT_TRUE(index.Add(entry, local).ok());
  ASSERT_TRUE(index.Add(98, local).ok());  // an entry with two pictures
  std::map<EntryNumber, int> asked;
  const auto result = index.Search(
      local, {.mirrored = false, .max_candidates = 3, .max_matches = 2},
      [&asked](EntryNumber entry) {
        ++asked[entry];
        return entry >= 98;
      },
      Always);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(EntriesOf(*result), (std::set<EntryNumber>{98, 99}));
  EXPECT_EQ(result->candidates, 3U);
  EXPECT_EQ(result->left_out, 0U);
  EXPECT_TRUE(result->complete);
  // Once a picture, of which entry 98 has two.
  ASSERT_EQ(asked.size(), 100U);
  for (const auto& [entry, times] : asked) EXPECT_EQ(times, entry == 98 ? 2 : 1) << entry;
}

TEST(LocalIndex, AllThatWereNotAcceptedIsNoCandidate) {
  LocalIndex index;
  const Picture scene = Scene(512, 400, 31);
  ASSERT_TRUE(index.Add(1, Known(scene)).ok());
  const auto result = index.Search(
      Upload(scene), {}, [](EntryNumber) { return false; }, Always);
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(result->matches.empty());
  EXPECT_EQ(result->candidates, 0U);
}

TEST(LocalIndex, ALogoThatManyPicturesShareIsNoMatch) {
  LocalIndex index;
  LocalFingerprint logo = Made(77, 30);
  for (LocalKeypoint& keypoint : logo.keypoints) {
    keypoint.x = static_cast<uint16_t>(keypoint.x / 8);
    keypoint.y = static_cast<uint16_t>(keypoint.y / 8);
  }
  const auto with_logo = [&logo](uint32_t seed) {
    LocalFingerprint local = Made(seed);
    local.keypoints.insert(local.keypoints.end(), logo.keypoints.begin(), logo.keypoints.end());
    local.descriptors.insert(local.descriptors.end(), logo.descriptors.begin(),
                             logo.descriptors.end());
    return local;
  };
  // Few share it: that is a part of them. Many share it: it is set aside.
  for (EntryNumber entry = 0; entry < 10; ++entry) {
    ASSERT_TRUE(index.Add(entry, with_logo(1000 + entry)).ok());
  }
  EXPECT_EQ(Ask(index, with_logo(5)).matches.size(), 10U);
  for (EntryNumber entry = 10; entry < 200; ++entry) {
    ASSERT_TRUE(index.Add(entry, with_logo(1000 + entry)).ok());
  }
  const LocalSearchResult many = Ask(index, with_logo(5));
  EXPECT_TRUE(many.matches.empty());
  EXPECT_GE(many.common, logo.keypoints.size());
  // A picture with the logo is still found by its other places.
  EXPECT_EQ(EntriesOf(Ask(index, with_logo(1150))), std::set<EntryNumber>{150});
}

TEST(LocalIndex, AWallOfOnePictureIsAnsweredWithinTheBounds) {
  LocalIndex index;
  const Picture tile = Scene(120, 90, 40);
  for (EntryNumber entry = 0; entry < 100; ++entry) {
    ASSERT_TRUE(index.Add(entry, Known(testing::Wall(tile, 4, 4))).ok());
  }
  const LocalSearchResult result = Ask(index, Upload(testing::Wall(tile, 10, 5)));
  EXPECT_LE(result.matches.size(), LocalSearchOptions().max_matches);
  EXPECT_LE(result.candidates - result.left_out, LocalSearchOptions().max_candidates);
}

TEST(LocalIndex, ASearchThatWasEndedSaysSo) {
  LocalIndex index;
  const LocalFingerprint local = Made(4, kKnownKeypoints);
  ASSERT_TRUE(index.Add(1, local).ok());
  int asked = 0;
  EXPECT_TRUE(index.Search(local, {}, All, [&asked] { return ++asked > 0; })->complete);
  // Ended at any point: never a false answer, and all is well when it was not ended.
  for (int limit = 0; limit <= asked; ++limit) {
    int left = limit;
    const auto result = index.Search(local, {}, All, [&left] { return left-- > 0; });
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result->complete, limit == asked);
    if (limit == asked) {
      EXPECT_EQ(result->matches.size(), 1U);
    } else if (limit == 0) {
      EXPECT_TRUE(result->matches.empty());
    }
  }
}

TEST(LocalIndex, SearchesGoOnWhilePicturesComeAndGo) {
  LocalIndex index;
  const LocalFingerprint kept = Made(1);
  ASSERT_TRUE(index.Add(0, kept).ok());
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 2; ++reader) {
    readers.emplace_back([&] {
      while (!stop) {
        const auto result = index.Search(kept, {}, All, Always);
        if (!result.ok() || result->matches.size() != 1 || result->matches[0].entry != 0) ++wrong;
      }
    });
  }
  std::thread maintainer([&] {
    while (!stop) {
      const absl::Status status = index.Maintain();
      if (!status.ok()) ++wrong;
    }
  });
  for (uint32_t round = 0; round < 300; ++round) {
    if (!index.Add(1 + round % 10, Made(100 + round)).ok()) ++wrong;
    index.Remove(1 + (round * 7) % 10);
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  maintainer.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace vigie
