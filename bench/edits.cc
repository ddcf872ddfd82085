#include "bench/edits.h"

#include <algorithm>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <string>

#include "bench/edit_kinds.h"

namespace vigie::bench {
namespace {

std::vector<Edit> AllEdits() {
  std::vector<Edit> all;
  for (const auto edits : {CopyEdits(), ToneEdits(), StampEdits(), CropEdits(), FrameEdits(),
                           ScreenEdits(), CollageEdits(), LocalEdits()}) {
    all.insert(all.end(), edits.begin(), edits.end());
  }
  return all;
}

const std::vector<Edit>& Table() {
  static const std::vector<Edit> edits = AllEdits();
  return edits;
}

}  // namespace

std::span<const Edit> Edits() { return Table(); }

const Edit* FindEdit(std::string_view name) {
  const auto it = std::find_if(Table().begin(), Table().end(),
                               [name](const Edit& edit) { return edit.name == name; });
  return it == Table().end() ? nullptr : &*it;
}

std::vector<uint8_t> EditedJpeg(const Material& material, const Edit& edit) {
  std::vector<uint8_t> file;
  cv::imencode(".jpg", edit.apply(material), file, {cv::IMWRITE_JPEG_QUALITY, edit.jpeg_quality});
  return file;
}

int Percent(int length, double percent) { return std::max(1, cvRound(length * percent / 100)); }

int ShortSide(const cv::Mat& picture) { return std::min(picture.cols, picture.rows); }

cv::Mat ScaledTo(const cv::Mat& picture, cv::Size size) {
  cv::Mat scaled;
  cv::resize(picture, scaled, size, 0, 0,
             size.width < picture.cols ? cv::INTER_AREA : cv::INTER_CUBIC);
  return scaled;
}

cv::Mat Scaled(const cv::Mat& picture, double factor) {
  return ScaledTo(picture, {std::max(1, cvRound(picture.cols * factor)),
                            std::max(1, cvRound(picture.rows * factor))});
}

cv::Mat Filling(const cv::Mat& picture, cv::Size size) {
  const double factor = std::max(static_cast<double>(size.width) / picture.cols,
                                 static_cast<double>(size.height) / picture.rows);
  const cv::Mat scaled = ScaledTo(picture, {std::max(size.width, cvRound(picture.cols * factor)),
                                            std::max(size.height, cvRound(picture.rows * factor))});
  return scaled(cv::Rect((scaled.cols - size.width) / 2, (scaled.rows - size.height) / 2,
                         size.width, size.height));
}

cv::Mat Scene(cv::Size size, uint64_t seed) {
  cv::RNG random(seed + 1);
  cv::Mat scene(size, CV_32FC3, cv::Scalar::all(0));
  double weight = 90;
  for (const int cells : {3, 8, 24}) {
    cv::Mat small(cells, cells, CV_32FC3);
    random.fill(small, cv::RNG::NORMAL, 0, weight);
    cv::Mat large;
    cv::resize(small, large, size, 0, 0, cv::INTER_CUBIC);
    scene += large;
    weight /= 2;
  }
  cv::Mat bytes;
  scene.convertTo(bytes, CV_8UC3, 1, 120);
  return bytes;
}

cv::Mat Other(const Material& material, size_t number, cv::Size size) {
  if (number < material.others.size()) return Filling(material.others[number], size);
  return Scene(size, material.seed * 64 + number);
}

void Paste(const cv::Mat& picture, cv::Point at, cv::Mat* canvas) {
  const cv::Rect wanted(at, picture.size());
  const cv::Rect seen = wanted & cv::Rect({}, canvas->size());
  if (!seen.empty()) picture(seen - at).copyTo((*canvas)(seen));
}

void WriteLine(cv::Mat* canvas, cv::Point at, int width, int height, const cv::Scalar& colour,
               uint64_t seed) {
  constexpr int kFont = cv::FONT_HERSHEY_DUPLEX;
  constexpr double kHeightOfUnit = 22;
  static const std::string kWords[] = {"when",  "you", "see", "this", "again", "and",   "nobody",
                                       "knows", "why", "it",  "was",  "here",  "first", "today"};
  cv::RNG random(seed * 31 + 7);
  const double scale = height / kHeightOfUnit;
  const int stroke = std::max(1, cvRound(scale * 1.5));
  std::string line;
  while (true) {
    const std::string longer = line + (line.empty() ? "" : " ") + kWords[random.uniform(0, 14)];
    if (cv::getTextSize(longer, kFont, scale, stroke, nullptr).width > width) break;
    line = longer;
  }
  cv::putText(*canvas, line, at, kFont, scale, colour, stroke, cv::LINE_AA);
}

}  // namespace vigie::bench
