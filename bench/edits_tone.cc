#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "bench/edit_kinds.h"

namespace vigie::bench {
namespace {

// value * factor + shift, in percent and in shades.
template <int kFactor, int kShift>
cv::Mat Lit(const Material& m) {
  cv::Mat lit;
  m.picture.convertTo(lit, -1, kFactor / 100.0, kShift);
  return lit;
}

template <int kHundredths>
cv::Mat Gamma(const Material& m) {
  cv::Mat table(1, 256, CV_8U);
  for (int i = 0; i < 256; ++i) {
    table.at<uint8_t>(i) =
        cv::saturate_cast<uint8_t>(255 * std::pow(i / 255.0, kHundredths / 100.0));
  }
  cv::Mat bent;
  cv::LUT(m.picture, table, bent);
  return bent;
}

cv::Mat Grey(const Material& m) {
  cv::Mat grey;
  cv::Mat bgr;
  cv::cvtColor(m.picture, grey, cv::COLOR_BGR2GRAY);
  cv::cvtColor(grey, bgr, cv::COLOR_GRAY2BGR);
  return bgr;
}

cv::Mat Mixed(const cv::Mat& picture, const cv::Matx33f& matrix) {
  cv::Mat mixed;
  cv::transform(picture, mixed, matrix);
  return mixed;
}

cv::Mat Sepia(const Material& m) {
  return Mixed(m.picture, {0.13F, 0.53F, 0.27F, 0.17F, 0.69F, 0.35F, 0.19F, 0.77F, 0.39F});
}

cv::Mat Warm(const Material& m) { return Mixed(m.picture, {0.75F, 0, 0, 0, 1, 0, 0, 0.1F, 1.15F}); }

// In proportion to the picture: the same look at any size.
template <int kThousandths>
cv::Mat Blurred(const Material& m) {
  const double sigma = std::max(0.5, ShortSide(m.picture) * kThousandths / 1000.0);
  cv::Mat blurred;
  cv::GaussianBlur(m.picture, blurred, cv::Size(), sigma);
  return blurred;
}

template <int kDeviation>
cv::Mat Noisy(const Material& m) {
  cv::RNG random(m.seed + 17);
  cv::Mat noise(m.picture.size(), CV_16SC3);
  random.fill(noise, cv::RNG::NORMAL, 0, kDeviation);
  cv::Mat noisy;
  cv::add(m.picture, noise, noisy, cv::noArray(), CV_8U);
  return noisy;
}

template <int kBlocks>  // along the shorter side
cv::Mat Mosaic(const Material& m) {
  const double block = std::max(1.0, static_cast<double>(ShortSide(m.picture)) / kBlocks);
  cv::Mat small;
  cv::Mat mosaic;
  cv::resize(
      m.picture, small,
      {std::max(1, cvRound(m.picture.cols / block)), std::max(1, cvRound(m.picture.rows / block))},
      0, 0, cv::INTER_AREA);
  cv::resize(small, mosaic, m.picture.size(), 0, 0, cv::INTER_NEAREST);
  return mosaic;
}

constexpr int kQuality = kPostedQuality;
constexpr Edit kEdits[] = {
    {"bright", "tone", "brighter", Lit<120, 25>, kQuality},
    {"dark", "tone", "darker", Lit<60, 0>, kQuality},
    {"contrast", "tone", "more contrast", Lit<150, -64>, kQuality},
    {"gamma", "tone", "gamma 1.8", Gamma<180>, kQuality},
    {"grey", "tone", "without colour", Grey, kQuality},
    {"sepia", "tone", "in sepia", Sepia, kQuality},
    {"warm", "tone", "in warmer colours", Warm, kQuality},
    {"blur", "tone", "blurred, 0.4 % of the shorter side", Blurred<4>, kQuality},
    {"blur-strong", "tone", "blurred, 1.2 % of the shorter side", Blurred<12>, kQuality},
    {"noise", "tone", "noise, deviation 12", Noisy<12>, kQuality},
    {"noise-strong", "tone", "noise, deviation 35", Noisy<35>, kQuality},
    {"mosaic", "tone", "mosaic, 64 blocks along the shorter side", Mosaic<64>, kQuality},
    {"mosaic-coarse", "tone", "mosaic, 32 blocks along the shorter side", Mosaic<32>, kQuality},
};

}  // namespace

std::span<const Edit> ToneEdits() { return kEdits; }

}  // namespace vigie::bench
