#include <opencv2/imgproc.hpp>

#include "bench/edit_kinds.h"

namespace vigie::bench {
namespace {

cv::Mat CropEachSide(const cv::Mat& picture, double percent) {
  const int x = cvRound(picture.cols * percent / 100);
  const int y = cvRound(picture.rows * percent / 100);
  return picture(cv::Rect(x, y, picture.cols - 2 * x, picture.rows - 2 * y));
}

template <int kPercent>
cv::Mat Crop(const Material& m) {
  return CropEachSide(m.picture, kPercent);
}

cv::Mat CropSquare(const Material& m) {
  return Filling(m.picture, {ShortSide(m.picture), ShortSide(m.picture)});
}

cv::Mat LeftHalf(const Material& m) {
  return m.picture(cv::Rect(0, 0, std::max(1, m.picture.cols / 2), m.picture.rows));
}

cv::Mat UpperHalf(const Material& m) {
  return m.picture(cv::Rect(0, 0, m.picture.cols, std::max(1, m.picture.rows / 2)));
}

cv::Mat MirrorCrop5(const Material& m) {
  cv::Mat mirrored;
  cv::flip(m.picture, mirrored, 1);
  return CropEachSide(mirrored, 5);
}

template <int kDegrees>
cv::Mat Rotated(const Material& m) {
  const cv::Point2f centre(static_cast<float>(m.picture.cols) / 2,
                           static_cast<float>(m.picture.rows) / 2);
  cv::Mat rotated;
  cv::warpAffine(m.picture, rotated, cv::getRotationMatrix2D(centre, kDegrees, 1), m.picture.size(),
                 cv::INTER_LINEAR, cv::BORDER_CONSTANT);
  return rotated;
}

// As a screen is photographed from the side.
template <int kPercent>
cv::Mat Perspective(const Material& m) {
  const auto w = static_cast<float>(m.picture.cols);
  const auto h = static_cast<float>(m.picture.rows);
  const float in = kPercent / 100.0F;
  const cv::Point2f from[] = {{0, 0}, {w, 0}, {w, h}, {0, h}};
  const cv::Point2f to[] = {
      {0, 0}, {w * (1 - in), h * in}, {w * (1 - in / 2), h * (1 - in)}, {w * in / 3, h}};
  cv::Mat warped;
  cv::warpPerspective(m.picture, warped, cv::getPerspectiveTransform(from, to), m.picture.size(),
                      cv::INTER_LINEAR, cv::BORDER_REPLICATE);
  return warped;
}

constexpr int kQuality = kPostedQuality;
constexpr Edit kEdits[] = {
    {"crop-2", "crop", "cropped, 2 % on each side", Crop<2>, kQuality},
    {"crop-5", "crop", "cropped, 5 % on each side", Crop<5>, kQuality},
    {"crop-10", "crop", "cropped, 10 % on each side", Crop<10>, kQuality},
    {"crop-20", "crop", "cropped, 20 % on each side", Crop<20>, kQuality},
    {"crop-square", "crop", "cropped to a square", CropSquare, kQuality},
    {"crop-half", "crop", "the left half", LeftHalf, kQuality},
    {"crop-upper", "crop", "the upper half", UpperHalf, kQuality},
    {"mirror-crop-5", "crop", "mirrored and cropped, 5 % on each side", MirrorCrop5, kQuality},
    {"rotate-2", "warp", "rotated by 2 degrees", Rotated<2>, kQuality},
    {"rotate-5", "warp", "rotated by 5 degrees", Rotated<5>, kQuality},
    {"rotate-10", "warp", "rotated by 10 degrees", Rotated<10>, kQuality},
    {"perspective-5", "warp", "perspective, 5 % of the sides", Perspective<5>, kQuality},
    {"perspective-12", "warp", "perspective, 12 % of the sides", Perspective<12>, kQuality},
};

}  // namespace

std::span<const Edit> CropEdits() { return kEdits; }

}  // namespace vigie::bench
