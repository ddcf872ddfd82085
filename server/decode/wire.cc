#include "server/decode/wire.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace vigie::decode {
namespace {

// The reasons of HashEncoded(), with their codes.
struct KnownError {
  std::string_view reason;
  absl::StatusCode code;
};
constexpr KnownError kKnownErrors[] = {
    {"IMAGE_CORRUPT", absl::StatusCode::kInvalidArgument},
    {"IMAGE_TOO_LARGE", absl::StatusCode::kInvalidArgument},
    {"UNSUPPORTED_FORMAT", absl::StatusCode::kInvalidArgument},
    {"OUT_OF_MEMORY", absl::StatusCode::kResourceExhausted},
};
constexpr int32_t kMaxSide = 1 << 20;  // the image library's own limit

template <size_t N>
uint16_t PutText(std::string_view text, std::array<char, N>* out) {
  const size_t size = std::min(text.size(), N);
  std::copy_n(text.begin(), size, out->begin());
  return static_cast<uint16_t>(size);
}

WireStatus Encode(const absl::Status& status) {
  WireStatus wire;
  wire.code = static_cast<int32_t>(status.code());
  wire.reason_bytes = PutText(ReasonOf(status), &wire.reason);
  wire.message_bytes = PutText(MessageOf(status), &wire.message);
  return wire;
}

// nullopt: no status that a decoder gives.
std::optional<absl::Status> Decode(const WireStatus& wire) {
  if (wire.reason_bytes > wire.reason.size() || wire.message_bytes > wire.message.size()) {
    return std::nullopt;
  }
  const std::string_view reason(wire.reason.data(), wire.reason_bytes);
  const std::string_view message(wire.message.data(), wire.message_bytes);
  if (wire.code == 0) {
    if (!reason.empty() || !message.empty()) return std::nullopt;
    return absl::OkStatus();
  }
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  if (!std::all_of(message.begin(), message.end(), printable)) return std::nullopt;
  for (const KnownError& known : kKnownErrors) {
    if (reason == known.reason && wire.code == static_cast<int32_t>(known.code)) {
      return Error(known.code, reason, message);
    }
  }
  return std::nullopt;
}

bool IsPossible(const AnswerHead& head, const HashOptions& options) {
  const bool format_known = head.format > static_cast<int32_t>(ImageFormat::kUnknown) &&
                            head.format <= static_cast<int32_t>(ImageFormat::kHeif);
  const bool sides =
      head.width >= 1 && head.width <= kMaxSide && head.height >= 1 && head.height <= kMaxSide;
  const bool counts = head.decoded_frames >= 1 && (head.animated == 1 || head.decoded_frames == 1);
  return format_known && sides && (head.cut_short == 0 || head.cut_short == 1) &&
         (head.animated == 0 || head.animated == 1) && counts && head.variants <= kMaxVariants &&
         head.variants <= static_cast<uint32_t>(std::max(options.max_variants, 0)) &&
         (head.variants_cut_short == 0 || head.variants_cut_short == 1) && head.local_frame >= 0 &&
         head.local_frame < head.decoded_frames &&
         head.frames <= static_cast<uint32_t>(options.max_frames) &&
         head.frames <= static_cast<uint32_t>(head.decoded_frames);
}

// The frame, which comes after frame `previous`.
std::optional<HashedFrame> Decode(const AnswerFrame& wire, int previous, const AnswerHead& head,
                                  bool all_orientations) {
  if (wire.number <= previous || wire.number >= head.decoded_frames || wire.quality < 0 ||
      wire.quality > 100) {
    return std::nullopt;
  }
  HashedFrame frame{.number = wire.number, .pdq = {}};
  frame.pdq.quality = wire.quality;
  for (size_t i = 0; i < (all_orientations ? wire.hashes.size() : 1); ++i) {
    frame.pdq.hashes[i].bytes = wire.hashes[i];
  }
  return frame;
}

AnswerVariant Encode(const HashedVariant& hashed) {
  const Rectangle& r = hashed.variant.rectangle;
  AnswerVariant wire;
  wire.frame = hashed.frame;
  wire.kind = static_cast<int32_t>(hashed.variant.kind);
  wire.x = r.x;
  wire.y = r.y;
  wire.width = r.width;
  wire.height = r.height;
  wire.quality = hashed.pdq.quality;
  for (size_t i = 0; i < wire.hashes.size(); ++i) wire.hashes[i] = hashed.pdq.hashes[i].bytes;
  return wire;
}

// The part, which comes after one of frame `previous`.
std::optional<HashedVariant> Decode(const AnswerVariant& wire, int previous, const AnswerHead& head,
                                    const HashOptions& options) {
  const bool inside = wire.x >= 0 && wire.y >= 0 && wire.width >= 1 && wire.height >= 1 &&
                      wire.x < head.width && wire.width <= head.width - wire.x &&
                      wire.y < head.height && wire.height <= head.height - wire.y;
  if (!inside || wire.frame < previous || wire.frame >= head.decoded_frames ||
      wire.kind < static_cast<int32_t>(VariantKind::kTrimmed) ||
      wire.kind > static_cast<int32_t>(VariantKind::kMiddle) || wire.quality < options.min_quality ||
      wire.quality > 100) {
    return std::nullopt;
  }
  HashedVariant hashed{.frame = wire.frame,
                       .variant = {.kind = static_cast<VariantKind>(wire.kind),
                                   .rectangle = {.x = wire.x,
                                                 .y = wire.y,
                                                 .width = wire.width,
                                                 .height = wire.height}},
                       .pdq = {}};
  hashed.pdq.quality = wire.quality;
  for (size_t i = 0; i < wire.hashes.size(); ++i) hashed.pdq.hashes[i].bytes = wire.hashes[i];
  return hashed;
}

}  // namespace

