#include <algorithm>
#include <opencv2/imgproc.hpp>

#include "bench/edit_kinds.h"

namespace vigie::bench {
namespace {

constexpr int kMostSide = 1600;  // of a collage

// The picture whole in one of columns x rows cells, other pictures in the rest; `gap` percent of
// the cell's shorter side between them.
cv::Mat Grid(const Material& m, int columns, int rows, double gap_percent, cv::Size cell) {
  const double factor = std::min({1.0, static_cast<double>(kMostSide) / (cell.width * columns),
                                  static_cast<double>(kMostSide) / (cell.height * rows)});
  cell = {std::max(1, cvRound(cell.width * factor)), std::max(1, cvRound(cell.height * factor))};
  const int gap = gap_percent > 0 ? Percent(std::min(cell.width, cell.height), gap_percent) : 0;
  cv::Mat canvas(rows * cell.height + (rows + 1) * gap, columns * cell.width + (columns + 1) * gap,
                 CV_8UC3, cv::Scalar::all(255));
  const int ours = cv::RNG(m.seed + 3).uniform(0, columns * rows);
  size_t other = 0;
  for (int i = 0; i < columns * rows; ++i) {
    const cv::Point at(gap + i % columns * (cell.width + gap),
                       gap + i / columns * (cell.height + gap));
    Paste(i == ours ? Filling(m.picture, cell) : Other(m, other++, cell), at, &canvas);
  }
  return canvas;
}

template <int kColumns, int kRows, int kGap>
cv::Mat Collage(const Material& m) {
  return Grid(m, kColumns, kRows, kGap, m.picture.size());
}

// Square cells: the picture loses its sides, as in most programs that make collages.
cv::Mat SquareCells(const Material& m) {
  return Grid(m, 2, 2, 2, {ShortSide(m.picture), ShortSide(m.picture)});
}

constexpr int kQuality = kPostedQuality;
constexpr Edit kEdits[] = {
    {"collage-2", "collage", "beside another picture", Collage<2, 1, 0>, kQuality, true},
    {"collage-2-stacked", "collage", "above or below another, a gap between", Collage<1, 2, 2>,
     kQuality, true},
    {"collage-4", "collage", "one of four, no gaps", Collage<2, 2, 0>, kQuality, true},
    {"collage-4-gap", "collage", "one of four, white gaps", Collage<2, 2, 3>, kQuality, true},
    {"collage-9", "collage", "one of nine, no gaps", Collage<3, 3, 0>, kQuality, true},
    {"collage-9-gap", "collage", "one of nine, white gaps", Collage<3, 3, 3>, kQuality, true},
    {"collage-4-square", "collage", "one of four in square cells, cropped", SquareCells, kQuality,
     true},
};

}  // namespace

std::span<const Edit> CollageEdits() { return kEdits; }

}  // namespace vigie::bench
