#include "engine/hash/pdq_definition.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <numbers>
#include <utility>

namespace vigie::definition {
namespace {

constexpr size_t kSide = kReducedSide;
constexpr size_t kPreScaledSide = 512;
constexpr int kMedianRank = 127;  // counted from 0

// Lines of a horizontal pass computed together. A running sum is one long dependency chain;
// several independent ones keep the adder busy, and their rows still fit the first-level cache.
constexpr size_t kRowsTogether = 8;

// One window slides over the picture in about 128 steps, whatever the size of the picture.
size_t Window(size_t length) { return (length + 127) / 128; }

// BoxLines() with the distance between lanes known to the compiler where it matters: neighbouring
// floats become vector instructions.
template <bool kAdjacent>
class LaneBox {
 public:
  LaneBox(size_t lanes, size_t lane_step, float* sums)
      : lanes_(lanes), lane_step_(lane_step), sums_(sums) {
    std::fill_n(sums, lanes, 0.0f);
  }

  void Add(const float* in) {
    for (size_t l = 0; l < lanes_; ++l) sums_[l] += in[At(l)];
  }
  void AddAndWrite(const float* in, float* out, float count) {
    for (size_t l = 0; l < lanes_; ++l) {
      const float sum = sums_[l] + in[At(l)];
      sums_[l] = sum;
      out[At(l)] = sum / count;
    }
  }
  void SlideAndWrite(const float* in, const float* oldest, float* out, float count) {
    for (size_t l = 0; l < lanes_; ++l) {
      // Add first: in single precision (a + b) - c is not a + (b - c).
      const float grown = sums_[l] + in[At(l)];
      const float sum = grown - oldest[At(l)];
      sums_[l] = sum;
      out[At(l)] = sum / count;
    }
  }
  void ShrinkAndWrite(const float* oldest, float* out, float count) {
    for (size_t l = 0; l < lanes_; ++l) {
      const float sum = sums_[l] - oldest[At(l)];
      sums_[l] = sum;
      out[At(l)] = sum / count;
    }
  }

 private:
  size_t At(size_t lane) const { return kAdjacent ? lane : lane * lane_step_; }

  const size_t lanes_;
  const size_t lane_step_;
  float* __restrict__ const sums_;
};

template <bool kAdjacent>
void Box(const float* in, float* out, size_t length, size_t step, size_t lanes, size_t lane_step,
         size_t window, float* sums) {
  LaneBox<kAdjacent> box(lanes, lane_step, sums);
  const size_t half = (window + 2) / 2;
  const float* newest = in;
  const float* oldest = in;
  size_t count = 0;
  for (size_t t = 0; t < half - 1; ++t, newest += step) {
    box.Add(newest);
    ++count;
  }
  for (size_t t = 0; t < window - half + 1; ++t, newest += step, out += step) {
    ++count;
    box.AddAndWrite(newest, out, static_cast<float>(count));
  }
  for (size_t t = window; t < length; ++t, newest += step, oldest += step, out += step) {
    box.SlideAndWrite(newest, oldest, out, static_cast<float>(count));
  }
  for (size_t t = 0; t < half - 1; ++t, oldest += step, out += step) {
    --count;
    box.ShrinkAndWrite(oldest, out, static_cast<float>(count));
  }
}

void BoxAlongRows(const float* in, float* out, size_t width, size_t height, float* sums) {
  for (size_t y = 0; y < height; y += kRowsTogether) {
    BoxLines(in + y * width, out + y * width, width, 1, std::min(kRowsTogether, height - y), width,
             Window(width), sums);
  }
}

// All columns advance together, row by row: memory is read in order.
void BoxAlongColumns(const float* in, float* out, size_t width, size_t height, float* sums) {
  BoxLines(in, out, height, width, width, 1, Window(height), sums);
}

struct CosineTable {
  float rows[kDctSide][kReducedSide];

