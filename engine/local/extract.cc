#include "engine/local/extract.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <new>
#include <opencv2/core.hpp>
#include <opencv2/features2d.hpp>
#include <opencv2/imgproc.hpp>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/local/descriptor.h"
#include "engine/local/reduce.h"

namespace vigie {
namespace {

// By how much a pixel of the circle must differ from its middle (Rosten, Drummond 2006).
constexpr int kFastThreshold = 10;
// The circle of that test.
constexpr int kCircleRadius = 3;
// Pictures whose longer side is at most this are doubled: they are all that is left of a larger
// one, and their edges would take most of what can be described.
constexpr int kDoubledSide = 256;
// How many places each level gets, as a share of what the next larger one gets.
constexpr double kLevelShare = 0.82;
// Cells in which places compete, for each place that is wanted.
constexpr double kCellsAPlace = 0.7;
constexpr int kLeastCell = 8;
// Blurred before being compared, so that a point stands for its surroundings.
constexpr int kBlurSide = 7;
constexpr double kBlurSigma = 2;

struct Corner {
  int x = 0;
  int y = 0;
  int score = 0;
};

struct Level {
  cv::Mat picture;
  std::vector<Corner> corners;  // best first
};

// `items` by `key_of` one, 0 to keys - 1, ascending, equal ones in their order: by counting, for
// there are thousands of items and few keys.
template <typename Item, typename KeyOf>
std::vector<Item> InOrder(const std::vector<Item>& items, size_t keys, const KeyOf& key_of) {
  std::vector<size_t> next(keys + 1);
  for (const Item& item : items) ++next[key_of(item) + 1];
  for (size_t key = 1; key <= keys; ++key) next[key] += next[key - 1];
  std::vector<Item> ordered(items.size());
  for (const Item& item : items) ordered[next[key_of(item)]++] = item;
  return ordered;
}

std::vector<Corner> CornersOf(const cv::Mat& picture) {
  std::vector<Corner> corners;
  if (picture.cols <= 2 * kPlaceMargin || picture.rows <= 2 * kPlaceMargin) return corners;
  constexpr int kOffset = kPlaceMargin - kCircleRadius;
  const cv::Rect inner(kOffset, kOffset, picture.cols - 2 * kOffset, picture.rows - 2 * kOffset);
  std::vector<cv::KeyPoint> found;
  cv::FAST(picture(inner), found, kFastThreshold, /*nonmaxSuppression=*/true);
  corners.reserve(found.size());
  for (const cv::KeyPoint& point : found) {
    corners.push_back({.x = static_cast<int>(point.pt.x) + kOffset,
                       .y = static_cast<int>(point.pt.y) + kOffset,
                       .score = static_cast<int>(point.response)});
  }
  // The order is the same everywhere, also among equal scores: row by row, as FAST gives them.
  const auto row_by_row = [](const Corner& a, const Corner& b) {
    return std::tie(a.y, a.x) < std::tie(b.y, b.x);
  };
  if (!std::is_sorted(corners.begin(), corners.end(), row_by_row)) {
    std::sort(corners.begin(), corners.end(), row_by_row);
  }
  return InOrder(corners, 256, [](const Corner& corner) {
    return static_cast<size_t>(255 - std::clamp(corner.score, 0, 255));
  });
}

// Of the corners at most `most`: the best of each cell, then the second of each...
std::vector<Corner> Spread(const Level& level, size_t most) {
  if (level.corners.size() <= most || most == 0) {
    return most == 0 ? std::vector<Corner>() : level.corners;
  }
  const double area = static_cast<double>(level.picture.cols) * level.picture.rows;
  const int side = std::max(
      kLeastCell, static_cast<int>(std::sqrt(area / (kCellsAPlace * static_cast<double>(most)))));
  const int columns = level.picture.cols / side + 1;
  std::vector<size_t> taken(static_cast<size_t>(columns * (level.picture.rows / side + 1)));
  struct Ranked {
    size_t round;
    Corner corner;
  };
  std::vector<Ranked> ranked;
  ranked.reserve(level.corners.size());
  size_t rounds = 0;
  for (const Corner& corner : level.corners) {
    size_t& round = taken[static_cast<size_t>(corner.y / side * columns + corner.x / side)];
    ranked.push_back({round++, corner});
    rounds = std::max(rounds, round);
  }
  // By round, best first within one.
  ranked = InOrder(ranked, rounds, [](const Ranked& one) { return one.round; });
  std::vector<Corner> chosen;
  chosen.reserve(most);
  for (size_t i = 0; i < most; ++i) chosen.push_back(ranked[i].corner);
  return chosen;
}

cv::Mat Resized(const cv::Mat& picture, int width, int height) {
  cv::Mat resized;
  cv::resize(picture, resized, cv::Size(width, height), 0, 0, cv::INTER_LINEAR_EXACT);
  return resized;
}

std::vector<Level> LevelsOf(const cv::Mat& base) {
  std::vector<Level> levels;
  double size = 1;
  cv::Mat picture = base;
  for (int i = 0; i < kLocalLevels; ++i, size *= kLocalStep) {
    const auto width = static_cast<int>(std::lround(base.cols / size));
    const auto height = static_cast<int>(std::lround(base.rows / size));
    if (width <= 2 * kPlaceMargin || height <= 2 * kPlaceMargin) break;
    if (i > 0) picture = Resized(picture, width, height);
    levels.push_back({picture, CornersOf(picture)});
  }
  return levels;
}

uint16_t Subpixels(int at, int side, int base_side) {
  // The middle of the pixel, in the base picture.
  const int64_t twice = int64_t{2 * at + 1} * base_side * LocalKeypoint::kSubpixels;
  return static_cast<uint16_t>((twice + side) / (2 * int64_t{side}));
}

void Describe(const cv::Mat& picture, size_t level, const std::vector<Corner>& corners,
              LocalFingerprint& local) {
  cv::Mat blurred;
  cv::GaussianBlur(picture, blurred, cv::Size(kBlurSide, kBlurSide), kBlurSigma, kBlurSigma,
                   cv::BORDER_REFLECT_101);
  const auto stride = static_cast<int>(picture.step);
  const auto blurred_stride = static_cast<int>(blurred.step);
  for (const Corner& corner : corners) {
    const uint8_t angle = OrientationOf(picture.ptr(corner.y) + corner.x, stride);
    local.keypoints.push_back({.x = Subpixels(corner.x, picture.cols, local.width),
                               .y = Subpixels(corner.y, picture.rows, local.height),
                               .level = static_cast<uint8_t>(level),
                               .angle = angle});
    local.descriptors.push_back(
        DescribePlace(blurred.ptr(corner.y) + corner.x, blurred_stride, angle));
  }
}

// Once for the process: OpenCV takes down its pool of threads and makes it anew whenever it is
// told, and that crashes when two threads tell it at the same time.
void KeepOpenCvToOurThread() {
  static const bool kept = [] {
    cv::setNumThreads(1);
    return true;
  }();
  static_cast<void>(kept);
}

LocalFingerprint Extract(const PixelView& pixels, size_t most) {
  KeepOpenCvToOurThread();
  GrayPicture gray = ReduceToGray(pixels, kLocalSide);
  cv::Mat base(gray.height, gray.width, CV_8UC1, gray.pixels.data());
  if (std::max(base.cols, base.rows) <= kDoubledSide) {
    base = Resized(base, 2 * base.cols, 2 * base.rows);
  }
  LocalFingerprint local{
      .width = base.cols, .height = base.rows, .keypoints = {}, .descriptors = {}};
  const std::vector<Level> levels = LevelsOf(base);
  // From the smallest level on, so that what it cannot use is left to the larger ones.
  size_t left = std::min(most, kMaxLocalKeypoints);
  for (size_t level = levels.size(); level-- > 0;) {
    double shares = 0;
    for (size_t i = 0; i <= level; ++i) shares += std::pow(1 / kLevelShare, i);
    const auto quota = static_cast<size_t>(std::lround(static_cast<double>(left) / shares));
    const std::vector<Corner> chosen = Spread(levels[level], quota);
    if (chosen.empty()) continue;
    left -= chosen.size();
    Describe(levels[level].picture, level, chosen, local);
  }
  return local;
}

}  // namespace

LocalFingerprint ExtractLocal(const PixelView& pixels, size_t most) {
  if (pixels.width < 1 || pixels.height < 1) return {};
  try {
    return Extract(pixels, most);
  } catch (const cv::Exception&) {  // of all that OpenCV reports, what can happen here
    throw std::bad_alloc();
  }
}

}  // namespace vigie
