#include <algorithm>
#include <ctime>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "bench/inputs.h"
#include "bench/local.h"
#include "bench/search_index.h"
#include "engine/index/hamming_scan.h"
#include "engine/local/extract.h"
#include "engine/local/geometry.h"
#include "engine/local/local_index.h"

namespace vigie::bench {
namespace {

constexpr int kDescriptorFlips = 6;
constexpr size_t kMixed = 12;  // photographs that lend their places to one made picture

bool Always() { return true; }
bool All(EntryNumber /*entry*/) { return true; }

PixelView ViewOf(const cv::Mat& pixels) {
  return {.data = pixels.data,
          .width = pixels.cols,
          .height = pixels.rows,
          .stride_bytes = pixels.step,
          .order = ChannelOrder::kBgr};
}

PlacesView PlacesOf(const LocalFingerprint& local) {
  return {local.width, local.height, local.keypoints, local.descriptors};
}

// Descriptors of all photos, one behind the other.
struct Pool {
  HugeVector<Pdq256> codes;
  std::vector<std::pair<uint32_t, uint16_t>> owners;  // photo, keypoint
};

Pool PoolOf(const std::vector<Photo>& photos) {
  Pool pool;
  for (size_t i = 0; i < photos.size(); ++i) {
    if (photos[i].related) continue;
    const auto& descriptors = photos[i].known.descriptors;
    for (size_t k = 0; k < descriptors.size(); ++k) {
      pool.codes.push_back(descriptors[k]);
      pool.owners.emplace_back(static_cast<uint32_t>(i), static_cast<uint16_t>(k));
    }
  }
  return pool;
}

// A picture with the places of `kMixed` photos, each descriptor a few bits away from a real one.
LocalFingerprint MakeKnown(const std::vector<const Photo*>& from, size_t places, Random& random) {
  LocalFingerprint made;
  made.width = kLocalSide;
  made.height = kLocalSide * 3 / 4;
  for (size_t i = 0; i < places; ++i) {
    const Photo* photo = from[random.Below(from.size())];
    for (size_t tries = 0; photo->known.keypoints.empty() && tries < 100; ++tries) {
      photo = from[random.Below(from.size())];
    }
    if (photo->known.keypoints.empty()) continue;
    const size_t k = random.Below(photo->known.keypoints.size());
    LocalKeypoint keypoint = photo->known.keypoints[k];
    keypoint.x = static_cast<uint16_t>(random.Below(kLocalSide * LocalKeypoint::kSubpixels));
    keypoint.y = static_cast<uint16_t>(
        random.Below(static_cast<size_t>(made.height * LocalKeypoint::kSubpixels)));
    made.keypoints.push_back(keypoint);
    made.descriptors.push_back(random.Near(photo->known.descriptors[k], kDescriptorFlips));
  }
  return made;
}

double Ms(const timespec& time) {
  return 1e3 * static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_nsec);
}

double ClockMs(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return Ms(now);
}

}  // namespace

Stopwatch::Stopwatch()
    : wall_ms_(ClockMs(CLOCK_MONOTONIC)), thread_ms_(ClockMs(CLOCK_THREAD_CPUTIME_ID)) {}

void Stopwatch::AddTo(Times* times) const {
  times->wall_ms.push_back(ClockMs(CLOCK_MONOTONIC) - wall_ms_);
  times->thread_ms.push_back(ClockMs(CLOCK_THREAD_CPUTIME_ID) - thread_ms_);
}

nlohmann::json Spread(const Times& times) {
  return {{"wall", Spread(times.wall_ms)}, {"thread", Spread(times.thread_ms)}};
}

void Require(const absl::Status& status) {
  if (!status.ok()) throw std::runtime_error(std::string(status.message()));
}

// How many pairs had so many places that agree.
static nlohmann::json InliersOf(const std::map<int, size_t>& histogram, size_t pairs) {
  size_t aligned = 0;
  nlohmann::json inliers;
  for (const auto& [count, times] : histogram) {
    inliers[std::to_string(count)] = times;
    aligned += times;
  }
  inliers["no hit"] = pairs - aligned;
  return inliers;
}

