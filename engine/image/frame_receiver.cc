#include "engine/image/frame_receiver.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace vigie {
namespace {

// A frame of a few pixels still has to be read, composed and hashed.
constexpr int64_t kLeastCost = 10'000;

}  // namespace

absl::Status FrameReceiver::Spend(int64_t pixels) {
  spent_ += std::max(pixels, kLeastCost);
  // The first frame is what a still picture is: the limits of those hold.
  if (frames_ == 0 || spent_ <= limits_.max_animation_pixels) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "IMAGE_TOO_LARGE",
               ToStd(absl::StrCat("the animation goes on after ", frames_,
                                  " frames, where its frames reach the limit of ",
                                  limits_.max_animation_pixels, " pixels together")));
}

bool FrameReceiver::Take(PixelBuffer pixels, int64_t time_ms) {
  const int number = frames_++;
  const size_t size = pixels.stride_bytes() * static_cast<size_t>(pixels.height);
  if (number > 0 && std::memcmp(pixels.data.get(), previous_.data.get(), size) == 0) return true;
  previous_ = std::move(pixels);
  return sink_(Frame{
      .pixels = previous_.view(), .number = number, .time_ms = time_ms, .owner = previous_.data});
}

}  // namespace vigie
