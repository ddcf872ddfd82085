#include "engine/image/kept_rows.h"

#include <cstring>

namespace vigie {
namespace {

struct EveryColumn {
  size_t operator[](size_t x) const { return x; }
};

// `blend` makes a sample of one and the pixel's fourth.
template <int kChannels, typename Columns, typename Blend>
void PutPixels(const uint8_t* row, const Columns& columns, int width, uint8_t* out, Blend blend) {
  for (size_t x = 0; x < static_cast<size_t>(width); ++x, out += 3) {
    const uint8_t* const pixel = row + kChannels * columns[x];
    for (int c = 0; c < 3; ++c) out[c] = blend(pixel[c], pixel[kChannels - 1]);
  }
}

template <typename Columns>
void PutRow(const uint8_t* row, RowPixels kind, const Columns& columns, int width, uint8_t* out) {
  const auto take = [](uint8_t sample, uint8_t) { return sample; };
  switch (kind) {
    case RowPixels::kBgr:
      return PutPixels<3>(row, columns, width, out, take);
    case RowPixels::kBgrUnused:
      return PutPixels<4>(row, columns, width, out, take);
    case RowPixels::kBgrAlpha:
      return PutPixels<4>(row, columns, width, out, OnWhite);
    case RowPixels::kBgrMultipliedAlpha:
      return PutPixels<4>(row, columns, width, out, PremultipliedOnWhite);
  }
}

}  // namespace

KeptRows::KeptRows(const Sample& sample)
    : sample_(sample),
      out_(PixelBuffer::Make(sample.width(), sample.height(), ChannelOrder::kBgr)) {
  if (sample.all()) return;
  for (int x = 0; x < sample.width(); ++x) {
    columns_.push_back(static_cast<size_t>(sample.column(x)));
  }
}

// The first kept row that is row `y` of the picture or a later one. Sample::row() turned round.
int KeptRows::FirstAt(int y) const {
  if (sample_.all()) return y;
  const int64_t in_height = sample_.picture_height();
  return static_cast<int>((int64_t{y} * sample_.height() + in_height - 1) / in_height);
}

bool KeptRows::Wants(int y) const {
  const int first = FirstAt(y);
  return first < out_.height && sample_.row(first) == y;
}

void KeptRows::Put(int y, const uint8_t* row, RowPixels kind) {
  // A row of a picture that is lower than its sample is kept more than once.
  for (int to = FirstAt(y); to < out_.height && sample_.row(to) == y; ++to) {
    uint8_t* const out = out_.row(to);
    if (!sample_.all()) {
      PutRow(row, kind, columns_, out_.width, out);
    } else if (kind == RowPixels::kBgr) {
      std::memcpy(out, row, out_.stride_bytes());
    } else {
      PutRow(row, kind, EveryColumn(), out_.width, out);
    }
  }
}

}  // namespace vigie