std::vector<std::byte> EncodeAnswer(uint64_t question, const absl::StatusOr<HashedImage>& image) {
  AnswerHead head;
  head.question = question;
  head.ok = image.ok() ? 1 : 0;
  head.status = Encode(image.ok() ? image->summary.rest : image.status());
  if (image.ok()) {
    head.frames = static_cast<uint32_t>(image->frames.size());
    head.format = static_cast<int32_t>(image->summary.format);
    head.width = image->summary.width;
    head.height = image->summary.height;
    head.animated = image->summary.animated ? 1 : 0;
    head.decoded_frames = image->summary.frames;
    head.cut_short = image->cut_short ? 1 : 0;
    head.decode_ns = image->decode_ns;
    head.hash_ns = image->hash_ns;
    head.variants = static_cast<uint32_t>(image->variants.size());
    head.variants_cut_short = image->variants_cut_short ? 1 : 0;
    head.variants_ns = image->variants_ns;
  }
  std::string local;
  if (image.ok() && !image->local.keypoints.empty()) {
    local = EncodeLocal(image->local);
    head.local_bytes = static_cast<uint32_t>(local.size());
    head.local_frame = image->local_frame;
  }
  const size_t variants_at = sizeof(head) + head.frames * sizeof(AnswerFrame);
  const size_t local_at = variants_at + head.variants * sizeof(AnswerVariant);
  std::vector<std::byte> answer(local_at + local.size());
  if (!local.empty()) std::memcpy(answer.data() + local_at, local.data(), local.size());
  std::memcpy(answer.data(), &head, sizeof(head));
  for (size_t i = 0; i < head.frames; ++i) {
    AnswerFrame frame;
    frame.number = image->frames[i].number;
    frame.quality = image->frames[i].pdq.quality;
    for (size_t o = 0; o < frame.hashes.size(); ++o) {
      frame.hashes[o] = image->frames[i].pdq.hashes[o].bytes;
    }
    std::memcpy(answer.data() + sizeof(head) + i * sizeof(frame), &frame, sizeof(frame));
  }
  for (size_t i = 0; i < head.variants; ++i) {
    const AnswerVariant variant = Encode(image->variants[i]);
    std::memcpy(answer.data() + variants_at + i * sizeof(variant), &variant, sizeof(variant));
  }
  return answer;
}

absl::StatusOr<HashedImage> DecodeAnswer(std::span<const std::byte> answer,
                                         const Question& question, int64_t took_ns, bool* valid) {
  *valid = false;
  const absl::Status refused = DecoderFailed("the decoder gave no valid answer for this picture");
  AnswerHead head;
  if (answer.size() < sizeof(head)) return refused;
  std::memcpy(&head, answer.data(), sizeof(head));
  const auto status = Decode(head.status);
  if (head.question != question.number || head.ok > 1 || !status.has_value()) return refused;
  if (head.ok == 0) {
    if (status->ok() || answer.size() != sizeof(head)) return refused;
    *valid = true;
    return *status;
  }
  if (!IsPossible(head, question.options)) return refused;
  const size_t variants_at = sizeof(head) + head.frames * sizeof(AnswerFrame);
  const size_t local_at = variants_at + head.variants * sizeof(AnswerVariant);
  if (answer.size() != local_at + head.local_bytes) return refused;
  HashedImage image;
  image.summary = {.format = static_cast<ImageFormat>(head.format),
                   .width = head.width,
                   .height = head.height,
                   .animated = head.animated == 1,
                   .frames = head.decoded_frames,
                   .rest = *status};
  image.cut_short = head.cut_short == 1;
  int previous = -1;
  for (size_t i = 0; i < head.frames; ++i) {
    AnswerFrame wire;
    std::memcpy(&wire, answer.data() + sizeof(head) + i * sizeof(wire), sizeof(wire));
    const auto frame = Decode(wire, previous, head, question.options.all_orientations);
    if (!frame.has_value()) return refused;
    previous = frame->number;
    image.frames.push_back(*frame);
  }
  previous = 0;
  for (size_t i = 0; i < head.variants; ++i) {
    AnswerVariant wire;
    std::memcpy(&wire, answer.data() + variants_at + i * sizeof(wire), sizeof(wire));
    const auto variant = Decode(wire, previous, head, question.options);
    if (!variant.has_value()) return refused;
    previous = variant->frame;
    image.variants.push_back(*variant);
  }
  if (head.local_bytes > 0) {
    auto local = DecodeLocal({reinterpret_cast<const char*>(&answer[local_at]), head.local_bytes});
    const auto most = static_cast<size_t>(std::max(question.options.local_places, 0));
    if (!local.ok() || local->keypoints.size() > most) return refused;
    image.local = *std::move(local);
    image.local_frame = head.local_frame;
  }
  image.variants_cut_short = head.variants_cut_short == 1;
  image.variants_ns = std::clamp<int64_t>(head.variants_ns, 0, took_ns);
  image.decode_ns = std::clamp<int64_t>(head.decode_ns, 0, took_ns);
  image.hash_ns = std::clamp<int64_t>(head.hash_ns, 0, took_ns);
  *valid = true;
  return image;
}

}  // namespace vigie::decode
