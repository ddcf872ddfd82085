// Parts of the picture redrawn, replaced, or taken elsewhere.
#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "bench/edit_kinds.h"

namespace vigie::bench {
namespace {

// 255 in an ellipse around the middle with `percent` of the area, fading out over `soft` pixels.
cv::Mat MiddleMask(cv::Size size, double percent, int soft) {
  const double share = std::sqrt(percent / 100 / 3.14159);
  cv::Mat mask(size, CV_8U, cv::Scalar(0));
  cv::ellipse(mask, {size.width / 2, size.height / 2},
              {std::max(1, cvRound(size.width * share)), std::max(1, cvRound(size.height * share))},
              0, 0, 360, cv::Scalar(255), cv::FILLED);
  if (soft > 0) cv::GaussianBlur(mask, mask, cv::Size(), soft);
  return mask;
}

// `over` where the mask says, `under` elsewhere.
cv::Mat Blended(const cv::Mat& over, const cv::Mat& under, const cv::Mat& mask) {
  cv::Mat weight;
  cv::cvtColor(mask, weight, cv::COLOR_GRAY2BGR);
  weight.convertTo(weight, CV_32F, 1.0 / 255);
  cv::Mat a;
  cv::Mat b;
  over.convertTo(a, CV_32F);
  under.convertTo(b, CV_32F);
  cv::Mat sum = b + (a - b).mul(weight);
  cv::Mat bytes;
  sum.convertTo(bytes, CV_8U);
  return bytes;
}

// What a brush would leave: the colours around it, ever smoother towards the middle.
template <int kPercentOfArea>
cv::Mat InpaintedMiddle(const Material& m) {
  const cv::Mat small = Scaled(m.picture, 0.25);
  cv::Mat kept;
  cv::bitwise_not(MiddleMask(small.size(), kPercentOfArea, 0), kept);
  cv::Mat weight;
  cv::cvtColor(kept, weight, cv::COLOR_GRAY2BGR);
  weight.convertTo(weight, CV_32F, 1.0 / 255);
  cv::Mat colours;
  small.convertTo(colours, CV_32F);
  colours = colours.mul(weight);
  const double deviation = std::max(2.0, ShortSide(small) * 0.08);
  cv::GaussianBlur(colours, colours, cv::Size(), deviation);
  cv::GaussianBlur(weight, weight, cv::Size(), deviation);
  cv::Mat filled;
  cv::divide(colours, cv::max(weight, 1e-4), filled);
  filled.convertTo(filled, CV_8U);
  return Blended(ScaledTo(filled, m.picture.size()), m.picture,
                 MiddleMask(m.picture.size(), kPercentOfArea, 2));
}

template <int kPercentOfArea>
cv::Mat ReplacedMiddle(const Material& m) {
  return Blended(Other(m, 0, m.picture.size()), m.picture,
                 MiddleMask(m.picture.size(), kPercentOfArea, 4));
}

template <int kPercentOfScene>  // its share of the scene's width
cv::Mat CutOut(const Material& m) {
  cv::Mat scene = Other(m, 0, m.picture.size()).clone();
  cv::RNG random(m.seed + 11);
  const cv::Mat small = Scaled(m.picture, kPercentOfScene / 100.0);
  const cv::Mat mask = MiddleMask(small.size(), 65, 2);
  const cv::Rect place(random.uniform(0, std::max(1, scene.cols - small.cols)),
                       random.uniform(0, std::max(1, scene.rows - small.rows)), small.cols,
                       small.rows);
  Blended(small, scene(place), mask).copyTo(scene(place));
  return scene;
}

constexpr int kQuality = kPostedQuality;
constexpr Edit kEdits[] = {
    {"inpaint-8", "local", "the middle painted over, 8 % of the area", InpaintedMiddle<8>,
     kQuality},
    {"inpaint-15", "local", "the middle painted over, 15 % of the area", InpaintedMiddle<15>,
     kQuality},
    {"replaced-15", "local", "the middle replaced, 15 % of the area", ReplacedMiddle<15>, kQuality,
     true},
    {"replaced-30", "local", "the middle replaced, 30 % of the area", ReplacedMiddle<30>, kQuality,
     true},
    {"cutout-80", "local", "its middle cut out, pasted into another scene, 80 % wide", CutOut<80>,
     kQuality, true},
    {"cutout-60", "local", "its middle cut out, pasted into another scene, 60 % wide", CutOut<60>,
     kQuality, true},
};

}  // namespace

std::span<const Edit> LocalEdits() { return kEdits; }

}  // namespace vigie::bench
