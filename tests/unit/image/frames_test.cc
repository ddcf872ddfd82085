// Animations: which frames come out, composed how, bounded by what.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/image/decoder.h"
#include "tests/support/animations.h"
#include "tests/support/pictures.h"
#include "tests/unit/image/samples.h"

namespace vigie {
namespace {

using testing::Buffer;
using testing::FrameOf;
using testing::GifFrame;
using testing::GifWriter;
using testing::GrayPalette;
using testing::Pattern;
using testing::Picture;

struct Shown {
  int number = 0;
  int64_t time_ms = 0;
  std::string pixels;  // of one channel
};

struct Played {
  absl::StatusOr<FrameSummary> summary;
  std::vector<Shown> frames;

  std::string rest() const { return summary.ok() ? ReasonOf(summary->rest) : "no summary"; }
};

Played Play(Bytes bytes, const DecodeLimits& limits = {}, size_t wanted = SIZE_MAX) {
  Played played;
  played.summary =
      DecodeFrames(bytes, limits, DecodeMode::kExact, Sampling::kAllPixels, [&](const Frame& f) {
        Shown shown{.number = f.number, .time_ms = f.time_ms, .pixels = {}};
        for (int y = 0; y < f.pixels.height; ++y) {
          for (int x = 0; x < f.pixels.width; ++x) {
            shown.pixels.push_back(static_cast<char>(f.pixels.row(y)[x * f.pixels.channels()]));
          }
        }
        played.frames.push_back(std::move(shown));
        return played.frames.size() < wanted;
      });
  return played;
}

Picture Gray(int width, int height, uint32_t seed) {
  return Pattern(width, height, seed, ChannelOrder::kGray);
}

std::string AsText(const Picture& gray) { return {gray.data.begin(), gray.data.end()}; }

// A frame of one palette index.
GifFrame Area(int left, int top, int width, int height, uint8_t index) {
  GifFrame frame;
  frame.left = left;
  frame.top = top;
  frame.width = width;
  frame.height = height;
  frame.indices.assign(static_cast<size_t>(width) * static_cast<size_t>(height), index);
  return frame;
}

// The animation of `frames` on 4x1 pixels, as text of palette indices; white is 'w'.
std::vector<std::string> PlayLine(const std::vector<GifFrame>& frames) {
  GifWriter writer(4, 1, GrayPalette());
  for (const GifFrame& frame : frames) writer.Add(frame);
  std::vector<std::string> lines;
  for (const Shown& shown : Play(writer.Finish()).frames) {
    std::string line = shown.pixels;
    for (char& c : line) {
      if (c == '\xff') c = 'w';
    }
    lines.push_back(line);
  }
  return lines;
}

TEST(DecodeFrames, GivesEveryFrameOfAGifWithNumberAndTime) {
  const std::vector<Picture> pictures = {Gray(37, 29, 1), Gray(37, 29, 2), Gray(37, 29, 3)};
  const Played played = Play(testing::EncodeGif(pictures));
  ASSERT_TRUE(played.summary.ok()) << played.summary.status();
  EXPECT_EQ(played.summary->format, ImageFormat::kGif);
  EXPECT_TRUE(played.summary->animated);
  EXPECT_TRUE(played.summary->rest.ok()) << played.summary->rest;
  EXPECT_EQ(played.summary->frames, 3);
  EXPECT_EQ(played.summary->width, 37);
  EXPECT_EQ(played.summary->height, 29);
  ASSERT_EQ(played.frames.size(), 3U);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(played.frames[i].number, static_cast<int>(i));
    EXPECT_EQ(played.frames[i].time_ms, 100 * static_cast<int>(i));
    EXPECT_EQ(played.frames[i].pixels, AsText(pictures[i]));
  }
}

TEST(DecodeFrames, GivesEveryFrameOfAnAnimatedWebp) {
  std::vector<Picture> pictures;
  for (uint32_t seed = 1; seed <= 3; ++seed) pictures.push_back(Pattern(37, 29, seed));
  const Played played = Play(testing::EncodeAnimatedWebp(pictures));
  ASSERT_TRUE(played.summary.ok()) << played.summary.status();
  EXPECT_EQ(played.summary->format, ImageFormat::kWebp);
  EXPECT_TRUE(played.summary->animated);
  EXPECT_TRUE(played.summary->rest.ok());
  ASSERT_EQ(played.frames.size(), 3U);
  for (size_t i = 0; i < 3; ++i) {
    std::string blue;
    for (size_t at = 0; at < pictures[i].data.size(); at += 3) {
      blue.push_back(static_cast<char>(pictures[i].data[at]));
    }
    EXPECT_EQ(played.frames[i].number, static_cast<int>(i));
    EXPECT_EQ(played.frames[i].time_ms, 100 * static_cast<int>(i));
    EXPECT_EQ(played.frames[i].pixels, blue);
  }
}

TEST(DecodeFrames, AStillPictureHasOneFrame) {
  for (const char* extension : testing::kExtensions) {
    const Played played = Play(testing::Encode(Pattern(20, 10, 2), extension));
    ASSERT_TRUE(played.summary.ok()) << extension;
    EXPECT_FALSE(played.summary->animated);
    EXPECT_EQ(played.summary->frames, 1);
    EXPECT_EQ(played.frames.size(), 1U);
  }
  const Played gif = Play(testing::EncodeGif({Gray(20, 10, 2)}));
  ASSERT_TRUE(gif.summary.ok());
  EXPECT_FALSE(gif.summary->animated);
  EXPECT_EQ(gif.frames.at(0).pixels, AsText(Gray(20, 10, 2)));
}

TEST(DecodeFrames, LeavesOutFramesThatRepeatTheOneBefore) {
  const Picture a = Gray(20, 10, 1);
  const Picture b = Gray(20, 10, 2);
  const Played played = Play(testing::EncodeGif({a, a, b, b, a}));
  ASSERT_TRUE(played.summary.ok());
  EXPECT_EQ(played.summary->frames, 5);
  ASSERT_EQ(played.frames.size(), 3U);
  EXPECT_EQ(played.frames[1].number, 2);
  EXPECT_EQ(played.frames[2].number, 4);
}

TEST(DecodeFrames, StopsWhenNoMoreAreWanted) {
  for (const Buffer& bytes :
       {testing::EncodeGif({Gray(20, 10, 1), Gray(20, 10, 2), Gray(20, 10, 3)}),
        testing::EncodeAnimatedWebp(
            {Pattern(20, 10, 1), Pattern(20, 10, 2), Pattern(20, 10, 3)})}) {
    const Played played = Play(bytes, {}, 2);
    ASSERT_TRUE(played.summary.ok());
    EXPECT_EQ(played.summary->frames, 2);
    EXPECT_TRUE(played.summary->rest.ok());
  }
}

TEST(DecodeFrames, ComposesGifFramesAsViewersDo) {
  GifFrame cleared = Area(0, 0, 2, 1, 'b');
  cleared.disposal = 2;
  GifFrame restored = Area(1, 0, 2, 1, 'c');
  restored.disposal = 3;
  EXPECT_EQ(PlayLine({Area(0, 0, 4, 1, 'a'), cleared, restored, Area(3, 0, 1, 1, 'd')}),
            (std::vector<std::string>{"aaaa", "bbaa", "wcca", "wwad"}));
  GifFrame see_through = Area(0, 0, 4, 1, 'x');
  see_through.indices = {'x', 't', 'x', 't'};
  see_through.transparent = 't';
  EXPECT_EQ(PlayLine({Area(0, 0, 4, 1, 'a'), see_through}),
            (std::vector<std::string>{"aaaa", "xaxa"}));
  EXPECT_EQ(PlayLine({see_through}), (std::vector<std::string>{"xwxw"}));
  // Uncovered canvas is white; what lies outside is cut, wherever it begins.
  EXPECT_EQ(PlayLine({Area(1, 0, 2, 1, 'a'), Area(3, 0, 9, 5, 'b'), Area(900, 70, 3, 3, 'c')}),
            (std::vector<std::string>{"waaw", "waab"}));
  GifFrame outside = Area(4, 0, 1, 1, 'x');
  outside.disposal = 3;
  EXPECT_EQ(PlayLine({Area(0, 0, 4, 1, 'a'), outside}), (std::vector<std::string>{"aaaa"}));
  // Indices outside a small palette draw nothing.
  GifFrame two_colors = Area(0, 0, 4, 1, 0);
  two_colors.indices = {0, 1, 200, 1};
  two_colors.palette = {'a', 'a', 'a', 'b', 'b', 'b'};
  EXPECT_EQ(PlayLine({two_colors}), (std::vector<std::string>{"abwb"}));
}

TEST(DecodeFrames, ReadsInterlacedGifs) {
  for (const int height : {1, 2, 5, 8, 23}) {
    const Picture picture = Gray(7, height, 3);
    GifFrame frame = FrameOf(picture);
    frame.interlaced = true;
    GifWriter writer(7, height, GrayPalette());
    writer.Add(frame);
    EXPECT_EQ(Play(writer.Finish()).frames.at(0).pixels, AsText(picture)) << height;
  }
}

TEST(DecodeFrames, AScreenSmallerThanTheFirstFrameGrows) {
  for (const int side : {0, 3}) {
    GifWriter writer(side, side, GrayPalette());
    writer.Add(Area(2, 1, 4, 5, 'a'));
    const auto image = DecodeImage(writer.Finish(), {}, DecodeMode::kExact);
    ASSERT_TRUE(image.ok()) << image.status();
    EXPECT_EQ(image->width, 6);
    EXPECT_EQ(image->height, 6);
  }
}

TEST(DecodeFrames, FramesBeforeADamageAreGivenAndTheRestIsCorrupt) {
  const Picture a = Gray(20, 10, 1);
  GifWriter no_palette(20, 10, {});
  GifFrame own = FrameOf(a);
  own.palette = GrayPalette();
  no_palette.Add(own);
  no_palette.Add(FrameOf(Gray(20, 10, 2)));
  GifWriter no_pixels(20, 10, GrayPalette());
  no_pixels.Add(FrameOf(a));
  no_pixels.Add(Area(0, 0, 0, 7, 'a'));
  GifWriter no_end(20, 10, GrayPalette());
  no_end.Add(FrameOf(a));
  const Buffer without_end = no_end.Finish(/*trailer=*/false);
  for (const Buffer& bytes : {no_palette.Finish(), no_pixels.Finish(), without_end}) {
    const Played played = Play(bytes);
    ASSERT_EQ(played.frames.size(), 1U);
    EXPECT_EQ(played.frames[0].pixels, AsText(a));
    EXPECT_EQ(played.rest(), "IMAGE_CORRUPT");
  }
  EXPECT_FALSE(DecodeImage(without_end, {}, DecodeMode::kExact)->complete);
}

TEST(DecodeFrames, AFrameWhoseDataStopsIsGivenAsFarAsItGoes) {
  const Picture a = Gray(20, 10, 1);
  GifFrame half = FrameOf(a);
  half.indices.resize(100);
  GifWriter writer(20, 10, GrayPalette());
  writer.Add(half);
  const Played played = Play(writer.Finish());
  ASSERT_EQ(played.frames.size(), 1U);
  EXPECT_EQ(played.rest(), "IMAGE_CORRUPT");
  EXPECT_EQ(played.frames[0].pixels.substr(0, 100), AsText(a).substr(0, 100));
  EXPECT_EQ(played.frames[0].pixels.substr(120), std::string(80, '\xff'));
}

TEST(DecodeFrames, BoundsTheWorkOfAnAnimation) {
  std::vector<Picture> gray;
  std::vector<Picture> color;
  for (uint32_t seed = 0; seed < 8; ++seed) {
    gray.push_back(Gray(200, 100, seed));
    color.push_back(Pattern(200, 100, seed));
  }
  for (const Buffer& bytes : {testing::EncodeGif(gray), testing::EncodeAnimatedWebp(color)}) {
    const Played all = Play(bytes, {.max_animation_pixels = 8 * 20'000});
    EXPECT_EQ(all.frames.size(), 8U);
    EXPECT_TRUE(all.summary->rest.ok());
    const Played some = Play(bytes, {.max_animation_pixels = 5 * 20'000});
    EXPECT_EQ(some.frames.size(), 5U);
    EXPECT_EQ(some.rest(), "IMAGE_TOO_LARGE");
    const std::string message(MessageOf(some.summary->rest));
    EXPECT_NE(message.find("after 5 frames"), std::string::npos) << message;
    EXPECT_NE(message.find("100000 pixels"), std::string::npos) << message;
  }
}

TEST(DecodeFrames, TenThousandTinyFramesAreBounded) {
  GifWriter writer(2, 2, GrayPalette());
  for (int i = 0; i < 10'000; ++i)
    writer.Add(Area(i % 2, i / 2 % 2, 1, 1, static_cast<uint8_t>(i)));
  const Buffer bytes = writer.Finish();
  EXPECT_EQ(Play(bytes).summary->frames, 10'000);
  const Played cut = Play(bytes, {.max_animation_pixels = 50'000'000});
  EXPECT_EQ(cut.summary->frames, 5'000);
  EXPECT_EQ(cut.rest(), "IMAGE_TOO_LARGE");
}

TEST(DecodeFrames, RefusesBombsBeforeAllocating) {
  // A screen of 65535x65535; a frame of that size on a small screen.
  GifWriter screen(65535, 65535, GrayPalette());
  screen.Add(Area(0, 0, 1, 1, 'a'));
  GifFrame enormous = Area(0, 0, 1, 1, 'a');
  enormous.width = 65535;
  enormous.height = 65535;
  GifWriter second(4, 4, GrayPalette());
  second.Add(Area(0, 0, 4, 4, 'a'));
  second.Add(enormous);
  GifWriter first(4, 4, GrayPalette());
  first.Add(enormous);
  for (const Buffer& bytes : {screen.Finish(), first.Finish(), second.Finish()}) {
    const Played played = Play(bytes);
    EXPECT_EQ(ReasonOf(played.summary.status()), "IMAGE_TOO_LARGE") << played.summary.status();
  }
}

TEST(DecodeFrames, PlaysAPictureOneByTheLargestSide) {
  for (const auto& [width, height] : {std::pair(1, 65535), {65535, 1}}) {
    GifWriter writer(width, height, GrayPalette());
    writer.Add(Area(0, 0, width, height, 'a'));
    writer.Add(Area(0, 0, 1, 1, 'b'));
    const Buffer bytes = writer.Finish();
    EXPECT_EQ(Play(bytes).frames.size(), 2U);
    const auto sampled = DecodeImage(bytes, {}, DecodeMode::kExact, Sampling::kPdqReference);
    ASSERT_TRUE(sampled.ok());
    EXPECT_EQ(sampled->pixels.width, 512);
    EXPECT_EQ(sampled->pixels.height, 512);
    EXPECT_TRUE(sampled->animated);
  }
}

// Wherever a GIF is cut, the same comes out again, and never as complete.
TEST(DecodeFrames, EveryCutOfAGifIsIncomplete) {
  const Buffer whole = testing::EncodeGif({Gray(9, 7, 1), Gray(9, 7, 2)});
  for (size_t size = 0; size < whole.size(); ++size) {
    const Buffer cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    const Played played = Play(cut);
    if (played.summary.ok()) {
      EXPECT_EQ(played.rest(), "IMAGE_CORRUPT") << size;
    } else {
      EXPECT_NE(ReasonOf(played.summary.status()), "") << size;
    }
  }
}

}  // namespace
}  // namespace vigie
