#include "engine/variants/variants.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <optional>
#include <span>

#include "engine/variants/edges.h"

namespace vigie {
namespace {

constexpr int kMostSide = 512;       // of what is looked at
constexpr size_t kMostRegions = 20;  // that are cut up, of one depth
constexpr size_t kMostCuts = 12;     // of a region, in one direction
constexpr size_t kMostLines = 12;    // of one region, in one direction
constexpr size_t kMostDepth = 3;     // cuts within cuts
constexpr size_t kFrame = 4;         // depth of what is found as what is inside a frame
constexpr float kEven = 0.05F;       // a row of ground has less that is rough
constexpr float kFaintestLine = 0.2F;
constexpr float kFaintestShort = 25;
constexpr int kSnap = 6;             // recompression frays an edge by so many rows
constexpr int kSame = 2;             // rectangles whose edges are so near are one
constexpr int kAlike = 5;            // of those the likeliest is enough
constexpr int kMiddleMargin = 40;    // what is not the middle, as a part of each side
constexpr float kMostGround = 0.6F;  // more of one shade is text on paper, or nothing

// Columns [begin[0], end[0]) and rows [begin[1], end[1]).
struct Region {
  std::array<int, 2> begin{};
  std::array<int, 2> end{};

  int side(int axis) const {
    const auto a = static_cast<size_t>(axis);
    return end[a] - begin[a];
  }
  int64_t area() const { return int64_t{side(0)} * side(1); }
  // The area of both over that of either.
  float Overlap(const Region& other) const {
    int64_t both = 1;
    for (size_t a = 0; a < 2; ++a) {
      both *= std::max(0, std::min(end[a], other.end[a]) - std::max(begin[a], other.begin[a]));
    }
    return static_cast<float>(both) / static_cast<float>(area() + other.area() - both);
  }
  bool AlmostIs(const Region& other, int tolerance = kSame) const {
    for (size_t a = 0; a < 2; ++a) {
      if (std::abs(begin[a] - other.begin[a]) > tolerance ||
          std::abs(end[a] - other.end[a]) > tolerance) {
        return false;
      }
    }
    return true;
  }
};

struct Candidate {
  Region region;
  VariantKind kind = VariantKind::kTrimmed;
  float score = 0;
  size_t depth = 0;
};

bool LikelierThan(const Candidate& a, const Candidate& b) { return a.score > b.score; }

struct Line {
  int at = 0;
  float strength = 0;
};

uint8_t Brightness(const PixelView& pixels, const uint8_t* pixel) {
  if (pixels.order == ChannelOrder::kGray) return *pixel;
  const bool rgb = pixels.order == ChannelOrder::kRgb;
  return static_cast<uint8_t>(
      (77 * pixel[rgb ? 0 : 2] + 150 * pixel[1] + 29 * pixel[rgb ? 2 : 0]) >> 8);
}

Plane Sampled(const PixelView& pixels) {
  Plane plane{.width = std::min(pixels.width, kMostSide),
              .height = std::min(pixels.height, kMostSide),
              .at = {}};
  plane.at.reserve(static_cast<size_t>(plane.width) * static_cast<size_t>(plane.height));
  const auto channels = static_cast<size_t>(pixels.channels());
  std::vector<size_t> columns;
  for (int x = 0; x < plane.width; ++x) {
    columns.push_back(static_cast<size_t>(int64_t{x} * pixels.width / plane.width) * channels);
  }
  for (int y = 0; y < plane.height; ++y) {
    const uint8_t* row = pixels.row(static_cast<int>(int64_t{y} * pixels.height / plane.height));
    for (const size_t column : columns) plane.at.push_back(Brightness(pixels, row + column));
  }
  return plane;
}

class Finder {
 public:
  explicit Finder(const PixelView& pixels)
      : plane_(Sampled(pixels)),
        whole_{{0, 0}, {plane_.width, plane_.height}},
        // Edges of rows have the number 1, as rows in Region; those of columns 0.
        edges_{Edges(Transposed(plane_)), Edges(plane_)} {}

  // The likeliest first.
  std::vector<Candidate> Find() {
    FindFrame(&Edges::Rough, 0);
    FindFrame(&Edges::Bent, kFrame);
    FindBands();
    CutUp({.region = whole_});
    // Level by level, so that no part is cut into ever smaller ones before the others are looked
    // at.
    for (size_t depth = 0; depth < kMostDepth; ++depth) {
      std::vector<Candidate> level;
      std::copy_if(found_.begin(), found_.end(), std::back_inserter(level),
                   [depth](const Candidate& candidate) { return candidate.depth == depth; });
      std::stable_sort(level.begin(), level.end(), LikelierThan);
      level.resize(std::min(level.size(), kMostRegions));
      for (const Candidate& candidate : level) CutUp(candidate);
    }
    std::stable_sort(found_.begin(), found_.end(), LikelierThan);
    return std::move(found_);
  }

