// Pictures made to cost much or to break something: each has a verdict that says why, and memory
// stays bounded.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/match/pipeline.h"
#include "tests/support/animations.h"
#include "tests/support/peak_memory.h"
#include "tests/unit/match/pipeline_fixture.h"

namespace vigie {
namespace {

using testing::Encoded;
using testing::GifFrame;
using testing::GifWriter;
using testing::GrayPalette;

constexpr int64_t kMemoryBound = 300'000'000;  // bytes, of any picture

GifFrame Area(int left, int top, int width, int height, uint8_t index) {
  GifFrame frame;
  frame.left = left;
  frame.top = top;
  frame.width = width;
  frame.height = height;
  frame.indices.assign(static_cast<size_t>(width) * static_cast<size_t>(height), index);
  return frame;
}

// `count` small frames that all differ, on a canvas of the given size.
Encoded ManyFrames(int width, int height, int count) {
  GifWriter writer(width, height, GrayPalette());
  for (int i = 0; i < count; ++i) {
    writer.Add(Area(i % width, i / width % height, 1, 1, static_cast<uint8_t>(i * 7)));
  }
  return writer.Finish();
}

// A GIF whose first frame says it has these sides; there is data for one pixel.
Encoded Declaring(int screen, int width, int height) {
  GifFrame frame = Area(0, 0, 1, 1, 'a');
  frame.width = width;
  frame.height = height;
  GifWriter writer(screen, screen, GrayPalette());
  writer.Add(frame);
  return writer.Finish();
}

// Pixels for far more than the frame has: 4 megapixels of them for 8x8.
Encoded EndlessData() {
  GifFrame frame = Area(0, 0, 2000, 2000, 'a');
  frame.width = 8;
  frame.height = 8;
  GifWriter writer(8, 8, GrayPalette());
  writer.Add(frame);
  return writer.Finish();
}

Encoded WithoutPalette() {
  GifWriter writer(8, 8, {});
  writer.Add(Area(0, 0, 8, 8, 'a'));
  return writer.Finish();
}

// A small PNG that says it is 65535 pixels wide and high.
Encoded LyingPng() {
  Encoded png = testing::Encode(testing::Flat(8, 8, 1), ".png");
  for (const size_t at : {16U, 20U}) {
    png[at] = 0;
    png[at + 1] = 0;
    png[at + 2] = 0xFF;
    png[at + 3] = 0xFF;
  }
  return png;
}

struct Hostile {
  std::string name;
  Encoded bytes;
  NotScanned reason;
};

std::vector<Hostile> HostilePictures() {
  return {
      {"10 000 frames of 400x400", ManyFrames(400, 400, 10'000), NotScanned::kTooLarge},
      {"20 000 frames of 4x4", ManyFrames(4, 4, 20'000), NotScanned::kTooLarge},
      {"10 000 frames of 4x4", ManyFrames(4, 4, 10'000), NotScanned::kFeatureless},
      {"1x65535", ManyFrames(1, 65535, 5), NotScanned::kFeatureless},
      {"65535x1", ManyFrames(65535, 1, 5), NotScanned::kFeatureless},
      {"a frame without pixels", Declaring(8, 0, 8), NotScanned::kCorrupt},
      {"a screen of 65535x65535", Declaring(65535, 1, 1), NotScanned::kTooLarge},
      {"a frame of 65535x65535", Declaring(8, 65535, 65535), NotScanned::kTooLarge},
      {"a frame of 8000x8000 without data", Declaring(8, 8000, 8000), NotScanned::kTooLarge},
      {"a frame of 6000x6000 without data", Declaring(8, 6000, 6000), NotScanned::kCorrupt},
      {"data without end", EndlessData(), NotScanned::kFeatureless},
      {"no palette", WithoutPalette(), NotScanned::kCorrupt},
      {"a PNG of 65535x65535", LyingPng(), NotScanned::kTooLarge},
      {"a PNG of 64 megapixels in 200 kB",
       testing::Encode(testing::Flat(8000, 8000, 1, ChannelOrder::kGray), ".png"),
       NotScanned::kFeatureless},
      {"a lossless WebP of 38 megapixels",
       testing::Encode(testing::Flat(6200, 6200, 1), ".webp", {.quality = 101}),
       NotScanned::kTooLarge},
  };
}

class HostilePicture : public testing::PipelineTest {};

TEST_F(HostilePicture, HasAVerdictWithTheReason) {
  for (const Hostile& picture : HostilePictures()) {
    const Verdict verdict = Check(picture.bytes);
    EXPECT_EQ(verdict.outcome, Outcome::kNotScanned) << picture.name;
    EXPECT_EQ(verdict.not_scanned, picture.reason)
        << picture.name << ": " << Name(verdict.not_scanned) << ", " << verdict.detail;
    EXPECT_FALSE(verdict.detail.empty()) << picture.name;
  }
}

TEST_F(HostilePicture, TakesBoundedMemory) {
  if (!testing::CanMeasurePeakMemory()) GTEST_SKIP() << "under a sanitizer";
  for (const Hostile& picture : HostilePictures()) {
    const int64_t peak = testing::PeakExtraMemory([&] { Check(picture.bytes); });
    EXPECT_LT(peak, kMemoryBound) << picture.name;
  }
}

TEST_F(HostilePicture, FramesOutsideTheCanvasChangeNothing) {
  const Encoded plain = ManyFrames(40, 40, 5);
  GifWriter writer(40, 40, GrayPalette());
  for (int i = 0; i < 5; ++i) {
    writer.Add(Area(i % 40, i / 40 % 40, 1, 1, static_cast<uint8_t>(i * 7)));
    writer.Add(Area(40 + i, 3, 9, 9, 'x'));
    writer.Add(Area(65535, 65535, 1, 1, 'x'));
  }
  PdqScratch scratch;
  const auto expected = HashEncoded(plain, {}, scratch);
  const auto got = HashEncoded(writer.Finish(), {}, scratch);
  ASSERT_TRUE(expected.ok() && got.ok());
  EXPECT_EQ(got->summary.frames, 15);
  ASSERT_EQ(got->frames.size(), expected->frames.size());
  for (size_t i = 0; i < got->frames.size(); ++i) {
    EXPECT_EQ(got->frames[i].pdq.hashes, expected->frames[i].pdq.hashes);
  }
}

}  // namespace
}  // namespace vigie