nlohmann::json MeasureFalse(const std::vector<Photo>& photos) {
  const Pool pool = PoolOf(photos);
  std::map<int, size_t> histogram;
  nlohmann::json matches = nlohmann::json::array();
  size_t pairs = 0;
  size_t same_scene = 0;
  size_t pairings_all = 0;
  double descriptor_pairs = 0;
  for (size_t i = 0; i < photos.size(); ++i) {
    if (photos[i].related) continue;
    for (const bool mirrored : {false, true}) {
      const LocalFingerprint upload = mirrored ? Mirrored(photos[i].upload) : photos[i].upload;
      descriptor_pairs += static_cast<double>(upload.descriptors.size()) *
                          static_cast<double>(pool.codes.size() - photos[i].known.keypoints.size());
      std::vector<RangeHit> hits;
      ScanWithin(pool.codes, upload.descriptors, kLocalMaxDistance, &hits);
      std::map<uint32_t, std::vector<Pairing>> by_photo;
      for (const RangeHit& hit : hits) {
        const auto& [photo, keypoint] = pool.owners[static_cast<size_t>(hit.position)];
        if (photo == i) continue;
        ++pairings_all;
        by_photo[photo].push_back({.upload = static_cast<uint16_t>(hit.query),
                                   .known = keypoint,
                                   .distance = static_cast<uint16_t>(hit.distance)});
      }
      for (auto& [photo, pairings] : by_photo) {
        const PlacesView known = PlacesOf(photos[photo].known);
        ++histogram[Align(PlacesOf(upload), known, pairings).inliers];
        const std::optional<Alignment> a = MatchOf(PlacesOf(upload), known, pairings);
        if (!a.has_value()) continue;
        if (ShowTheSame(photos[i].name, photos[photo].name)) {
          ++same_scene;
          continue;
        }
        matches.push_back({{"upload", photos[i].name},
                           {"known", photos[photo].name},
                           {"mirrored", mirrored},
                           {"inliers", a->inliers},
                           {"known_share", a->known_share},
                           {"upload_share", a->upload_share},
                           {"width", a->width}});
      }
      pairs += 1;
    }
  }
  size_t known = 0;
  for (const Photo& photo : photos) known += photo.related ? 0 : 1;
  pairs *= known - 1;
  return {{"pairs", pairs},
          {"matches", matches.size()},
          {"matches_of_the_same_scene", same_scene},
          {"examples", std::move(matches)},
          {"inliers", InliersOf(histogram, pairs)},
          {"hits_a_million_descriptor_pairs",
           1e6 * static_cast<double>(pairings_all) / descriptor_pairs}};
}

nlohmann::json MeasureChecks(const std::vector<Photo>& photos, size_t base, size_t known_places,
                             size_t upload_places) {
  std::vector<const Photo*> givers;   // lend their descriptors to the base
  std::vector<const Photo*> uploads;  // and these are checked
  for (size_t i = 0; i < photos.size(); ++i) {
    if (!photos[i].related) (i % 2 == 0 ? givers : uploads).push_back(&photos[i]);
  }
  const size_t before = ResidentBytes();
  LocalIndex index;
  Random random(22);
  const Stopwatch build;
  for (size_t n = 0; n < base; ++n) {
    std::vector<const Photo*> from(kMixed);
    for (const Photo*& photo : from) photo = givers[random.Below(givers.size())];
    Require(index.Add(static_cast<EntryNumber>(n), MakeKnown(from, known_places, random)));
    if (n % 20'000 == 19'999) Require(index.Maintain());
  }
  Require(index.Maintain(true));
  Require(index.Maintain());  // frees what the last one replaced
  Times build_times;
  build.AddTo(&build_times);
  const size_t resident = ResidentBytes() - before;
  Times search;
  Times check;
  size_t hits = 0;
  size_t common = 0;
  size_t crowded = 0;
  size_t candidates = 0;
  size_t left_out = 0;
  size_t wrong = 0;
  size_t places = 0;
  for (size_t i = 0; i < uploads.size() + 20; ++i) {
    const Photo& photo = *uploads[i % uploads.size()];
    const Stopwatch both;
    const LocalFingerprint upload = ExtractLocal(ViewOf(photo.pixels), upload_places);
    const Stopwatch searching;
    const auto result = index.Search(upload, {}, All, Always);
    Require(result.status());
    if (i < 20) continue;  // the first ones warm the caches
    both.AddTo(&check);
    searching.AddTo(&search);
    hits += result->hits;
    common += result->common;
    crowded += result->crowded;
    candidates += result->candidates;
    left_out += result->left_out > 0 ? 1 : 0;
    wrong += result->matches.size();
    places += 2 * upload.keypoints.size();
  }
  const LocalIndexStats stats = index.stats();
  const auto pictures = static_cast<double>(base);
  const auto checks = static_cast<double>(check.wall_ms.size());
  return {{"base", base},
          {"check_ms", Spread(check)},
          {"search_ms", Spread(search)},
          {"build_ms", build_times.wall_ms.front()},
          {"bytes_a_picture_resident", static_cast<double>(resident) / pictures},
          {"bytes_a_picture_counted", static_cast<double>(stats.bytes) / pictures},
          {"keypoints_a_picture", static_cast<double>(stats.keypoints) / pictures},
          {"hits_a_check", static_cast<double>(hits) / checks},
          {"hits_a_million_descriptor_pairs",
           1e6 * static_cast<double>(hits) /
               (static_cast<double>(places) * static_cast<double>(stats.keypoints))},
          {"common_places_a_check", static_cast<double>(common) / checks},
          {"crowded_places_a_check", static_cast<double>(crowded) / checks},
          {"checks_that_left_out", left_out},
          {"candidates_a_check", static_cast<double>(candidates) / checks},
          {"wrong_matches", wrong}};
}

}  // namespace vigie::bench
