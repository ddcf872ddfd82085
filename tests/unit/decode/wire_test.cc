// An answer of a worker that cannot be trusted.
#include "server/decode/wire.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/unit/decode/hasher_fixture.h"

namespace vigie::decode {
namespace {

using testing::ExpectSame;
using testing::Random;

constexpr int64_t kTook = 5'000'000;

Question AskFor(int max_frames) {
  Question question;
  question.number = 77;
  question.options.max_frames = max_frames;
  question.options.max_variants = 2;
  question.options.local_places = 3;
  return question;
}

HashedImage Animation(Random& random) {
  HashedImage image;
  for (const int number : {0, 3, 7}) {
    HashedFrame frame{.number = number, .pdq = {}};
    for (Pdq256& hash : frame.pdq.hashes) hash = random.Hash();
    frame.pdq.quality = 60 + number;
    image.frames.push_back(frame);
  }
  image.summary = {.format = ImageFormat::kGif,
                   .width = 30,
                   .height = 20,
                   .animated = true,
                   .frames = 8,
                   .rest = absl::OkStatus()};
  for (const int frame : {0, 3}) {
    HashedVariant part{.frame = frame,
                       .variant = {.kind = VariantKind::kPanel,
                                   .rectangle = {.x = 3, .y = 4, .width = 20, .height = 16}},
                       .pdq = {}};
    for (Pdq256& hash : part.pdq.hashes) hash = random.Hash();
    part.pdq.quality = 70;
    image.variants.push_back(part);
  }
  image.local = {.width = 30, .height = 20, .keypoints = {}, .descriptors = {}};
  for (uint16_t x = 10; x < 13; ++x) {
    image.local.keypoints.push_back({.x = x, .y = 70, .level = 1, .angle = 200});
    image.local.descriptors.push_back(random.Hash());
  }
  image.local_frame = 3;
  image.variants_cut_short = true;
  return image;
}

absl::StatusOr<HashedImage> Decode(std::span<const std::byte> answer, bool* valid) {
  return DecodeAnswer(answer, AskFor(16), kTook, valid);
}

TEST(Answer, IsReadAsItWasWritten) {
  Random random(1);
  bool valid = false;
  HashedImage image = Animation(random);
  ExpectSame(Decode(EncodeAnswer(77, image), &valid), image, "animation");
  EXPECT_TRUE(valid);
  image.summary.rest = Error(absl::StatusCode::kInvalidArgument, "IMAGE_CORRUPT", "cut off");
  ExpectSame(Decode(EncodeAnswer(77, image), &valid), image, "with a rest");
  EXPECT_TRUE(valid);
  const absl::StatusOr<HashedImage> error =
      Error(absl::StatusCode::kResourceExhausted, "OUT_OF_MEMORY", "no memory");
  ExpectSame(Decode(EncodeAnswer(77, error), &valid), error, "error");
  EXPECT_TRUE(valid);
}

// Changes one field of a good answer.
template <typename Change>
void ExpectRefused(const char* what, Change change) {
  Random random(1);
  auto answer = EncodeAnswer(77, Animation(random));
  AnswerHead head;
  AnswerFrame frame;
  std::memcpy(&head, answer.data(), sizeof(head));
  std::memcpy(&frame, answer.data() + sizeof(head), sizeof(frame));
  change(head, frame);
  std::memcpy(answer.data(), &head, sizeof(head));
  std::memcpy(answer.data() + sizeof(head), &frame, sizeof(frame));
  bool valid = true;
  EXPECT_EQ(ReasonOf(Decode(answer, &valid).status()), "DECODER_FAILED") << what;
  EXPECT_FALSE(valid) << what;
}

TEST(Answer, WithAnImpossibleValueIsRefused) {
  using Head = AnswerHead;
  using Frame = AnswerFrame;
  ExpectRefused("question", [](Head& head, Frame&) { ++head.question; });
  ExpectRefused("ok", [](Head& head, Frame&) { head.ok = 2; });
  ExpectRefused("an error that is none", [](Head& head, Frame&) { head.ok = 0; });
  ExpectRefused("more frames", [](Head& head, Frame&) { ++head.frames; });
  ExpectRefused("fewer frames", [](Head& head, Frame&) { --head.frames; });
  ExpectRefused("many frames", [](Head& head, Frame&) { head.frames = 0xFFFFFFFF; });
  ExpectRefused("format", [](Head& head, Frame&) { head.format = 9; });
  ExpectRefused("no format", [](Head& head, Frame&) { head.format = 0; });
  ExpectRefused("negative format", [](Head& head, Frame&) { head.format = -1; });
  ExpectRefused("width", [](Head& head, Frame&) { head.width = 0; });
  ExpectRefused("height", [](Head& head, Frame&) { head.height = 2'000'000'000; });
  ExpectRefused("animated", [](Head& head, Frame&) { head.animated = 2; });
  ExpectRefused("still", [](Head& head, Frame&) { head.animated = 0; });
  ExpectRefused("decoded", [](Head& head, Frame&) { head.decoded_frames = -8; });
  ExpectRefused("too few decoded", [](Head& head, Frame&) { head.decoded_frames = 7; });
  ExpectRefused("more parts", [](Head& head, Frame&) { ++head.variants; });
  ExpectRefused("fewer parts", [](Head& head, Frame&) { --head.variants; });
  ExpectRefused("many parts", [](Head& head, Frame&) { head.variants = 0xFFFFFFFF; });
  ExpectRefused("cut short", [](Head& head, Frame&) { head.variants_cut_short = 2; });
  ExpectRefused("no places", [](Head& head, Frame&) { head.local_bytes = 0; });
  ExpectRefused("more places", [](Head& head, Frame&) { head.local_bytes += 37; });
  ExpectRefused("many places", [](Head& head, Frame&) { head.local_bytes = 0xFFFFFFFF; });
  ExpectRefused("frame of places", [](Head& head, Frame&) { head.local_frame = 8; });
  ExpectRefused("no frame of places", [](Head& head, Frame&) { head.local_frame = -1; });
  ExpectRefused("frame number", [](Head&, Frame& frame) { frame.number = -1; });
  ExpectRefused("frame order", [](Head&, Frame& frame) { frame.number = 3; });
  ExpectRefused("quality", [](Head&, Frame& frame) { frame.quality = 101; });
  ExpectRefused("negative quality", [](Head&, Frame& frame) { frame.quality = -1; });
  ExpectRefused("text length", [](Head& head, Frame&) { head.status.message_bytes = 449; });
  ExpectRefused("reason length", [](Head& head, Frame&) { head.status.reason_bytes = 0xFFFF; });
  ExpectRefused("text of no error", [](Head& head, Frame&) { head.status.message_bytes = 4; });
  ExpectRefused("code", [](Head& head, Frame&) { head.status.code = 3; });
}

// Changes one field of the last part of a good answer.
template <typename Change>
void ExpectPartRefused(const char* what, Change change) {
  Random random(1);
  auto answer = EncodeAnswer(77, Animation(random));
  AnswerVariant part;
  const size_t at = answer.size() - LocalBytes(3) - sizeof(part);
  std::memcpy(&part, answer.data() + at, sizeof(part));
  change(part);
  std::memcpy(answer.data() + at, &part, sizeof(part));
  bool valid = true;
  EXPECT_EQ(ReasonOf(Decode(answer, &valid).status()), "DECODER_FAILED") << what;
  EXPECT_FALSE(valid) << what;
}

TEST(Answer, WithAnImpossiblePartIsRefused) {
  using Part = AnswerVariant;
  ExpectPartRefused("kind", [](Part& part) { part.kind = 5; });
  ExpectPartRefused("no kind", [](Part& part) { part.kind = 0; });
  ExpectPartRefused("frame", [](Part& part) { part.frame = 8; });
  ExpectPartRefused("frame order", [](Part& part) { part.frame = -1; });
  ExpectPartRefused("left", [](Part& part) { part.x = -1; });
  ExpectPartRefused("top", [](Part& part) { part.y = 20; });
  ExpectPartRefused("right", [](Part& part) { part.width = 28; });
  ExpectPartRefused("far right", [](Part& part) { part.width = 2'147'483'647; });
  ExpectPartRefused("bottom", [](Part& part) { part.height = 17; });
  ExpectPartRefused("empty", [](Part& part) { part.width = 0; });
  ExpectPartRefused("quality", [](Part& part) { part.quality = 101; });
  ExpectPartRefused("featureless", [](Part& part) { part.quality = 49; });
}

TEST(Answer, WithATextThatIsNoneIsRefused) {
  for (const std::string message : {"line\nfeed", "\x1b[2J", "\xff\xfe", "nul"}) {
    bool valid = true;
    const absl::StatusOr<HashedImage> error =
        Error(absl::StatusCode::kInvalidArgument, "IMAGE_CORRUPT",
              message == "nul" ? std::string(1, '\0') : message);
    EXPECT_FALSE(Decode(EncodeAnswer(77, error), &valid).ok());
    EXPECT_FALSE(valid);
  }
  bool valid = true;
  const absl::StatusOr<HashedImage> foreign =
      Error(absl::StatusCode::kPermissionDenied, "IMAGE_CORRUPT", "other code");
  Decode(EncodeAnswer(77, foreign), &valid).status().IgnoreError();
  EXPECT_FALSE(valid);
}

TEST(Answer, OfAnyBytesIsWithinBoundsOrRefused) {
  Random random(2);
  int accepted = 0;
  int refused = 0;
  const auto good = EncodeAnswer(77, Animation(random));
  for (int i = 0; i < 200'000; ++i) {
    std::vector<std::byte> answer = good;
    for (size_t n = random.Below(3); n < 3; ++n) {
      // Mostly of the head and its numbers; hashes may be anything.
      const size_t at = random.OneIn(4) ? random.Below(answer.size()) : random.Below(64);
      answer[at] ^= static_cast<std::byte>(1 + random.Below(255));
    }
    if (random.OneIn(3)) answer.resize(random.Below(answer.size() + 1));
    bool valid = false;
    const auto image = Decode(answer, &valid);
    ++(valid ? accepted : refused);
    EXPECT_EQ(valid, ReasonOf(image.status()) != "DECODER_FAILED");
    if (!image.ok()) continue;
    EXPECT_LE(image->frames.size(), 16U);
    EXPECT_GE(image->decode_ns, 0);
    EXPECT_LE(image->decode_ns, kTook);
    for (const HashedFrame& frame : image->frames) {
      EXPECT_TRUE(frame.pdq.quality >= 0 && frame.pdq.quality <= 100);
      EXPECT_TRUE(frame.number >= 0 && frame.number < image->summary.frames);
    }
  }
  std::printf("%d accepted, %d refused\n", accepted, refused);
  EXPECT_GT(accepted, 0);
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace vigie::decode
