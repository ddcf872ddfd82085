#include "bench/edits.h"

#include <algorithm>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <string>

namespace vigie::bench {
namespace {

// Good enough to leave only the edit itself to be measured.
constexpr int kQuality = 90;
constexpr int kWidthOfMessengers = 800;

int ShortSide(const cv::Mat& picture) { return std::min(picture.cols, picture.rows); }

cv::Mat Same(const cv::Mat& picture) { return picture; }

cv::Mat Scaled(const cv::Mat& picture, double factor) {
  const cv::Size size(std::max(1, cvRound(picture.cols * factor)),
                      std::max(1, cvRound(picture.rows * factor)));
  cv::Mat scaled;
  cv::resize(picture, scaled, size, 0, 0, factor < 1 ? cv::INTER_AREA : cv::INTER_CUBIC);
  return scaled;
}

cv::Mat Half(const cv::Mat& picture) { return Scaled(picture, 0.5); }
cv::Mat Quarter(const cv::Mat& picture) { return Scaled(picture, 0.25); }
cv::Mat Width800(const cv::Mat& picture) {
  return Scaled(picture, static_cast<double>(kWidthOfMessengers) / picture.cols);
}

template <int kAxis>  // of cv::flip: 1 left-right, 0 top-bottom
cv::Mat Flipped(const cv::Mat& picture) {
  cv::Mat flipped;
  cv::flip(picture, flipped, kAxis);
  return flipped;
}

template <cv::RotateFlags kTurn>
cv::Mat Rotated(const cv::Mat& picture) {
  cv::Mat rotated;
  cv::rotate(picture, rotated, kTurn);
  return rotated;
}

cv::Mat TextStamp(const cv::Mat& picture) {
  static const std::string kText = "seen on example.org";
  constexpr int kFont = cv::FONT_HERSHEY_DUPLEX;
  constexpr double kShareOfWidth = 0.9;
  constexpr double kHeightOfText = 5.0 / 6.0;  // the middle of the lower third
  const cv::Size unit = cv::getTextSize(kText, kFont, 1.0, 1, nullptr);
  const double scale = kShareOfWidth * picture.cols / unit.width;
  const int stroke = std::max(1, cvRound(scale * 2));
  const cv::Size size = cv::getTextSize(kText, kFont, scale, stroke, nullptr);
  const cv::Point origin((picture.cols - size.width) / 2,
                         cvRound(picture.rows * kHeightOfText + size.height / 2.0));
  cv::Mat stamped = picture.clone();
  // An outline, so that the text is readable on any ground.
  cv::putText(stamped, kText, origin, kFont, scale, cv::Scalar::all(0), 2 * stroke, cv::LINE_AA);
  cv::putText(stamped, kText, origin, kFont, scale, cv::Scalar::all(255), stroke, cv::LINE_AA);
  return stamped;
}

cv::Mat Bright(const cv::Mat& picture) {
  cv::Mat bright;
  picture.convertTo(bright, -1, 1.2, 25);
  return bright;
}

cv::Mat Dark(const cv::Mat& picture) {
  cv::Mat dark;
  picture.convertTo(dark, -1, 0.6, 0);
  return dark;
}

cv::Mat Grey(const cv::Mat& picture) {
  cv::Mat grey;
  cv::Mat bgr;
  cv::cvtColor(picture, grey, cv::COLOR_BGR2GRAY);
  cv::cvtColor(grey, bgr, cv::COLOR_GRAY2BGR);
  return bgr;
}

cv::Mat Blurred(const cv::Mat& picture) {
  // In proportion to the picture: the same look at any size.
  const double sigma = std::max(0.5, ShortSide(picture) * 0.004);
  cv::Mat blurred;
  cv::GaussianBlur(picture, blurred, cv::Size(), sigma);
  return blurred;
}

cv::Mat Crop2(const cv::Mat& picture) {
  const int x = cvRound(picture.cols * 0.02);
  const int y = cvRound(picture.rows * 0.02);
  return picture(cv::Rect(x, y, picture.cols - 2 * x, picture.rows - 2 * y));
}

cv::Mat Border15(const cv::Mat& picture) {
  const int width = std::max(1, cvRound(ShortSide(picture) * 0.15));
  cv::Mat framed;
  cv::copyMakeBorder(picture, framed, width, width, width, width, cv::BORDER_CONSTANT,
                     cv::Scalar::all(255));
  return framed;
}

constexpr Edit kEdits[] = {
    {"jpeg-40", "recompressed, JPEG quality 40", Same, 40},
    {"jpeg-10", "recompressed, JPEG quality 10", Same, 10},
    {"half", "resized to 1/2", Half, kQuality},
    {"quarter", "resized to 1/4", Quarter, kQuality},
    {"width-800", "resized to a width of 800 pixels", Width800, kQuality},
    {"mirrored", "mirrored left-right", Flipped<1>, kQuality},
    {"flipped", "flipped top-bottom", Flipped<0>, kQuality},
    {"rotated-90", "turned by 90 degrees", Rotated<cv::ROTATE_90_CLOCKWISE>, kQuality},
    {"rotated-180", "turned by 180 degrees", Rotated<cv::ROTATE_180>, kQuality},
    {"rotated-270", "turned by 270 degrees", Rotated<cv::ROTATE_90_COUNTERCLOCKWISE>, kQuality},
    {"text", "text stamped across the lower third", TextStamp, kQuality},
    {"bright", "brighter", Bright, kQuality},
    {"dark", "darker", Dark, kQuality},
    {"grey", "without colour", Grey, kQuality},
    {"blur", "blurred", Blurred, kQuality},
    {"crop-2", "cropped, 2 % on each side", Crop2, kQuality},
    {"border-15", "white border, 15 % of the shorter side", Border15, kQuality},
};

}  // namespace

std::span<const Edit> Edits() { return kEdits; }

const Edit* FindEdit(std::string_view name) {
  const auto it = std::find_if(std::begin(kEdits), std::end(kEdits),
                               [name](const Edit& edit) { return edit.name == name; });
  return it == std::end(kEdits) ? nullptr : it;
}

std::vector<uint8_t> EditedJpeg(const cv::Mat& picture, const Edit& edit) {
  std::vector<uint8_t> file;
  cv::imencode(".jpg", edit.apply(picture), file, {cv::IMWRITE_JPEG_QUALITY, edit.jpeg_quality});
  return file;
}

}  // namespace vigie::bench