  const Plane& plane() const { return plane_; }

 private:
  // What the lines of a frame have little of.
  using Unevenness = float (Edges::*)(int line, int begin, int end) const;

  // The frame around everything, as its edges are found; then the same width on facing sides, for
  // pictures that are as even as the frame on one of them.
  void FindFrame(Unevenness unevenness, size_t depth) {
    const std::optional<Region> trimmed = Trimmed(whole_, unevenness);
    if (!trimmed.has_value()) return;
    Add(*trimmed, VariantKind::kTrimmed, depth, 2);
    Region even = *trimmed;
    for (size_t a = 0; a < 2; ++a) {
      const int margin = std::min(even.begin[a], whole_.end[a] - even.end[a]);
      even.begin[a] = margin;
      even.end[a] = whole_.end[a] - margin;
    }
    Add(even, VariantKind::kTrimmed, depth, 1);
  }

  // Without bands of writing above and below: their ground is of one shade, and so is at least a
  // line of it between two lines of writing, and before the picture.
  void FindBands() {
    const int above = BandOf(0, 1);
    const int below = BandOf(whole_.end[1] - 1, -1);
    if (above + below == 0 || whole_.side(1) - above - below < kMinVariantSide) return;
    Region region = whole_;
    if (above > 0) region.begin[1] = Snapped(1, above, above + kSnap, 0, whole_.end[0]);
    if (below > 0) {
      const int end = whole_.end[1] - below;
      region.end[1] = Snapped(1, end - kSnap, end, 0, whole_.end[0]);
    }
    Add(region, VariantKind::kBand, kFrame, 1);
  }

  // How many rows from `first` on, in steps of `step`, are a band.
  int BandOf(int first, int step) const {
    constexpr int kTallestWriting = 40;
    constexpr int kNear = 10;         // shades
    constexpr float kGround = 0.97F;  // of a line
    const auto row = [&](int y) {
      return std::span(plane_.at).subspan(static_cast<size_t>(y * plane_.width),
                                          static_cast<size_t>(plane_.width));
    };
    const int shade = row(first)[static_cast<size_t>(plane_.width / 2)];
    int band = 0;
    for (int i = 0; i < plane_.height * 3 / 4 && i - band < kTallestWriting; ++i) {
      const auto near = std::ranges::count_if(
          row(first + i * step), [shade](int value) { return std::abs(value - shade) <= kNear; });
      if (static_cast<float>(near) >= kGround * static_cast<float>(plane_.width)) band = i + 1;
    }
    return band;
  }

  // Without the rows and columns of even ground along its sides; nullopt: nothing is left.
  std::optional<Region> Trimmed(Region region, Unevenness unevenness = &Edges::Rough) const {
    for (int round = 0; round < 2; ++round) {
      const Region before = region;
      for (const size_t axis : {size_t{1}, size_t{0}}) {
        if (!TrimAlong(axis, unevenness, &region)) return std::nullopt;
      }
      if (region.begin == before.begin && region.end == before.end) break;
    }
    return region;
  }

  bool TrimAlong(size_t axis, Unevenness unevenness, Region* region) const {
    const Edges& edges = edges_[axis];
    const int from = region->begin[1 - axis];
    const int to = region->end[1 - axis];
    int first = region->begin[axis] + 1;  // the first line that differs from the one before
    while (first < region->end[axis] && (edges.*unevenness)(first, from, to) <= kEven) ++first;
    if (first == region->end[axis]) return false;
    int last = region->end[axis] - 1;
    while (last > first && (edges.*unevenness)(last, from, to) <= kEven) --last;
    // One line alone is no frame.
    if (first > region->begin[axis] + 1) {
      region->begin[axis] = Snapped(axis, first, std::min(first + kSnap, last), from, to);
    }
    if (last < region->end[axis] - 1) {
      region->end[axis] = Snapped(axis, std::max(last - kSnap, first), last, from, to);
    }
    return region->side(0) >= kMinVariantSide && region->side(1) >= kMinVariantSide;
  }

  // Of the lines from `low` to `high` the clearest edge.
  int Snapped(size_t axis, int low, int high, int from, int to) const {
    int best = low;
    for (int line = low; line <= high; ++line) {
      if (edges_[axis].Edge(line, from, to) > edges_[axis].Edge(best, from, to)) best = line;
    }
    return best;
  }

