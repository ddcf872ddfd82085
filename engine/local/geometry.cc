#include "engine/local/geometry.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <tuple>

#include "engine/local/descriptor.h"

namespace vigie {
namespace {

// How far a place may lie from where the map puts it: pixels of the upload, at level 0.
constexpr double kTolerance = 3.5;
// What directions may differ, in 1/256 turn, and sizes, in levels.
constexpr int kAngleTolerance = 20;
constexpr double kLevelTolerance = 2.0;
// Inliers closer than this to another one, in either picture, are the same place.
constexpr double kSamePlace = 6;
constexpr double kMaxScale = 8;
constexpr double kMaxStretch = 2;
constexpr int kLeast = 4;
constexpr int kRefinements = 4;
// Of fewer places that are due SeenAgain() tells nothing: they may be those of the map alone.
constexpr size_t kLeastDue = 16;

struct Point {
  double x = 0;
  double y = 0;
};

struct Pair {
  Point upload;
  Point known;
  double upload_size = 1;  // of a pixel of its level, pixels
  double known_size = 1;
  int turn = 0;       // upload's angle - known's, 1/256 turn, 0 to 255
  double growth = 0;  // upload's level - known's
};

double SizeOf(int level) {
  static const auto* const kSizes = [] {
    auto* sizes = new std::array<double, kLocalLevels>;
    double size = 1;
    for (double& s : *sizes) {
      s = size;
      size *= kLocalStep;
    }
    return sizes;
  }();
  return (*kSizes)[static_cast<size_t>(level)];
}

Point At(const LocalKeypoint& keypoint) {
  return {static_cast<double>(keypoint.x) / LocalKeypoint::kSubpixels,
          static_cast<double>(keypoint.y) / LocalKeypoint::kSubpixels};
}

double Squared(Point a, Point b) { return (a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y); }

Point Map(const AffineMap& map, Point p) {
  return {map.a * p.x + map.b * p.y + map.c, map.d * p.x + map.e * p.y + map.f};
}

int TurnBetween(int a, int b) {
  const int difference = (a - b) & 255;
  return std::min(difference, 256 - difference);
}

Pair PairOf(const LocalKeypoint& upload, const LocalKeypoint& known) {
  return {.upload = At(upload),
          .known = At(known),
          .upload_size = SizeOf(upload.level),
          .known_size = SizeOf(known.level),
          .turn = (upload.angle - known.angle) & 255,
          .growth = static_cast<double>(upload.level) - known.level};
}

std::vector<Pair> PairsOf(const PlacesView& upload, const PlacesView& known,
                          std::span<const Pairing> pairings) {
  std::vector<Pair> pairs;
  pairs.reserve(pairings.size());
  for (const Pairing& pairing : pairings) {
    pairs.push_back(PairOf(upload.keypoints[pairing.upload], known.keypoints[pairing.known]));
  }
  return pairs;
}

// The map that turns, scales and moves the known place of `pair` onto the upload's.
AffineMap Propose(const Pair& pair) {
  const double scale = pair.upload_size / pair.known_size;
  const double angle = 2 * std::numbers::pi * pair.turn / 256;
  const double c = scale * std::cos(angle);
  const double s = scale * std::sin(angle);
  return {.a = c,
          .b = -s,
          .c = pair.upload.x - c * pair.known.x + s * pair.known.y,
          .d = s,
          .e = c,
          .f = pair.upload.y - s * pair.known.x - c * pair.known.y};
}

// Those that agree with what `proposer` proposes: roughly, and the more roughly the further off,
// for one place tells direction and size only so well.
void Agreeing(const std::vector<Pair>& pairs, const Pair& proposer,
              std::vector<uint16_t>& inliers) {
  inliers.clear();
  const AffineMap map = Propose(proposer);
  for (size_t i = 0; i < pairs.size(); ++i) {
    const Pair& pair = pairs[i];
    if (TurnBetween(pair.turn, proposer.turn) > kAngleTolerance) continue;
    if (std::abs(pair.growth - proposer.growth) > kLevelTolerance) continue;
    const double allowed =
        2 * kTolerance * pair.upload_size + 0.15 * std::sqrt(Squared(pair.upload, proposer.upload));
    if (Squared(Map(map, pair.known), pair.upload) > allowed * allowed) continue;
    inliers.push_back(static_cast<uint16_t>(i));
  }
}

// What a map does to sizes and directions.
struct Effect {
  double scale = 1;
  int turn = 0;       // 1/256 turn
  double growth = 0;  // levels
};

Effect EffectOf(const AffineMap& map) {
  const double scale = std::sqrt(std::abs(map.a * map.e - map.b * map.d));
  return {.scale = scale,
          .turn = static_cast<int>(
              std::lround(std::atan2(map.d - map.b, map.a + map.e) * 128 / std::numbers::pi)),
          .growth = std::log(std::max(scale, 1e-6)) / std::log(kLocalStep)};
}

bool Follows(const Pair& pair, const AffineMap& map, const Effect& effect, double tolerance) {
  if (TurnBetween(pair.turn, effect.turn) > kAngleTolerance) return false;
  if (std::abs(pair.growth - effect.growth) > kLevelTolerance) return false;
  const double allowed = tolerance * std::max(pair.upload_size, effect.scale * pair.known_size);
  return Squared(Map(map, pair.known), pair.upload) <= allowed * allowed;
}

void Following(const std::vector<Pair>& pairs, const AffineMap& map, double tolerance,
               std::vector<uint16_t>& inliers) {
  inliers.clear();
  const Effect effect = EffectOf(map);
  for (size_t i = 0; i < pairs.size(); ++i) {
    if (Follows(pairs[i], map, effect, tolerance)) inliers.push_back(static_cast<uint16_t>(i));
  }
}

// Sums of products about the means, of the known places and with the upload's.
struct Moments {
  Point known, upload;
  double xx = 0, xy = 0, yy = 0;
  double xu = 0, xv = 0, yu = 0, yv = 0;
  double uu = 0, uv = 0, vv = 0;
};

Moments MomentsOf(const std::vector<Pair>& pairs, const std::vector<uint16_t>& inliers) {
  Moments m;
  const auto n = static_cast<double>(inliers.size());
  for (const uint16_t i : inliers) {
    m.known.x += pairs[i].known.x / n;
    m.known.y += pairs[i].known.y / n;
    m.upload.x += pairs[i].upload.x / n;
    m.upload.y += pairs[i].upload.y / n;
  }
  for (const uint16_t i : inliers) {
    const double x = pairs[i].known.x - m.known.x;
    const double y = pairs[i].known.y - m.known.y;
    const double u = pairs[i].upload.x - m.upload.x;
    const double v = pairs[i].upload.y - m.upload.y;
    m.xx += x * x;
    m.xy += x * y;
    m.yy += y * y;
    m.xu += x * u;
    m.xv += x * v;
    m.yu += y * u;
    m.yv += y * v;
    m.uu += u * u;
    m.uv += u * v;
    m.vv += v * v;
  }
  return m;
}

AffineMap Through(const Moments& m, double a, double b, double d, double e) {
  return {.a = a,
          .b = b,
          .c = m.upload.x - a * m.known.x - b * m.known.y,
          .d = d,
          .e = e,
          .f = m.upload.y - d * m.known.x - e * m.known.y};
}

// Least squares. Of few places, or of places on a line, only turning, scaling and moving.
AffineMap Fit(const std::vector<Pair>& pairs, const std::vector<uint16_t>& inliers) {
  const Moments m = MomentsOf(pairs, inliers);
  const double det = m.xx * m.yy - m.xy * m.xy;
  const double trace = m.xx + m.yy;
  if (inliers.size() >= 8 && det > 0.01 * trace * trace) {
    return Through(m, (m.xu * m.yy - m.yu * m.xy) / det, (m.yu * m.xx - m.xu * m.xy) / det,
                   (m.xv * m.yy - m.yv * m.xy) / det, (m.yv * m.xx - m.xv * m.xy) / det);
  }
  if (trace <= 0) return Through(m, 0, 0, 0, 0);
  const double c = (m.xu + m.yv) / trace;
  const double s = (m.xv - m.yu) / trace;
  return Through(m, c, -s, s, c);
}

bool IsPlausible(const AffineMap& map) {
  const double det = map.a * map.e - map.b * map.d;
  if (!(det > 1 / (kMaxScale * kMaxScale)) || !(det < kMaxScale * kMaxScale)) return false;
  // Of the squares of both stretches, sum and product.
  const double sum = map.a * map.a + map.b * map.b + map.d * map.d + map.e * map.e;
  return sum <= (kMaxStretch + 1 / kMaxStretch) * det;
}

// Keeps those whose places are their own, in both pictures; nearest descriptors first, as they are
// sorted.
void KeepDistinct(const std::vector<Pair>& pairs, std::vector<uint16_t>& inliers) {
  size_t kept = 0;
  for (size_t i = 0; i < inliers.size(); ++i) {
    const Pair& pair = pairs[inliers[i]];
    bool own = true;
    for (size_t j = 0; j < kept && own; ++j) {
      const Pair& other = pairs[inliers[j]];
      own = Squared(pair.known, other.known) >= kSamePlace * kSamePlace &&
            Squared(pair.upload, other.upload) >= kSamePlace * kSamePlace;
    }
    if (own) inliers[kept++] = inliers[i];
  }
  inliers.resize(kept);
}

// Area of the convex hull (Andrew 1979).
double HullArea(std::vector<Point> points) {
  std::sort(points.begin(), points.end(),
            [](Point a, Point b) { return std::tie(a.x, a.y) < std::tie(b.x, b.y); });
  std::vector<Point> hull;
  const auto turn = [&](size_t first) {
    for (const Point p : points) {
      while (hull.size() >= first + 2) {
        const Point a = hull[hull.size() - 2];
        const Point b = hull.back();
        if ((b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x) > 0) break;
        hull.pop_back();
      }
      hull.push_back(p);
    }
  };
  turn(0);
  std::reverse(points.begin(), points.end());
  turn(hull.size() - 1);
  double area = 0;
  for (size_t i = 0; i + 1 < hull.size(); ++i) {
    area += (hull[i].x * hull[i + 1].y - hull[i + 1].x * hull[i].y) / 2;
  }
  return std::abs(area);
}

// The smaller standard deviation of points with these moments.
double Across(double xx, double xy, double yy, double n) {
  const double mean = (xx + yy) / 2;
  const double least = mean - std::sqrt((xx - yy) * (xx - yy) / 4 + xy * xy);
  return std::sqrt(std::max(0.0, least) / n);
}

double ShareOf(double area, const PlacesView& places) {
  return std::min(1.0, area / (static_cast<double>(places.width) * places.height));
}

// True when the upload would have to have a place where `map` puts `known`.
bool IsDue(const PlacesView& upload, const LocalKeypoint& known, const AffineMap& map,
           const Effect& effect) {
  const double level = known.level + effect.growth;
  if (level < -0.5 || level > kLocalLevels - 0.5) return false;
  const double margin = kPlaceMargin * std::pow(kLocalStep, std::max(level, 0.0));
  const Point at = Map(map, At(known));
  return at.x >= margin && at.y >= margin && at.x <= upload.width - margin &&
         at.y <= upload.height - margin;
}

}  // namespace

Alignment Align(const PlacesView& upload, const PlacesView& known, std::vector<Pairing>& pairings) {
  const size_t nearest = std::min(pairings.size(), kMaxPairings);
  std::partial_sort(pairings.begin(), pairings.begin() + static_cast<std::ptrdiff_t>(nearest),
                    pairings.end(), [](const Pairing& a, const Pairing& b) {
                      return std::tie(a.distance, a.upload, a.known) <
                             std::tie(b.distance, b.upload, b.known);
                    });
  const std::vector<Pair> pairs = PairsOf(upload, known, std::span(pairings).first(nearest));
  std::vector<uint16_t> best;
  std::vector<uint16_t> inliers;
  for (size_t i = 0; i < std::min(pairs.size(), kMaxProposals); ++i) {
    Agreeing(pairs, pairs[i], inliers);
    if (inliers.size() > best.size()) std::swap(best, inliers);
  }
  Alignment alignment;
  for (int round = 0; round < kRefinements; ++round) {
    if (best.size() < kLeast) return alignment;
    alignment.map = Fit(pairs, best);
    if (!IsPlausible(alignment.map)) return alignment;
    Following(pairs, alignment.map, kTolerance * (round == 0 ? 2 : 1), best);
  }
  KeepDistinct(pairs, best);
  if (best.size() < kLeast) return alignment;
  alignment.inliers = static_cast<int>(best.size());
  std::vector<Point> known_points;
  std::vector<Point> upload_points;
  for (const uint16_t i : best) {
    known_points.push_back(pairs[i].known);
    upload_points.push_back(pairs[i].upload);
    if (!pairings[i].common) ++alignment.rare;
  }
  alignment.known_share = ShareOf(HullArea(std::move(known_points)), known);
  alignment.upload_share = ShareOf(HullArea(std::move(upload_points)), upload);
  const Moments m = MomentsOf(pairs, best);
  const auto n = static_cast<double>(best.size());
  alignment.width = std::min(Across(m.xx, m.xy, m.yy, n), Across(m.uu, m.uv, m.vv, n));
  return alignment;
}

double SeenAgain(const PlacesView& upload, const PlacesView& known, const AffineMap& map) {
  const Effect effect = EffectOf(map);
  size_t due = 0;
  size_t seen = 0;
  for (size_t k = 0; k < known.keypoints.size(); ++k) {
    const LocalKeypoint& place = known.keypoints[k];
    if (!IsDue(upload, place, map, effect)) continue;
    ++due;
    const Point at = Map(map, At(place));
    const double x = at.x * LocalKeypoint::kSubpixels;
    const double y = at.y * LocalKeypoint::kSubpixels;
    const double reach = kTolerance * LocalKeypoint::kSubpixels *
                         std::max(SizeOf(kLocalLevels - 1), effect.scale * SizeOf(place.level));
    for (size_t u = 0; u < upload.keypoints.size(); ++u) {
      const LocalKeypoint& there = upload.keypoints[u];
      if (std::abs(there.x - x) > reach || std::abs(there.y - y) > reach) continue;  // nearly all
      if (!Follows(PairOf(there, place), map, effect, kTolerance)) continue;
      if (HammingDistance(upload.descriptors[u], known.descriptors[k]) > kSeenAgainDistance) {
        continue;
      }
      ++seen;
      break;
    }
  }
  return static_cast<double>(seen) / static_cast<double>(std::max(due, kLeastDue));
}

}  // namespace vigie
