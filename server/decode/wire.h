// What the server and a worker say to each other. Both are the same program; the server trusts
// nothing that a worker says.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "engine/match/image_hasher.h"
#include "server/decode/channel.h"

namespace vigie::decode {

// A worker's first message: it is behind the wall, or why not.
struct Ready {
  std::array<char, 128> failure = {};  // empty: it is
};

// Hash the picture that lies in the slot.
struct Question {
  uint64_t number = 0;
  uint64_t picture_bytes = 0;
  int64_t deadline_ns = 0;  // of the steady clock, which all processes share
  HashOptions options;
};
static_assert(std::is_trivially_copyable_v<Question>);

// An absl::Status. Longer texts are cut.
struct WireStatus {
  int32_t code = 0;
  uint16_t reason_bytes = 0;
  uint16_t message_bytes = 0;
  std::array<char, 32> reason = {};
  std::array<char, 448> message = {};
};

struct AnswerHead {
  uint64_t question = 0;
  uint32_t ok = 0;      // 1: `status` is of the rest, frames follow; 0: it is the error
  uint32_t frames = 0;  // how many follow
  WireStatus status;
  int32_t format = 0;
  int32_t width = 0;
  int32_t height = 0;
  int32_t animated = 0;
  int32_t decoded_frames = 0;
  int32_t cut_short = 0;
  uint32_t variants = 0;  // how many follow the frames
  int32_t variants_cut_short = 0;
  uint32_t local_bytes = 0;  // EncodeLocal(), last; 0: none
  int32_t local_frame = 0;
  int64_t decode_ns = 0;
  int64_t hash_ns = 0;
  int64_t variants_ns = 0;
};

struct AnswerFrame {
  int32_t number = 0;
  int32_t quality = 0;
  std::array<std::array<uint8_t, 32>, 8> hashes = {};
};

struct AnswerVariant {
  int32_t frame = 0;
  int32_t kind = 0;
  int32_t x = 0;
  int32_t y = 0;
  int32_t width = 0;
  int32_t height = 0;
  int32_t quality = 0;
  std::array<std::array<uint8_t, 32>, 8> hashes = {};
};

// Of HashOptions::max_frames; an answer is one message.
inline constexpr int kMaxAnswerFrames = 256;
inline constexpr size_t kMaxAnswerBytes =
    sizeof(AnswerHead) + kMaxAnswerFrames * sizeof(AnswerFrame) +
    kMaxVariants * sizeof(AnswerVariant) + LocalBytes(kMaxLocalKeypoints);

std::vector<std::byte> EncodeAnswer(uint64_t question, const absl::StatusOr<HashedImage>& image);

// What `answer` says, when it can be an answer to `question`: all numbers are within what was asked
// for and what such a picture can have, texts are printable. `took_ns` bounds the times.
// Otherwise UNAVAILABLE, reason DECODER_FAILED, and *valid is false. The caller owns `answer`: the
// worker cannot change it any more.
absl::StatusOr<HashedImage> DecodeAnswer(std::span<const std::byte> answer,
                                         const Question& question, int64_t took_ns, bool* valid);

}  // namespace vigie::decode
