#include "engine/variants/variants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/support/composites.h"
#include "tests/unit/match/pipeline_fixture.h"

namespace vigie {
namespace {

using testing::Canvas;
using ::testing::ElementsAre;
using ::testing::Field;
using testing::Flat;
using testing::Framed;
using testing::PasteAt;
using testing::Pattern;
using testing::Picture;
using testing::Random;
using testing::Scene;
using testing::WriteText;

std::vector<Variant> Find(const Picture& picture, size_t most = kMaxVariants) {
  return FindVariants(picture.view(), most);
}

// All four edges are within `off` pixels.
bool IsNear(const Rectangle& a, const Rectangle& b, int off = 2) {
  return std::abs(a.x - b.x) <= off && std::abs(a.y - b.y) <= off &&
         std::abs(a.x + a.width - b.x - b.width) <= off &&
         std::abs(a.y + a.height - b.y - b.height) <= off;
}

void ExpectFinds(const Picture& picture, const Rectangle& wanted, const char* what, int off = 2) {
  std::string found;
  for (const Variant& variant : Find(picture)) {
    const Rectangle& r = variant.rectangle;
    if (IsNear(r, wanted, off)) return;
    for (const int value : {r.x, r.y, r.width, r.height})
      found.append(std::to_string(value)) += ' ';
    found += ';';
  }
  ADD_FAILURE() << what << ": " << found;
}

void ExpectSound(const Picture& picture, const std::string& what) {
  for (const size_t most : {size_t{0}, size_t{1}, size_t{5}, kMaxVariants, size_t{1000}}) {
    const auto variants = Find(picture, most);
    EXPECT_LE(variants.size(), std::min(most, kMaxVariants)) << what;
    EXPECT_EQ(variants, Find(picture, most)) << what;
    for (const Variant& variant : variants) {
      const Rectangle& r = variant.rectangle;
      EXPECT_GE(r.x, 0) << what;
      EXPECT_GE(r.y, 0) << what;
      EXPECT_GE(r.width, 5) << what;
      EXPECT_GE(r.height, 5) << what;
      EXPECT_LE(r.x + r.width, picture.width) << what;
      EXPECT_LE(r.y + r.height, picture.height) << what;
    }
  }
}

TEST(FindVariants, TrimsAFrameOfOneColour) {
  const Picture scene = Scene(300, 220, 7);
  for (const uint8_t shade : {uint8_t{0}, uint8_t{255}}) {
    const auto variants = Find(Framed(scene, 40, shade));
    ASSERT_FALSE(variants.empty());
    EXPECT_EQ(variants[0].kind, VariantKind::kTrimmed);
    EXPECT_TRUE(IsNear(variants[0].rectangle, {.x = 40, .y = 40, .width = 300, .height = 220}));
  }
}

TEST(FindVariants, TrimsAGradient) {
  const Picture scene = Scene(300, 220, 7);
  Picture framed = Canvas(380, 300, 0, scene);
  for (size_t i = 0; i < framed.data.size(); ++i) {
    framed.data[i] = static_cast<uint8_t>(i / 3 % 380 / 3 + i / 3 / 380 / 4);
  }
  PasteAt(scene, 40, 50, &framed);
  ExpectFinds(framed, {.x = 40, .y = 50, .width = 300, .height = 220}, "gradient");
}

TEST(FindVariants, TrimsAFrameThatIsAStrongBlur) {
  constexpr int kFrame = 40;
  constexpr int kSlope = 6;  // shades a pixel: far from even, without a bend
  const Picture scene = Scene(300, 220, 7);
  Picture framed = Canvas(380, 300, 0, scene);
  for (int y = 0; y < framed.height; ++y) {
    for (int x = 0; x < framed.width; ++x) {
      const int depth = std::min({x, framed.width - 1 - x, y, framed.height - 1 - y, int{kFrame}});
      std::fill_n(framed.data.begin() + 3 * (y * framed.width + x), 3,
                  static_cast<uint8_t>(kSlope * depth));
    }
  }
  PasteAt(scene, kFrame, kFrame, &framed);
  const Rectangle wanted{.x = kFrame, .y = kFrame, .width = 300, .height = 220};
  const auto variants = Find(framed);
  EXPECT_TRUE(std::any_of(variants.begin(), variants.end(), [&](const Variant& variant) {
    return variant.kind == VariantKind::kTrimmed && IsNear(variant.rectangle, wanted);
  }));
}

TEST(FindVariants, RemovesBandsOfTextBeforeAnythingElse) {
  const Picture scene = Scene(320, 240, 9);
  for (const uint8_t shade : {uint8_t{0}, uint8_t{255}}) {
    Picture meme = Canvas(320, 240 + 90 + 60, shade, scene);
    PasteAt(scene, 0, 90, &meme);
    WriteText(10, 20, 300, 60, &meme);
    WriteText(10, 340, 280, 40, &meme);
    const auto variants = Find(meme);
    const Rectangle wanted{.x = 0, .y = 90, .width = 320, .height = 240};
    const auto found = std::find_if(variants.begin(), variants.end(), [&](const Variant& variant) {
      return IsNear(variant.rectangle, wanted);
    });
    EXPECT_LT(found - variants.begin(), 4) << "only what trims both is before it";
  }
}

TEST(FindVariants, RemovesBandsOfText) {
  const Picture scene = Scene(320, 240, 9);
  Picture meme = Canvas(320, 240 + 70 + 50, 255, scene);
  PasteAt(scene, 0, 70, &meme);
  WriteText(10, 20, 300, 40, &meme);
  WriteText(10, 320, 280, 30, &meme);
  ExpectFinds(meme, {.x = 0, .y = 70, .width = 320, .height = 240}, "meme");
}

TEST(FindVariants, FindsThePictureInsideAScreenshot) {
  const Picture scene = Scene(280, 210, 11);
  Picture screen = Canvas(300, 500, 250, scene);
  WriteText(10, 4, 60, 10, &screen);
  WriteText(40, 40, 150, 26, &screen);
  PasteAt(scene, 10, 90, &screen);
  WriteText(10, 320, 250, 100, &screen);
  ExpectFinds(screen, {.x = 10, .y = 90, .width = 280, .height = 210}, "screenshot");
}

TEST(FindVariants, FindsThePanelsOfACollage) {
  constexpr int kGap = 6;
  const Picture first = Scene(200, 150, 21);
  Picture collage = Canvas(2 * 200 + 3 * kGap, 2 * 150 + 3 * kGap, 255, first);
  for (int i = 0; i < 4; ++i) {
    PasteAt(Scene(200, 150, 21 + static_cast<uint64_t>(i)), kGap + i % 2 * (200 + kGap),
            kGap + i / 2 * (150 + kGap), &collage);
  }
  for (int i = 0; i < 4; ++i) {
    ExpectFinds(collage,
                {.x = kGap + i % 2 * (200 + kGap),
                 .y = kGap + i / 2 * (150 + kGap),
                 .width = 200,
                 .height = 150},
                "panel");
  }
}

TEST(FindVariants, SeesBrightnessInAnyOrderOfChannels) {
  Picture colour = Framed(Scene(300, 220, 7), 40, 255);
  const auto bgr = Find(colour);
  for (size_t i = 0; i + 2 < colour.data.size(); i += 3) {
    std::swap(colour.data[i], colour.data[i + 2]);
  }
  colour.order = ChannelOrder::kRgb;
  EXPECT_EQ(Find(colour), bgr);
}

TEST(FindVariants, RectanglesOfALargePictureAreInItsOwnPixels) {
  const Picture scene = Scene(1500, 900, 7);
  ExpectFinds(Framed(scene, 200, 255), {.x = 200, .y = 200, .width = 1500, .height = 900}, "large",
              6);
}

TEST(FindVariants, StaysInsideAndBoundedWhateverThePicture) {
  ExpectSound(Flat(300, 200, 90), "featureless");
  ExpectSound(Flat(8, 8, 90), "tiny");
  ExpectSound(Pattern(8, 8, 1), "tiny pattern");
  ExpectSound(Pattern(1, 1, 1), "one pixel");
  ExpectSound(Pattern(3000, 41, 1), "flat and wide");
  ExpectSound(Pattern(41, 3000, 1), "high");
  ExpectSound(Pattern(2000, 1500, 3, ChannelOrder::kGray), "huge");
  Picture page = Flat(500, 700, 255);
  WriteText(20, 20, 460, 660, &page);
  ExpectSound(page, "text only");
  Random random(3);
  for (int round = 0; round < 20; ++round) {
    const auto side = [&] { return 1 + static_cast<int>(random.Below(700)); };
    Picture noise = Flat(side(), side(), 0);
    for (uint8_t& value : noise.data) value = static_cast<uint8_t>(random.Below(256));
    ExpectSound(noise, "noise " + std::to_string(round));
    Picture blocks = Flat(side(), side(), 128);
    for (int i = 0; i < 30; ++i) {
      const int width = 1 + static_cast<int>(random.Below(static_cast<size_t>(blocks.width)));
      const int height = 1 + static_cast<int>(random.Below(static_cast<size_t>(blocks.height)));
      const auto shade = static_cast<uint8_t>(random.Below(256));
      PasteAt(Flat(width, height, shade),
              static_cast<int>(random.Below(static_cast<size_t>(blocks.width - width + 1))),
              static_cast<int>(random.Below(static_cast<size_t>(blocks.height - height + 1))),
              &blocks);
    }
    ExpectSound(blocks, "blocks " + std::to_string(round));
  }
}

TEST(FindVariants, ACollageOfFiftyPanelsIsBounded) {
  Picture collage = Flat(1000, 500, 255);
  for (int i = 0; i < 50; ++i) {
    PasteAt(Scene(98, 98, static_cast<uint64_t>(i)), i % 10 * 100, i / 10 * 100, &collage);
  }
  ExpectSound(collage, "fifty");
  EXPECT_EQ(Find(collage).size(), kMaxVariants);
}

TEST(FindVariants, NothingIsFoundInWhatHasNothing) {
  EXPECT_THAT(Find(Flat(400, 300, 255)), ElementsAre(Field(&Variant::kind, VariantKind::kMiddle)));
  EXPECT_TRUE(Find(Pattern(30, 30, 1)).empty());
}

TEST(FindVariants, TheMiddleIsTheLastUnlessOthersTakeThePlaces) {
  const Picture scene = Framed(Scene(300, 220, 7), 40, 0);
  const auto variants = Find(scene);
  EXPECT_EQ(variants.back(),
            (Variant{VariantKind::kMiddle, {.x = 10, .y = 8, .width = 360, .height = 284}}));
  const auto first = Find(scene, variants.size() - 1);
  EXPECT_EQ(first, (std::vector<Variant>(variants.begin(), variants.end() - 1)));
  EXPECT_EQ(Find(Flat(400, 42, 255)).size(), 1U);
  EXPECT_TRUE(Find(Flat(400, 41, 255)).empty());  // 39 rows are left
}

TEST(Part, ShowsThePixelsOfItsRectangle) {
  const Picture picture = Pattern(50, 40, 3);
  const PixelView part = Part(picture.view(), {.x = 7, .y = 9, .width = 20, .height = 10});
  EXPECT_EQ(part.width, 20);
  EXPECT_EQ(part.height, 10);
  EXPECT_EQ(part.row(3)[2 * 3 + 1], picture.view().row(12)[9 * 3 + 1]);
}

}  // namespace
}  // namespace vigie
