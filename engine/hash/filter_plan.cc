#include "engine/hash/filter_plan.h"

#include <bit>
#include <type_traits>

namespace vigie {
namespace {

constexpr size_t kCacheLine = 64;
constexpr size_t kCacheLineFloats = kCacheLine / sizeof(float);
constexpr size_t kStripRows = 64;
// A very wide picture has few rows: with the limit on pixels, this bounds its memory.
constexpr size_t kWideStripRows = 16;
constexpr size_t kWide = 16384;

// Sums of bytes take a load for each sample of the window; beyond this, running sums are cheaper.
constexpr size_t kLargestByteWindow = 16;

// An odd number of cache lines: the same column of neighbouring rows then lies in different sets
// of the first-level cache.
size_t Pitch(size_t floats) {
  const size_t lines = (floats + kCacheLineFloats - 1) / kCacheLineFloats;
  return (lines | 1) * kCacheLineFloats;
}

constexpr uint8_t kNotInLoad = 0x80;
// Beyond this, reading pixel by pixel is as fast.
constexpr size_t kMaxLoads = 8;

// Of 16 bytes, to reach all bytes of a group of sampled pixels; 0 when that is too many, or the row
// is shorter.
size_t Loads(size_t in_width, size_t width, size_t channels, size_t group) {
  const size_t apart = ((group - 1) * in_width + width - 1) / width;
  const size_t loads = RoundUp((apart + 1) * channels, kShuffled) / kShuffled;
  return loads <= kMaxLoads && loads * kShuffled <= in_width * channels ? loads : 0;
}

}  // namespace

FilterPlan::FilterPlan(const PixelView& view, size_t width, size_t height, PdqScratch& scratch)
    : pixels(view),
      x(width),
      y(height),
      strip(width > kWide ? kWideStripRows : kStripRows),
      sum_bytes(view.order == ChannelOrder::kGray && x.window <= kLargestByteWindow) {
  // Once to add up the sizes, once to hand out the places.
  size_t size = 0;
  const auto next = [&size](auto*& pointer, size_t count) {
    const size_t at = size;
    size += RoundUp(count * sizeof(*pointer), kCacheLine);
    return at;
  };
  Lay([&](auto*& pointer, size_t count) { next(pointer, count); });
  std::byte* const block = scratch.Reserve(size);
  size = 0;
  Lay([&](auto*& pointer, size_t count) {
    pointer =
        reinterpret_cast<std::remove_reference_t<decltype(pointer)>>(block + next(pointer, count));
  });
  gray += gray_margin;
  for (Rows* rows : {&once, &thrice}) rows->data += rows->history * rows->pitch;
  FillSampling();
  if (every_column != nullptr) {
    for (size_t i = 0; i < width; ++i) every_column[i] = i;
  }
}

void FilterPlan::FillSampling() {
  const auto channels = static_cast<size_t>(pixels.channels());
  const auto in_width = static_cast<size_t>(pixels.width);
  uint32_t* const offsets = sampling.offsets;
  for (size_t i = 0; i < x.length; ++i) {
    offsets[i] = static_cast<uint32_t>(i * in_width / x.length * channels);
  }
  const size_t loaded = sampling.loads * kShuffled;
  const size_t pixel_bytes = kShuffled / sampling.group;
  uint8_t* positions = sampling.positions;
  for (size_t i = 0; loaded > 0 && i < x.length / sampling.group; ++i, positions += loaded) {
    const uint32_t* const group = offsets + i * sampling.group;
    // The last loads begin earlier, so as not to read beyond the row.
    const size_t base = std::min<size_t>(group[0], in_width * channels - loaded);
    sampling.bases[i] = static_cast<uint32_t>(base);
    std::fill_n(positions, loaded, kNotInLoad);
    for (size_t k = 0; k < sampling.group; ++k) {
      for (size_t c = 0; c < channels; ++c) {
        const size_t at = group[k] + c - base;
        positions[at / kShuffled * kShuffled + k * pixel_bytes + c] =
            static_cast<uint8_t>(at % kShuffled);
      }
    }
  }
}

template <typename Place>
void FilterPlan::Lay(Place&& place) {
  const auto channels = static_cast<size_t>(pixels.channels());
  sampling.group = channels == 1 ? kShuffled : kShuffled / sizeof(*color);
  sampling.loads = Loads(static_cast<size_t>(pixels.width), x.length, channels, sampling.group);
  place(sampling.offsets, x.length);
  place(sampling.bases, x.length / sampling.group);
  place(sampling.positions, x.length / sampling.group * sampling.loads * kShuffled);
  gray_margin = RoundUp(x.window + kMaxLanes, kCacheLine);
  place(gray, gray_margin + x.length + gray_margin);
  if (channels > 1) place(color, RoundUp(x.length, kMaxLanes));
  if (!sum_bytes) {
    place(every_column, x.length);
    place(turned, RoundUp(x.length, kMaxLanes) * strip);
  }
  ring_columns = std::bit_ceil(x.window + kTileColumns);
  place(ring, ring_columns * strip);

  const size_t pitch = Pitch(x.length + x.lag);
  once = {.data = nullptr, .pitch = pitch, .history = y.window + y.lag};
  place(once.data, (once.history + strip) * pitch);
  twice = {.data = nullptr, .pitch = pitch, .history = 0};
  place(twice.data, strip * pitch);
  place(narrow, kReducedSide * strip);
  thrice = {.data = nullptr, .pitch = kReducedSide, .history = y.window};
  place(thrice.data, (thrice.history + strip + y.lag) * kReducedSide);
  place(sums, pitch);
  place(narrow_sums, kReducedSide);
}

}  // namespace vigie