  CosineTable() {
    // Rounded to float first, multiplied in double, rounded again: the reference's order.
    const float scale = static_cast<float>(std::sqrt(2.0 / kReducedSide));
    for (int i = 0; i < kDctSide; ++i) {
      for (int j = 0; j < kReducedSide; ++j) {
        const double angle = std::numbers::pi / 2 / kReducedSide * (i + 1) * (2 * j + 1);
        rows[i][j] = static_cast<float>(static_cast<double>(scale) * std::cos(angle));
      }
    }
  }
};

const CosineTable& Cosines() {
  static const CosineTable table;
  return table;
}

bool IsOdd(int i) { return i % 2 != 0; }

// One step between neighbours in percent of the full scale, towards zero.
int GradientPercent(float u, float v) { return std::abs(static_cast<int>((u - v) * 100 / 255)); }

bool TooSmall(const PixelView& pixels) {
  return pixels.width < kPdqMinSide || pixels.height < kPdqMinSide;
}

// Sides of the picture that is filtered.
std::pair<size_t, size_t> FilteredSize(const PixelView& pixels, Profile profile) {
  const auto width = static_cast<size_t>(pixels.width);
  const auto height = static_cast<size_t>(pixels.height);
  const bool sample =
      profile == Profile::kReference && (width > kPreScaledSide || height > kPreScaledSide);
  return sample ? std::pair{kPreScaledSide, kPreScaledSide} : std::pair{width, height};
}

// Luma of one row at the given byte offsets. Rec. 601 weights, summed left to right.
void LumaRow(const uint8_t* row, ChannelOrder order, const std::vector<size_t>& columns,
             float* out) {
  if (order == ChannelOrder::kGray) {
    for (size_t x = 0; x < columns.size(); ++x) out[x] = row[columns[x]];
    return;
  }
  const size_t red = order == ChannelOrder::kRgb ? 0 : 2;
  for (size_t x = 0; x < columns.size(); ++x) {
    const uint8_t* pixel = row + columns[x];
    out[x] = 0.299f * static_cast<float>(pixel[red]) + 0.587f * static_cast<float>(pixel[1]) +
             0.114f * static_cast<float>(pixel[2 - red]);
  }
}

size_t DecimatedIndex(int i, size_t length) {
  return static_cast<size_t>((i + 0.5) * static_cast<double>(length) / kReducedSide);
}

}  // namespace

void BoxLines(const float* in, float* out, size_t length, size_t step, size_t lanes,
              size_t lane_step, size_t window, float* sums) {
  if (lane_step == 1) {
    Box<true>(in, out, length, step, lanes, lane_step, window, sums);
  } else {
    Box<false>(in, out, length, step, lanes, lane_step, window, sums);
  }
}

void FilterAndDecimate(size_t width, size_t height, Scratch& scratch, Reduced& out) {
  // The last pass works on 64 columns only, which are more than a narrow picture has.
  const size_t size = std::max(width, kSide) * height;
  if (scratch.plane.size() < size) scratch.plane.resize(size);
  if (scratch.other.size() < size) scratch.other.resize(size);
  const size_t lanes = std::max({width, kSide, kRowsTogether});
  if (scratch.sums.size() < lanes) scratch.sums.resize(lanes);
  float* const plane = scratch.plane.data();
  float* const other = scratch.other.data();
  float* const sums = scratch.sums.data();

  BoxAlongRows(plane, other, width, height, sums);
  BoxAlongColumns(other, plane, width, height, sums);
  BoxAlongRows(plane, other, width, height, sums);

  // A column's sum depends on that column alone: columns nobody reads are left out of pass four.
  for (size_t y = 0; y < height; ++y) {
    for (int j = 0; j < kReducedSide; ++j) {
      plane[y * kSide + static_cast<size_t>(j)] = other[y * width + DecimatedIndex(j, width)];
    }
  }
  BoxAlongColumns(plane, other, kSide, height, sums);
  for (int i = 0; i < kReducedSide; ++i) {
    std::copy_n(other + DecimatedIndex(i, height) * kSide, kSide, out.at[i]);
  }
}

void Reduce(const PixelView& pixels, size_t width, size_t height, bool unfiltered, Scratch& scratch,
            Reduced& out) {
  const size_t in_width = static_cast<size_t>(pixels.width);
  const size_t in_height = static_cast<size_t>(pixels.height);
  const size_t channels = static_cast<size_t>(pixels.channels());
  std::vector<size_t> columns(width);
  for (size_t x = 0; x < width; ++x) columns[x] = x * in_width / width * channels;
  if (scratch.plane.size() < width * height) scratch.plane.resize(width * height);
  for (size_t y = 0; y < height; ++y) {
    LumaRow(pixels.row(static_cast<int>(y * in_height / height)), pixels.order, columns,
            scratch.plane.data() + y * width);
  }
  if (unfiltered) {
    std::copy_n(scratch.plane.data(), kSide * kSide, &out.at[0][0]);
  } else {
    FilterAndDecimate(width, height, scratch, out);
  }
}

void Dct64To16(const Reduced& pixels, Frequencies& out) {
  const CosineTable& d = Cosines();
  for (int i = 0; i < kDctSide; ++i) {
    // The loops over k are outside so that neighbouring sums grow side by side; each of them still
    // takes its terms in the order k = 0..63.
    float t[kReducedSide] = {};
    for (int k = 0; k < kReducedSide; ++k) {
      for (int j = 0; j < kReducedSide; ++j) t[j] += d.rows[i][k] * pixels.at[k][j];
    }
    for (int j = 0; j < kDctSide; ++j) {
      float sum = 0;
      for (int k = 0; k < kReducedSide; ++k) sum += t[k] * d.rows[j][k];
      out.at[i][j] = sum;
    }
  }
}

void Orient(const Frequencies& in, Orientation orientation, Frequencies& out) {
  for (int i = 0; i < kDctSide; ++i) {
    for (int j = 0; j < kDctSide; ++j) {
      const float value = in.at[i][j];
      switch (orientation) {
        case Orientation::kOriginal:
          out.at[i][j] = value;
          break;
        case Orientation::kRotate90:
          out.at[j][i] = IsOdd(j) ? value : -value;
          break;
        case Orientation::kRotate180:
          out.at[i][j] = IsOdd(i + j) ? -value : value;
          break;
        case Orientation::kRotate270:
          out.at[j][i] = IsOdd(i) ? value : -value;
          break;
        case Orientation::kFlipX:
          out.at[i][j] = IsOdd(i) ? value : -value;
          break;
        case Orientation::kFlipY:
          out.at[i][j] = IsOdd(j) ? value : -value;
          break;
        case Orientation::kFlipPlus1:
          out.at[j][i] = value;
          break;
        case Orientation::kFlipMinus1:
          out.at[j][i] = IsOdd(i + j) ? -value : value;
          break;
      }
    }
  }
}

Pdq256 AboveMedian(const Frequencies& in) {
  float sorted[kDctSide * kDctSide];
  std::memcpy(sorted, in.at, sizeof(sorted));
  std::nth_element(sorted, sorted + kMedianRank, std::end(sorted));
  const float median = sorted[kMedianRank];
  Pdq256 hash;
  for (int i = 0; i < kDctSide; ++i) {
    for (int j = 0; j < kDctSide; ++j) {
      if (!(in.at[i][j] > median)) continue;
      const size_t bit = static_cast<size_t>(kDctSide * i + j);
      hash.bytes[31 - bit / 8] |= static_cast<uint8_t>(1U << (bit % 8));
    }
  }
  return hash;
}

int Quality(const Reduced& pixels) {
  int sum = 0;
  for (int i = 0; i < kReducedSide; ++i) {
    for (int j = 0; j < kReducedSide; ++j) {
      if (i + 1 < kReducedSide) sum += GradientPercent(pixels.at[i][j], pixels.at[i + 1][j]);
      if (j + 1 < kReducedSide) sum += GradientPercent(pixels.at[i][j], pixels.at[i][j + 1]);
    }
  }
  return std::min(100, sum / 90);
}

PdqResult ComputePdq(const PixelView& pixels, Profile profile, Scratch& scratch) {
  if (TooSmall(pixels)) return {};
  const auto [width, height] = FilteredSize(pixels, profile);
  Reduced reduced;
  Reduce(pixels, width, height, /*unfiltered=*/width == kSide && height == kSide, scratch, reduced);
  Frequencies frequencies;
  Dct64To16(reduced, frequencies);
  return {.hash = AboveMedian(frequencies), .quality = Quality(reduced)};
}

PdqOrientations ComputePdqOrientations(const PixelView& pixels, Profile profile, Scratch& scratch) {
  if (TooSmall(pixels)) return {};
  const auto [width, height] = FilteredSize(pixels, profile);
  Reduced reduced;
  Reduce(pixels, width, height, /*unfiltered=*/false, scratch, reduced);
  Frequencies frequencies;
  Dct64To16(reduced, frequencies);
  PdqOrientations result;
  result.quality = Quality(reduced);
  for (int o = 0; o < kOrientations; ++o) {
    Frequencies turned;
    Orient(frequencies, static_cast<Orientation>(o), turned);
    result.hashes[static_cast<size_t>(o)] = AboveMedian(turned);
  }
  return result;
}

}  // namespace vigie::definition
