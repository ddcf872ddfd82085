#include "engine/local/reduce.h"

#include <algorithm>
#include <cstddef>

namespace vigie {
namespace {

// Rows of bytes that fit a sum of 16 bits.
constexpr int kRowsInWord = 256;

uint8_t Luma(uint32_t red, uint32_t green, uint32_t blue, uint32_t count) {
  const uint64_t sum = uint64_t{77} * red + uint64_t{150} * green + uint64_t{29} * blue;
  return static_cast<uint8_t>((sum + 128 * uint64_t{count}) / (256 * uint64_t{count}));
}

void AddRow(const uint8_t* row, size_t size, uint16_t* sums) {
  for (size_t i = 0; i < size; ++i) sums[i] = static_cast<uint16_t>(sums[i] + row[i]);
}

// One row of squares, whose columns are summed up in `sums`.
void MeanOfSquares(const uint32_t* sums, const PixelView& pixels, int factor, int rows,
                   int out_width, uint8_t* out) {
  const int channels = pixels.channels();
  for (int x = 0; x < out_width; ++x) {
    const int first = x * factor;
    const int last = std::min(first + factor, pixels.width);
    uint32_t total[3] = {};
    for (int i = first; i < last; ++i) {
      for (int c = 0; c < channels; ++c) total[c] += sums[i * channels + c];
    }
    const auto count = static_cast<uint32_t>((last - first) * rows);
    if (channels == 1) {
      out[x] = static_cast<uint8_t>((total[0] + count / 2) / count);
    } else if (pixels.order == ChannelOrder::kRgb) {
      out[x] = Luma(total[0], total[1], total[2], count);
    } else {
      out[x] = Luma(total[2], total[1], total[0], count);
    }
  }
}

// Means of squares of `factor` pixels; those at the right and lower edge may be smaller.
GrayPicture Squares(const PixelView& pixels, int factor) {
  GrayPicture out{.width = (pixels.width + factor - 1) / factor,
                  .height = (pixels.height + factor - 1) / factor,
                  .pixels = {}};
  out.pixels.resize(static_cast<size_t>(out.width) * static_cast<size_t>(out.height));
  const size_t row_size =
      static_cast<size_t>(pixels.width) * static_cast<size_t>(pixels.channels());
  std::vector<uint16_t> words(row_size);
  std::vector<uint32_t> sums(row_size);
  for (int y = 0; y < out.height; ++y) {
    const int first = y * factor;
    const int last = std::min(first + factor, pixels.height);
    std::fill(sums.begin(), sums.end(), 0);
    for (int part = first; part < last; part += kRowsInWord) {
      std::fill(words.begin(), words.end(), uint16_t{0});
      for (int i = part; i < std::min(part + kRowsInWord, last); ++i) {
        AddRow(pixels.row(i), row_size, words.data());
      }
      for (size_t i = 0; i < row_size; ++i) sums[i] += words[i];
    }
    MeanOfSquares(sums.data(), pixels, factor, last - first, out.width,
                  out.pixels.data() + static_cast<size_t>(y) * static_cast<size_t>(out.width));
  }
  return out;
}

// What one pixel of the result covers of a row or column: from `first`, which counts `head`, over
// whole pixels, to `last`, which counts `tail`; in 1/256.
struct Span {
  int first = 0;
  int last = 0;
  uint32_t head = 0;
  uint32_t tail = 0;
};

std::vector<Span> SpansOf(int from, int to) {
  std::vector<Span> spans(static_cast<size_t>(to));
  for (int i = 0; i < to; ++i) {
    const auto begin = static_cast<uint32_t>(int64_t{256} * from * i / to);
    const auto end = static_cast<uint32_t>(int64_t{256} * from * (i + 1) / to);
    Span& span = spans[static_cast<size_t>(i)];
    span.first = static_cast<int>(begin / 256);
    span.last = static_cast<int>((end - 1) / 256);
    span.head = span.first == span.last ? end - begin : 256 - begin % 256;
    span.tail = span.first == span.last ? 0 : end - 256 * static_cast<uint32_t>(span.last);
  }
  return spans;
}

GrayPicture Areas(const GrayPicture& in, int width, int height) {
  GrayPicture out{.width = width, .height = height, .pixels = {}};
  out.pixels.resize(static_cast<size_t>(width) * static_cast<size_t>(height));
  const auto columns = SpansOf(in.width, width);
  const auto rows = SpansOf(in.height, height);
  const auto in_width = static_cast<size_t>(in.width);
  std::vector<uint32_t> sums(in_width);
  for (size_t y = 0; y < rows.size(); ++y) {
    std::fill(sums.begin(), sums.end(), 0);
    uint32_t down = 0;
    for (int i = rows[y].first; i <= rows[y].last; ++i) {
      const uint32_t weight = i == rows[y].first  ? rows[y].head
                              : i == rows[y].last ? rows[y].tail
                                                  : 256;
      const uint8_t* row = in.pixels.data() + static_cast<size_t>(i) * in_width;
      for (size_t x = 0; x < in_width; ++x) sums[x] += weight * row[x];
      down += weight;
    }
    uint8_t* to = out.pixels.data() + y * static_cast<size_t>(width);
    for (size_t x = 0; x < columns.size(); ++x) {
      const Span& span = columns[x];
      uint64_t sum = uint64_t{span.head} * sums[static_cast<size_t>(span.first)];
      uint32_t across = span.head + span.tail;
      for (int i = span.first + 1; i < span.last; ++i) {
        sum += uint64_t{256} * sums[static_cast<size_t>(i)];
        across += 256;
      }
      if (span.tail > 0) sum += uint64_t{span.tail} * sums[static_cast<size_t>(span.last)];
      const uint64_t area = uint64_t{across} * down;
      to[x] = static_cast<uint8_t>((sum + area / 2) / area);
    }
  }
  return out;
}

int Scaled(int side, int longest, int most_side) {
  return std::max(1, static_cast<int>((int64_t{side} * most_side + longest / 2) / longest));
}

}  // namespace

GrayPicture ReduceToGray(const PixelView& pixels, int most_side) {
  const int longest = std::max(pixels.width, pixels.height);
  GrayPicture gray = Squares(pixels, std::max(1, longest / most_side));
  if (longest <= most_side) return gray;
  const int width = Scaled(pixels.width, longest, most_side);
  const int height = Scaled(pixels.height, longest, most_side);
  if (gray.width == width && gray.height == height) return gray;
  return Areas(gray, std::min(width, gray.width), std::min(height, gray.height));
}

}  // namespace vigie