  // Edges across the whole region, in order, with its own borders.
  std::vector<Line> LinesOf(const Region& region, size_t axis) const {
    constexpr int kApart = 4;
    const int from = region.begin[1 - axis];
    const int to = region.end[1 - axis];
    std::vector<float> strengths;
    for (int at = region.begin[axis]; at < region.end[axis]; ++at) {
      strengths.push_back(edges_[axis].Edge(at, from, to));
    }
    std::vector<Line> lines;
    const int size = static_cast<int>(strengths.size());
    // By chance short edges are straight more often than long ones.
    const float faintest = kFaintestLine + kFaintestShort / static_cast<float>(to - from);
    for (int i = kApart; i < size - kApart; ++i) {
      const auto begin = strengths.begin() + (i - kApart);
      const float strength = strengths[static_cast<size_t>(i)];
      if (strength < faintest ||
          std::max_element(begin, begin + 2 * kApart + 1) != begin + kApart) {
        continue;
      }
      lines.push_back({region.begin[axis] + i, strength});
    }
    std::stable_sort(lines.begin(), lines.end(),
                     [](const Line& a, const Line& b) { return a.strength > b.strength; });
    lines.resize(std::min(lines.size(), kMostLines));
    lines.push_back({region.begin[axis], 1});
    lines.push_back({region.end[axis], 1});
    std::sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) { return a.at < b.at; });
    return lines;
  }

  // What lies between two lines of a region, those that are clear against what is between them
  // first.
  std::vector<Region> CutsOf(const Region& parent, size_t axis) const {
    struct Cut {
      Region region;
      float clear = 0;
    };
    std::vector<Cut> cuts;
    const std::vector<Line> lines = LinesOf(parent, axis);
    for (size_t i = 0; i < lines.size(); ++i) {
      float inside = 0;  // the strongest line between the two
      for (size_t j = i + 1; j < lines.size(); ++j) {
        const float clear = (lines[i].strength + lines[j].strength) / 2 - inside;
        inside = std::max(inside, lines[j].strength);
        const bool all = i == 0 && j + 1 == lines.size();
        if (all || lines[j].at - lines[i].at < kMinVariantSide) continue;
        cuts.push_back({parent, clear});
        cuts.back().region.begin[axis] = lines[i].at;
        cuts.back().region.end[axis] = lines[j].at;
      }
    }
    std::stable_sort(cuts.begin(), cuts.end(),
                     [](const Cut& a, const Cut& b) { return a.clear > b.clear; });
    cuts.resize(std::min(cuts.size(), kMostCuts));
    std::vector<Region> regions;
    for (const Cut& cut : cuts) regions.push_back(cut.region);
    return regions;
  }

  void CutUp(const Candidate& parent) {
    for (const size_t axis : {size_t{1}, size_t{0}}) {
      for (const Region& region : CutsOf(parent.region, axis)) {
        Add(region, KindOf(region), parent.depth + 1, 0);
        const auto inner = Trimmed(region);
        if (inner.has_value()) Add(*inner, KindOf(*inner), parent.depth + 1, 0);
      }
    }
  }

  VariantKind KindOf(const Region& region) const {
    const bool across =
        region.side(0) >= plane_.width - kSame || region.side(1) >= plane_.height - kSame;
    return across ? VariantKind::kBand : VariantKind::kPanel;
  }

  // Unless it is there already, or nearly the whole.
  void Add(const Region& region, VariantKind kind, size_t depth, float bonus) {
    const auto same = [&region](const Candidate& other) { return other.region.AlmostIs(region); };
    if (region.AlmostIs(whole_) || std::any_of(found_.begin(), found_.end(), same)) {
      return;
    }
    const Candidate candidate{
        .region = region, .kind = kind, .score = Likelihood(region) + bonus, .depth = depth};
    found_.push_back(candidate);
  }

  // How much it looks like a picture of its own: clear edges on all sides, none across it, large,
  // and not text on paper.
  float Likelihood(const Region& region) const {
    constexpr float kUnknown = 0.6F;      // the upload ends there
    constexpr float kUsualInside = 0.3F;  // photographs have straight edges, too
    float sum = 0;
    float least = 1;
    float inside = 0;
    for (const size_t axis : {size_t{1}, size_t{0}}) {
      const int from = region.begin[1 - axis];
      const int to = region.end[1 - axis];
      for (const int at : {region.begin[axis], region.end[axis]}) {
        const bool border = at == 0 || at == whole_.end[axis];
        const float edge = border ? kUnknown : edges_[axis].Edge(at, from, to);
        sum += edge;
        least = std::min(least, edge);
      }
      constexpr int kMargin = 3;
      for (int at = region.begin[axis] + kMargin; at < region.end[axis] - kMargin; ++at) {
        inside = std::max(inside, edges_[axis].Edge(at, from, to));
      }
    }
    return (3 * sum / 4 + least) / 4 * (1 - std::max(0.0F, inside - kUsualInside)) * Weight(region);
  }

