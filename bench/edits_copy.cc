#include <opencv2/imgproc.hpp>

#include "bench/edit_kinds.h"

namespace vigie::bench {
namespace {

constexpr int kWidthOfMessengers = 800;

cv::Mat Same(const Material& m) { return m.picture; }

template <int kPart>
cv::Mat Reduced(const Material& m) {
  return Scaled(m.picture, 1.0 / kPart);
}

cv::Mat Width800(const Material& m) {
  return Scaled(m.picture, static_cast<double>(kWidthOfMessengers) / m.picture.cols);
}

template <int kPercentOfWidth>
cv::Mat Squeezed(const Material& m) {
  return ScaledTo(m.picture, {Percent(m.picture.cols, kPercentOfWidth), m.picture.rows});
}

template <int kAxis>  // of cv::flip: 1 left-right, 0 top-bottom
cv::Mat Flipped(const Material& m) {
  cv::Mat flipped;
  cv::flip(m.picture, flipped, kAxis);
  return flipped;
}

template <cv::RotateFlags kTurn>
cv::Mat Rotated(const Material& m) {
  cv::Mat rotated;
  cv::rotate(m.picture, rotated, kTurn);
  return rotated;
}

constexpr int kQuality = kPostedQuality;
constexpr Edit kEdits[] = {
    {"same", "copy", "recompressed, JPEG quality 80", Same, kQuality},
    {"jpeg-40", "copy", "recompressed, JPEG quality 40", Same, 40},
    {"jpeg-10", "copy", "recompressed, JPEG quality 10", Same, 10},
    {"half", "copy", "resized to 1/2", Reduced<2>, kQuality},
    {"quarter", "copy", "resized to 1/4", Reduced<4>, kQuality},
    {"eighth", "copy", "resized to 1/8", Reduced<8>, kQuality},
    {"width-800", "copy", "resized to a width of 800 pixels", Width800, kQuality},
    {"squeeze-70", "copy", "squeezed to 70 % of its width", Squeezed<70>, kQuality},
    {"mirrored", "turn", "mirrored left-right", Flipped<1>, kQuality},
    {"flipped", "turn", "flipped top-bottom", Flipped<0>, kQuality},
    {"rotated-90", "turn", "turned by 90 degrees", Rotated<cv::ROTATE_90_CLOCKWISE>, kQuality},
    {"rotated-180", "turn", "turned by 180 degrees", Rotated<cv::ROTATE_180>, kQuality},
    {"rotated-270", "turn", "turned by 270 degrees", Rotated<cv::ROTATE_90_COUNTERCLOCKWISE>,
     kQuality},
};

}  // namespace

std::span<const Edit> CopyEdits() { return kEdits; }

}  // namespace vigie::bench
