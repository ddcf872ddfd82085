#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "engine/hash/pdq_definition.h"

namespace vigie::definition {
namespace {

using Plane = std::vector<double>;

// What the filter means, without running sums: every sample is the mean of those from half - 1
// behind to window - half before it that exist.
std::vector<double> NaiveBox(const std::vector<double>& in, size_t window) {
  const auto half = static_cast<ptrdiff_t>((window + 2) / 2);
  const auto length = static_cast<ptrdiff_t>(in.size());
  std::vector<double> out(in.size());
  for (ptrdiff_t i = 0; i < length; ++i) {
    const ptrdiff_t first = std::max<ptrdiff_t>(0, i - (static_cast<ptrdiff_t>(window) - half));
    const ptrdiff_t last = std::min<ptrdiff_t>(length - 1, i + half - 1);
    double sum = 0;
    for (ptrdiff_t k = first; k <= last; ++k) sum += in[static_cast<size_t>(k)];
    out[static_cast<size_t>(i)] = sum / static_cast<double>(last - first + 1);
  }
  return out;
}

void NaivePass(Plane& plane, size_t width, size_t height) {
  for (size_t y = 0; y < height; ++y) {
    std::vector<double> row(width);
    for (size_t x = 0; x < width; ++x) row[x] = plane[y * width + x];
    row = NaiveBox(row, (width + 127) / 128);
    for (size_t x = 0; x < width; ++x) plane[y * width + x] = row[x];
  }
  for (size_t x = 0; x < width; ++x) {
    std::vector<double> column(height);
    for (size_t y = 0; y < height; ++y) column[y] = plane[y * width + x];
    column = NaiveBox(column, (height + 127) / 128);
    for (size_t y = 0; y < height; ++y) plane[y * width + x] = column[y];
  }
}

TEST(DefinitionFilter, IsTwoPassesOfTwoMeansWithinRounding) {
  std::mt19937 random(7);
  Scratch scratch;
  for (int i = 0; i < 40; ++i) {
    const size_t width = 1 + random() % 600;
    const size_t height = 1 + random() % 600;
    Plane plane(width * height);
    scratch.plane.assign(width * height, 0);
    for (size_t k = 0; k < plane.size(); ++k) {
      plane[k] = static_cast<double>(random() % 256);
      scratch.plane[k] = static_cast<float>(plane[k]);
    }
    Reduced got;
    FilterAndDecimate(width, height, scratch, got);
    NaivePass(plane, width, height);
    NaivePass(plane, width, height);
    for (size_t y = 0; y < 64; ++y) {
      for (size_t x = 0; x < 64; ++x) {
        const size_t from_y = (2 * y + 1) * height / 128;
        const size_t from_x = (2 * x + 1) * width / 128;
        ASSERT_NEAR(got.at[y][x], plane[from_y * width + from_x], 0.01)
            << width << 'x' << height << " at " << x << ',' << y;
      }
    }
  }
}

// One line alone, sample by sample, in the order that the definition gives.
std::vector<float> OneLine(const std::vector<float>& in, size_t window) {
  const size_t half = (window + 2) / 2;
  std::vector<float> out;
  float sum = 0;
  size_t newest = 0;
  size_t oldest = 0;
  while (newest < half - 1) sum += in[newest++];
  while (newest < window) {
    sum += in[newest++];
    out.push_back(sum / static_cast<float>(newest));
  }
  while (newest < in.size()) {
    sum += in[newest++];
    sum -= in[oldest++];
    out.push_back(sum / static_cast<float>(window));
  }
  for (size_t count = window; out.size() < in.size();) {
    sum -= in[oldest++];
    out.push_back(sum / static_cast<float>(--count));
  }
  return out;
}

TEST(DefinitionBoxLines, GivesEveryLineTheBitsItHasAlone) {
  std::mt19937 random(11);
  for (int i = 0; i < 200; ++i) {
    const size_t length = 1 + random() % 300;
    const size_t lanes = 1 + random() % 40;
    const size_t window = 1 + random() % std::min<size_t>(length, 9);
    std::vector<float> in(length * lanes);
    for (float& value : in) value = static_cast<float>(random() % 25500) / 100;
    std::vector<float> columns(in.size());
    std::vector<float> rows(in.size());
    std::vector<float> sums(lanes);
    BoxLines(in.data(), columns.data(), length, lanes, lanes, 1, window, sums.data());
    BoxLines(in.data(), rows.data(), length, 1, lanes, length, window, sums.data());
    for (size_t l = 0; l < lanes; ++l) {
      std::vector<float> column(length);
      for (size_t t = 0; t < length; ++t) column[t] = in[t * lanes + l];
      const auto expected_column = OneLine(column, window);
      const std::vector<float> row(in.begin() + static_cast<ptrdiff_t>(l * length),
                                   in.begin() + static_cast<ptrdiff_t>((l + 1) * length));
      const auto expected_row = OneLine(row, window);
      for (size_t t = 0; t < length; ++t) {
        ASSERT_EQ(columns[t * lanes + l], expected_column[t]) << length << ' ' << window;
        ASSERT_EQ(rows[l * length + t], expected_row[t]) << length << ' ' << window;
      }
    }
  }
}

}  // namespace
}  // namespace vigie::definition