  // Larger parts are likelier; text on paper is not.
  float Weight(const Region& region) const {
    constexpr int kSamples = 24;
    std::array<int, 17> shades{};  // 16 levels each; the last stays empty
    for (int i = 0; i < kSamples; ++i) {
      for (int j = 0; j < kSamples; ++j) {
        const int x = region.begin[0] + region.side(0) * (2 * j + 1) / (2 * kSamples);
        const int y = region.begin[1] + region.side(1) * (2 * i + 1) / (2 * kSamples);
        ++shades[plane_.at[static_cast<size_t>(y * plane_.width + x)] / 16];
      }
    }
    int most = 0;
    for (size_t i = 0; i + 1 < shades.size(); ++i) most = std::max(most, shades[i] + shades[i + 1]);
    const float area = static_cast<float>(region.side(0) * region.side(1)) /
                       static_cast<float>(plane_.width * plane_.height);
    const float ground = static_cast<float>(most) / (kSamples * kSamples);
    return (0.3F + 0.7F * std::sqrt(area)) * (ground > kMostGround ? 0.6F : 1.0F);
  }

  const Plane plane_;
  const Region whole_;
  const std::array<Edges, 2> edges_;
  std::vector<Candidate> found_;
};

// The likeliest of those that differ; many that overlap come after those that do not.
std::vector<Candidate> Chosen(std::vector<Candidate> found, size_t most) {
  constexpr int kAlikeOnes = 2;
  std::vector<Candidate> chosen;
  std::vector<Candidate> crowded;
  for (const Candidate& candidate : found) {
    int overlapping = 0;
    bool again = false;
    for (const Candidate& other : chosen) {
      again = again || other.region.AlmostIs(candidate.region, kAlike);
      if (other.depth != kFrame && other.region.Overlap(candidate.region) > 0.5F) ++overlapping;
    }
    if (again) continue;
    if (chosen.size() >= most) break;
    (overlapping >= kAlikeOnes ? crowded : chosen).push_back(candidate);
  }
  for (size_t i = 0; i < crowded.size() && chosen.size() < most; ++i) chosen.push_back(crowded[i]);
  return chosen;
}

// Of the picture that `plane` is a sample of.
Rectangle InPixels(const Region& region, const Plane& plane, const PixelView& pixels) {
  const auto x = [&](int at) { return static_cast<int>(int64_t{at} * pixels.width / plane.width); };
  const auto y = [&](int at) {
    return static_cast<int>(int64_t{at} * pixels.height / plane.height);
  };
  return {.x = x(region.begin[0]),
          .y = y(region.begin[1]),
          .width = x(region.end[0]) - x(region.begin[0]),
          .height = y(region.end[1]) - y(region.begin[1])};
}

// A fortieth less on each side.
Rectangle Middle(const PixelView& pixels) {
  const int x = (pixels.width + kMiddleMargin / 2) / kMiddleMargin;
  const int y = (pixels.height + kMiddleMargin / 2) / kMiddleMargin;
  return {.x = x, .y = y, .width = pixels.width - 2 * x, .height = pixels.height - 2 * y};
}

}  // namespace

std::vector<Variant> FindVariants(const PixelView& pixels, size_t most) {
  std::vector<Variant> variants;
  if (pixels.width <= kMinVariantSide || pixels.height <= kMinVariantSide) return variants;
  Finder finder(pixels);
  for (const Candidate& candidate : Chosen(finder.Find(), std::min(most, kMaxVariants - 1))) {
    variants.push_back({candidate.kind, InPixels(candidate.region, finder.plane(), pixels)});
  }
  const Rectangle middle = Middle(pixels);
  if (variants.size() < most && std::min(middle.width, middle.height) >= kMinVariantSide) {
    variants.push_back({VariantKind::kMiddle, middle});
  }
  return variants;
}

PixelView Part(const PixelView& pixels, const Rectangle& rectangle) {
  PixelView part = pixels;
  part.data = pixels.row(rectangle.y) +
              static_cast<size_t>(rectangle.x) * static_cast<size_t>(pixels.channels());
  part.width = rectangle.width;
  part.height = rectangle.height;
  return part;
}

}  // namespace vigie
