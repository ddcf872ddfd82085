#include "engine/local/extract.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <latch>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/base/digest.h"
#include "engine/local/reduce.h"
#include "tests/unit/local/scenes.h"

namespace vigie {
namespace {

using testing::Flat;
using testing::Picture;
using testing::Scene;

TEST(Extract, SamePixelsGiveTheSameBytesInEveryThread) {
  const Picture scene = Scene(800, 600, 1);
  std::vector<std::string> got(8);
  std::vector<std::thread> threads;
  // All at once, and before any other use of OpenCV in the process: its first use sets it up.
  std::latch start(static_cast<std::ptrdiff_t>(got.size()));
  for (std::string& bytes : got) {
    threads.emplace_back([&] {
      start.arrive_and_wait();
      bytes = EncodeLocal(ExtractLocal(scene.view(), kKnownKeypoints));
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::string expected = EncodeLocal(ExtractLocal(scene.view(), kKnownKeypoints));
  for (const std::string& bytes : got) EXPECT_EQ(bytes, expected);
}

TEST(Extract, RowsMayBePaddedAndChannelsEqual) {
  const Picture scene = Scene(300, 200, 2);
  std::vector<uint8_t> padded(200 * 1000);
  for (size_t y = 0; y < 200; ++y) {
    for (size_t x = 0; x < 300; ++x) {
      for (size_t c = 0; c < 3; ++c) padded[y * 1000 + 3 * x + c] = scene.data[y * 300 + x];
    }
  }
  const PixelView view{.data = padded.data(),
                       .width = 300,
                       .height = 200,
                       .stride_bytes = 1000,
                       .order = ChannelOrder::kBgr};
  EXPECT_EQ(ExtractLocal(view, 100), ExtractLocal(scene.view(), 100));
}

TEST(Extract, GivesAsManyPlacesAsWereAskedForSpreadOverThePicture) {
  const LocalFingerprint local = ExtractLocal(Scene(1200, 900, 3).view(), kKnownKeypoints);
  EXPECT_EQ(local.keypoints.size(), kKnownKeypoints);
  EXPECT_EQ(local.width, kLocalSide);
  EXPECT_TRUE(ValidateLocal(local).ok());
  std::set<std::pair<int, int>> quarters;
  std::set<int> levels;
  for (const LocalKeypoint& keypoint : local.keypoints) {
    quarters.emplace(4 * keypoint.x / (local.width * LocalKeypoint::kSubpixels),
                     4 * keypoint.y / (local.height * LocalKeypoint::kSubpixels));
    levels.insert(keypoint.level);
  }
  EXPECT_EQ(quarters.size(), 16U);
  EXPECT_EQ(levels.size(), static_cast<size_t>(kLocalLevels));
}

TEST(Extract, NothingIsFoundWhereNothingIs) {
  EXPECT_THAT(ExtractLocal(Flat(700, 500, 200).view(), 500).keypoints, ::testing::IsEmpty());
  EXPECT_EQ(ExtractLocal({}, 500), LocalFingerprint());
  EXPECT_THAT(ExtractLocal(Scene(400, 300, 4).view(), 0).keypoints, ::testing::IsEmpty());
}

TEST(Extract, AnySizeIsFine) {
  for (const auto& [width, height] : std::vector<std::pair<int, int>>{{1, 1},
                                                                      {1, 3000},
                                                                      {3000, 1},
                                                                      {5, 5},
                                                                      {16, 16},
                                                                      {17, 33},
                                                                      {33, 33},
                                                                      {34, 300},
                                                                      {128, 128},
                                                                      {129, 64},
                                                                      {256, 256},
                                                                      {257, 3},
                                                                      {511, 512},
                                                                      {513, 40},
                                                                      {1023, 1025},
                                                                      {1025, 700},
                                                                      {4000, 3000},
                                                                      {9000, 20}}) {
    const Picture picture = testing::Pattern(width, height, 5);
    const LocalFingerprint local = ExtractLocal(picture.view(), kUploadKeypoints);
    EXPECT_TRUE(ValidateLocal(local).ok()) << width << "x" << height;
    EXPECT_LE(local.keypoints.size(), kUploadKeypoints);
  }
}

TEST(Extract, TheMirroredFingerprintIsThatOfTheMirroredPicture) {
  const Picture scene = Scene(480, 360, 6);
  const LocalFingerprint turned = Mirrored(ExtractLocal(scene.view(), 200));
  const LocalFingerprint expected = ExtractLocal(testing::MirroredPicture(scene).view(), 200);
  size_t same = 0;
  for (size_t i = 0; i < turned.keypoints.size(); ++i) {
    for (size_t j = 0; j < expected.keypoints.size(); ++j) {
      const LocalKeypoint& a = turned.keypoints[i];
      const LocalKeypoint& b = expected.keypoints[j];
      if (a.level != b.level || std::abs(a.x - b.x) > 8 || std::abs(a.y - b.y) > 8) continue;
      if (HammingDistance(turned.descriptors[i], expected.descriptors[j]) <= 28) {
        ++same;
        break;
      }
    }
  }
  EXPECT_GE(4 * same, 3 * turned.keypoints.size());
  EXPECT_EQ(Mirrored(Mirrored(turned)), turned);
}

TEST(Reduce, EachPixelIsTheMeanOfWhatItCovers) {
  Picture picture = Flat(6, 4, 0, ChannelOrder::kGray);
  for (size_t i = 0; i < picture.data.size(); ++i) picture.data[i] = static_cast<uint8_t>(10 * i);
  const GrayPicture whole = ReduceToGray(picture.view(), 6);
  EXPECT_EQ(whole.pixels, picture.data);
  // Squares of 2: the first is the mean of 0, 10, 60 and 70.
  const GrayPicture half = ReduceToGray(picture.view(), 3);
  ASSERT_EQ(half.width, 3);
  ASSERT_EQ(half.height, 2);
  EXPECT_EQ(half.pixels[0], 35);
  EXPECT_EQ(half.pixels[5], (160 + 170 + 220 + 230) / 4);
  // One and a half pixels: (0 + 10 / 2) of the row, and so on down.
  const GrayPicture part = ReduceToGray(picture.view(), 4);
  ASSERT_EQ(part.width, 4);
  ASSERT_EQ(part.height, 3);
}

TEST(Reduce, OneShadeStaysThatShade) {
  for (const int side : {1, 7, 512, 513, 700, 1024, 1500, 4097}) {
    const GrayPicture gray = ReduceToGray(Flat(side, (side + 2) / 3, 77).view(), 512);
    EXPECT_LE(std::max(gray.width, gray.height), 512);
    EXPECT_EQ(std::set<uint8_t>(gray.pixels.begin(), gray.pixels.end()), std::set<uint8_t>{77});
  }
}

}  // namespace
}  // namespace vigie
