#include <algorithm>
#include <opencv2/imgproc.hpp>
#include <string>

#include "bench/edit_kinds.h"

namespace vigie::bench {
namespace {

// Where a face is in most portraits.
cv::Point FacePlace(const cv::Mat& picture) {
  return {picture.cols / 2, Percent(picture.rows, 40)};
}

cv::Mat TextStamp(const Material& m) {
  static const std::string kText = "seen on example.org";
  constexpr int kFont = cv::FONT_HERSHEY_DUPLEX;
  constexpr double kShareOfWidth = 0.9;
  constexpr double kHeightOfText = 5.0 / 6.0;  // the middle of the lower third
  const cv::Size unit = cv::getTextSize(kText, kFont, 1.0, 1, nullptr);
  const double scale = kShareOfWidth * m.picture.cols / unit.width;
  const int stroke = std::max(1, cvRound(scale * 2));
  const cv::Size size = cv::getTextSize(kText, kFont, scale, stroke, nullptr);
  const cv::Point origin((m.picture.cols - size.width) / 2,
                         cvRound(m.picture.rows * kHeightOfText + size.height / 2.0));
  cv::Mat stamped = m.picture.clone();
  // An outline, so that the text is readable on any ground.
  cv::putText(stamped, kText, origin, kFont, scale, cv::Scalar::all(0), 2 * stroke, cv::LINE_AA);
  cv::putText(stamped, kText, origin, kFont, scale, cv::Scalar::all(255), stroke, cv::LINE_AA);
  return stamped;
}

template <int kDiameter>  // percent of the shorter side
cv::Mat Emoji(const Material& m) {
  cv::Mat stamped = m.picture.clone();
  const cv::Point at = FacePlace(stamped);
  const int radius = Percent(ShortSide(stamped), kDiameter / 2.0);
  const cv::Scalar yellow(60, 205, 250);
  const cv::Scalar brown(20, 50, 80);
  cv::circle(stamped, at, radius, yellow, cv::FILLED, cv::LINE_AA);
  for (const int side : {-1, 1}) {
    cv::circle(stamped, {at.x + side * radius / 3, at.y - radius / 4}, std::max(1, radius / 7),
               brown, cv::FILLED, cv::LINE_AA);
  }
  cv::ellipse(stamped, {at.x, at.y + radius / 6}, {radius / 2, radius / 3}, 0, 0, 180, brown,
              std::max(1, radius / 10), cv::LINE_AA);
  return stamped;
}

template <int kWidth>  // percent of the shorter side
cv::Mat Bar(const Material& m) {
  cv::Mat stamped = m.picture.clone();
  const cv::Point at = FacePlace(stamped);
  const int width = Percent(ShortSide(stamped), kWidth);
  const cv::Rect bar(at.x - width / 2, at.y - width / 6, width, width / 3);
  cv::rectangle(stamped, bar, cv::Scalar::all(0), cv::FILLED);
  return stamped;
}

template <int kOpacity>  // percent
cv::Mat Watermark(const Material& m) {
  static const std::string kText = "example";
  constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX;
  const double scale = std::max(0.3, ShortSide(m.picture) / 600.0);
  const int stroke = std::max(1, cvRound(scale * 2));
  const cv::Size size = cv::getTextSize(kText, kFont, scale, stroke, nullptr);
  cv::Mat marked = m.picture.clone();
  int row = 0;
  for (int y = size.height; y < marked.rows + size.height; y += 3 * size.height, ++row) {
    for (int x = -(row % 2) * size.width * 2 / 3; x < marked.cols; x += size.width * 4 / 3) {
      cv::putText(marked, kText, {x, y}, kFont, scale, cv::Scalar::all(255), stroke, cv::LINE_AA);
    }
  }
  cv::addWeighted(marked, kOpacity / 100.0, m.picture, 1 - kOpacity / 100.0, 0, marked);
  return marked;
}

constexpr int kQuality = kPostedQuality;
constexpr Edit kEdits[] = {
    {"text", "stamp", "text stamped across the lower third", TextStamp, kQuality},
    {"emoji-25", "stamp", "emoji over the face, 25 % of the shorter side", Emoji<25>, kQuality},
    {"emoji-40", "stamp", "emoji over the face, 40 % of the shorter side", Emoji<40>, kQuality},
    {"bar-30", "stamp", "bar over the face, 30 % of the shorter side", Bar<30>, kQuality},
    {"bar-50", "stamp", "bar over the face, 50 % of the shorter side", Bar<50>, kQuality},
    {"watermark", "stamp", "tiled watermark, 25 % opaque", Watermark<25>, kQuality},
    {"watermark-strong", "stamp", "tiled watermark, 60 % opaque", Watermark<60>, kQuality},
};

}  // namespace

std::span<const Edit> StampEdits() { return kEdits; }

}  // namespace vigie::bench
