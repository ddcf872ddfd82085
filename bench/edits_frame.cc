#include <algorithm>
#include <opencv2/imgproc.hpp>

#include "bench/edit_kinds.h"

namespace vigie::bench {
namespace {

template <int kPercentOfShortSide, int kShade>
cv::Mat Border(const Material& m) {
  const int width = Percent(ShortSide(m.picture), kPercentOfShortSide);
  cv::Mat framed;
  cv::copyMakeBorder(m.picture, framed, width, width, width, width, cv::BORDER_CONSTANT,
                     cv::Scalar::all(kShade));
  return framed;
}

cv::Mat ColouredBorder(const Material& m) {
  const int width = Percent(ShortSide(m.picture), 12);
  cv::Mat framed;
  cv::copyMakeBorder(m.picture, framed, width, width, width, 3 * width, cv::BORDER_CONSTANT,
                     cv::Scalar(160, 90, 40));
  return framed;
}

cv::Mat MirrorBorder(const Material& m) {
  Material mirrored = m;
  mirrored.picture = cv::Mat();
  cv::flip(m.picture, mirrored.picture, 1);
  return Border<15, 255>(mirrored);
}

// The smallest canvas of the aspect width : height around the picture, which is at its middle.
cv::Size CanvasFor(const cv::Mat& picture, double aspect) {
  const double width = std::max<double>(picture.cols, picture.rows * aspect);
  return {std::max(picture.cols, cvRound(width)), std::max(picture.rows, cvRound(width / aspect))};
}

// Wider than any wide picture, or higher than any high one.
double AspectAway(const cv::Mat& picture) {
  return picture.cols > picture.rows ? 9.0 / 16 : 16.0 / 9;
}

cv::Mat Centred(const cv::Mat& picture, cv::Mat canvas) {
  Paste(picture, {(canvas.cols - picture.cols) / 2, (canvas.rows - picture.rows) / 2}, &canvas);
  return canvas;
}

template <int kShade>
cv::Mat Letterbox(const Material& m) {
  const cv::Size size = CanvasFor(m.picture, AspectAway(m.picture));
  return Centred(m.picture, cv::Mat(size, CV_8UC3, cv::Scalar::all(kShade)));
}

// `percent` of the picture's shorter side is the deviation of the blur.
cv::Mat OnBlurred(const cv::Mat& picture, cv::Size size, double percent) {
  constexpr double kReduction = 8;  // blurring the reduced picture looks the same
  const cv::Mat filling = Filling(picture, size);
  cv::Mat small = Scaled(filling, 1 / kReduction);
  cv::GaussianBlur(small, small, cv::Size(),
                   std::max(1.0, ShortSide(picture) * percent / 100 / kReduction));
  cv::Mat canvas;
  cv::resize(small, canvas, size, 0, 0, cv::INTER_LINEAR);
  return Centred(picture, canvas);
}

cv::Mat BlurredLetterbox(const Material& m) {
  return OnBlurred(m.picture, CanvasFor(m.picture, AspectAway(m.picture)), 5);
}

cv::Mat BlurredFrame(const Material& m) {
  const cv::Size size(Percent(m.picture.cols, 125), Percent(m.picture.rows, 125));
  return OnBlurred(m.picture, size, 3);
}

template <int kPercentOfShortSide>
cv::Mat GradientFrame(const Material& m) {
  const int width = Percent(ShortSide(m.picture), kPercentOfShortSide);
  const cv::Size size(m.picture.cols + 2 * width, m.picture.rows + 2 * width);
  cv::RNG random(m.seed + 5);
  cv::Mat corners(2, 2, CV_8UC3);
  random.fill(corners, cv::RNG::UNIFORM, 0, 256);
  cv::Mat canvas;
  cv::resize(corners, canvas, size, 0, 0, cv::INTER_LINEAR);
  return Centred(m.picture, canvas);
}

template <int kPaper, int kAbove, int kBelow>  // shade; percent of the picture's height
cv::Mat Meme(const Material& m) {
  const int above = kAbove == 0 ? 0 : Percent(m.picture.rows, kAbove);
  const int below = kBelow == 0 ? 0 : Percent(m.picture.rows, kBelow);
  cv::Mat canvas(m.picture.rows + above + below, m.picture.cols, CV_8UC3, cv::Scalar::all(kPaper));
  Paste(m.picture, {0, above}, &canvas);
  const auto write = [&](int top, int height, uint64_t seed) {
    const int letters = std::max(6, std::min(height / 3, m.picture.cols / 14));
    const int lines = std::max(1, height / (2 * letters));
    for (int i = 0; i < lines; ++i) {
      WriteLine(&canvas,
                {m.picture.cols / 20, top + height * (2 * i + 1) / (2 * lines) + letters / 2},
                m.picture.cols * 9 / 10, letters, cv::Scalar::all(255 - kPaper),
                seed + static_cast<uint64_t>(i));
    }
  };
  if (above > 0) write(0, above, m.seed);
  if (below > 0) write(above + m.picture.rows, below, m.seed + 100);
  return canvas;
}

constexpr int kQuality = kPostedQuality;
constexpr Edit kEdits[] = {
    {"border-5", "frame", "white border, 5 % of the shorter side", Border<5, 255>, kQuality},
    {"border-15", "frame", "white border, 15 % of the shorter side", Border<15, 255>, kQuality},
    {"border-30", "frame", "white border, 30 % of the shorter side", Border<30, 255>, kQuality},
    {"border-black", "frame", "black border, 10 % of the shorter side", Border<10, 0>, kQuality},
    {"border-coloured", "frame", "coloured border, wider below", ColouredBorder, kQuality},
    {"mirror-border", "frame", "mirrored, with a white border of 15 %", MirrorBorder, kQuality},
    {"letterbox", "frame", "letterboxed on black", Letterbox<0>, kQuality},
    {"letterbox-white", "frame", "letterboxed on white", Letterbox<255>, kQuality},
    {"letterbox-blurred", "frame", "letterboxed on its own blur", BlurredLetterbox, kQuality},
    {"frame-blurred", "frame", "framed with its own blur, 12 % a side", BlurredFrame, kQuality},
    {"frame-gradient-8", "frame", "gradient frame, 8 % of the shorter side", GradientFrame<8>,
     kQuality},
    {"frame-gradient-20", "frame", "gradient frame, 20 % of the shorter side", GradientFrame<20>,
     kQuality},
    {"meme-above", "meme", "white band with text above", Meme<255, 25, 0>, kQuality},
    {"meme-both", "meme", "white bands with text above and below", Meme<255, 20, 20>, kQuality},
    {"meme-black", "meme", "black bands with text above and below", Meme<0, 15, 30>, kQuality},
    {"meme-long", "meme", "white band with many lines above", Meme<255, 60, 0>, kQuality},
};

}  // namespace

std::span<const Edit> FrameEdits() { return kEdits; }

}  // namespace vigie::bench
