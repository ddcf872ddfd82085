#include "engine/local/local_index.h"

#include <algorithm>
#include <array>
#include <compare>
#include <limits>
#include <span>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "engine/index/hamming_scan.h"

namespace vigie {
namespace {

constexpr uint32_t kBlock = 32;  // rows
// Places looked up at once, of each side: enough for the index to have many cache misses under way,
// few enough that `go_on` is asked often.
constexpr size_t kGroup = 32;

PlacesView PlacesOf(const LocalFingerprint& local) {
  return {local.width, local.height, local.keypoints, local.descriptors};
}

}  // namespace

std::optional<Alignment> MatchOf(const PlacesView& upload, const PlacesView& known,
                                 std::vector<Pairing>& pairings) {
  if (pairings.size() < static_cast<size_t>(kMinInliers)) return std::nullopt;
  const Alignment found = Align(upload, known, pairings);
  const bool enough = found.inliers >= kMinInliers && found.width >= kMinWidth &&
                      (found.rare >= kMinRare || found.known_share >= kWholePictureShare);
  if (!enough) return std::nullopt;
  if (found.inliers >= kPlentyInliers) return found;
  const double due = found.inliers >= kManyInliers ? kSeenAgainOfMany : kSeenAgainOfFew;
  return SeenAgain(upload, known, found.map) >= due ? std::optional(found) : std::nullopt;
}

struct LocalIndex::Vote {
  PictureNumber picture = 0;
  bool mirrored = false;
  uint16_t upload = 0;  // the place that votes

  auto operator<=>(const Vote&) const = default;
};

// What one search has found out.
struct LocalIndex::Tally {
  // Votes by picture and side, those of several pictures together: enough to leave out nearly all
  // votes that cannot be for a match.
  static constexpr size_t kSlots = size_t{1} << 16;
  static size_t SlotOf(const Vote& vote) {
    const uint32_t key = 2 * vote.picture + (vote.mirrored ? 1 : 0);
    return key * 2654435761U >> 16;
  }

  absl::FunctionRef<bool(EntryNumber)> accepts;
  // What it said: nullptr of no, and of those forgotten meanwhile.
  std::unordered_map<PictureNumber, std::shared_ptr<const Picture>> pictures = {};
  std::vector<Vote> votes = {};
  std::array<std::vector<bool>, 2> common = {};  // by side, then by place
  std::vector<uint32_t> slots = std::vector<uint32_t>(kSlots);
  LocalSearchResult result = {};
};

LocalIndex::LocalIndex() : index_({.kind = IndexKind::kSharedKeys}) {}

absl::Status LocalIndex::Add(EntryNumber entry, const LocalFingerprint& local) {
  VIGIE_RETURN_IF_ERROR(ValidateLocal(local));
  if (local.keypoints.empty()) return absl::OkStatus();
  const std::lock_guard lock(writer_);
  const size_t count = local.keypoints.size();
  const uint64_t blocks = (count + kBlock - 1) / kBlock;
  if (next_row_ + blocks * kBlock > std::numeric_limits<RowId>::max()) {
    return Error(absl::StatusCode::kResourceExhausted, "OUT_OF_MEMORY",
                 "no row numbers are left for local fingerprints: restart");
  }
  auto picture = std::make_shared<Picture>(Picture{.entry = entry,
                                                   .first_row = static_cast<RowId>(next_row_),
                                                   .width = local.width,
                                                   .height = local.height,
                                                   .keypoints = local.keypoints});
  std::vector<RowId> rows(count);
  for (size_t i = 0; i < count; ++i) rows[i] = static_cast<RowId>(next_row_ + i);
  PictureNumber number = 0;
  {
    const std::unique_lock pictures_lock(pictures_mutex_);
    number = static_cast<PictureNumber>(pictures_.size());
    pictures_.push_back(std::move(picture));
  }
  picture_of_block_.Grow(next_row_ / kBlock + blocks);
  for (uint64_t b = 0; b < blocks; ++b) picture_of_block_[next_row_ / kBlock + b] = number;
  pictures_of_[entry].push_back(number);
  next_row_ += blocks * kBlock;
  ++alive_;
  keypoints_ += count;
  // Last, so that who finds a row finds its picture.
  return index_.Add(local.descriptors, rows);
}

void LocalIndex::Remove(EntryNumber entry) {
  const std::lock_guard lock(writer_);
  const auto found = pictures_of_.find(entry);
  if (found == pictures_of_.end()) return;
  for (const PictureNumber number : found->second) {
    std::shared_ptr<const Picture> gone;
    {
      const std::unique_lock pictures_lock(pictures_mutex_);
      gone = std::exchange(pictures_[number], nullptr);
    }
    std::vector<RowId> rows(gone->keypoints.size());
    for (size_t i = 0; i < rows.size(); ++i) rows[i] = gone->first_row + static_cast<RowId>(i);
    index_.Remove(rows);
    --alive_;
    keypoints_ -= rows.size();
  }
  pictures_of_.erase(found);
}

std::shared_ptr<const LocalIndex::Picture> LocalIndex::PictureOf(PictureNumber number) const {
  const std::shared_lock lock(pictures_mutex_);
  return pictures_[number];
}

const std::shared_ptr<const LocalIndex::Picture>& LocalIndex::Accepted(PictureNumber number,
                                                                       Tally& tally) const {
  const auto [known, is_new] = tally.pictures.try_emplace(number);
  if (is_new) {
    std::shared_ptr<const Picture> picture = PictureOf(number);
    if (picture != nullptr && tally.accepts(picture->entry)) known->second = std::move(picture);
  }
  return known->second;
}

// Hits are nearest first; those of query q belong to the upload's place first + q.
void LocalIndex::CountHits(const SearchResult& found, size_t first, bool mirrored,
                           Tally& tally) const {
  const size_t common_from = kCommonHits + alive_.load() / kCommonShare;
  std::array<size_t, kGroup> all{};
  std::array<size_t, kGroup> kept{};
  std::array<bool, kGroup> crowded{};
  std::array<bool, kGroup> common{};
  for (const uint32_t query : found.crowded) crowded[query] = common[query] = true;
  for (const Hit& hit : found.hits) {
    if (++all[hit.query] > common_from) common[hit.query] = true;
    const PictureNumber picture = picture_of_block_[hit.row / kBlock];
    if (crowded[hit.query] && kept[hit.query] == kMaxHitsAPlace) continue;
    if (Accepted(picture, tally) == nullptr) continue;
    if (kept[hit.query] == kMaxHitsAPlace) {
      crowded[hit.query] = true;
      continue;
    }
    ++kept[hit.query];
    const Vote vote{.picture = picture,
                    .mirrored = mirrored,
                    .upload = static_cast<uint16_t>(first + hit.query)};
    ++tally.slots[Tally::SlotOf(vote)];
    tally.votes.push_back(vote);
  }
  tally.result.hits += found.hits.size();
  for (size_t q = 0; q < kGroup; ++q) {
    tally.result.crowded += crowded[q] ? 1 : 0;
    if (!common[q]) continue;
    tally.common[mirrored ? 1 : 0][first + q] = true;
    ++tally.result.common;
  }
}

absl::Status LocalIndex::LookUp(const LocalFingerprint& upload, const LocalFingerprint* mirrored,
                                absl::FunctionRef<bool()> go_on, Tally& tally) const {
  for (size_t first = 0; first < upload.descriptors.size(); first += kGroup) {
    if (!go_on()) {
      tally.result.complete = false;
      break;
    }
    const size_t count = std::min(kGroup, upload.descriptors.size() - first);
    for (const LocalFingerprint* side : {&upload, mirrored}) {
      if (side == nullptr) continue;
      SearchResult found;
      VIGIE_ASSIGN_OR_RETURN(
          found, index_.Search(std::span(side->descriptors).subspan(first, count), kSeedDistance,
                               std::numeric_limits<size_t>::max()));
      CountHits(found, first, side == mirrored, tally);
    }
    tally.result.places = first + count;
  }
  return absl::OkStatus();
}

// Most votes first, then in the order of pictures.
std::vector<LocalIndex::Candidate> LocalIndex::CandidatesOf(Tally& tally) {
  auto& votes = tally.votes;
  std::erase_if(
      votes, [&tally](const Vote& vote) { return tally.slots[Tally::SlotOf(vote)] < kMinSeeds; });
  std::sort(votes.begin(), votes.end());
  votes.erase(std::unique(votes.begin(), votes.end()), votes.end());
  std::vector<Candidate> candidates;
  for (size_t begin = 0, end = 0; begin < votes.size(); begin = end) {
    const Vote& first = votes[begin];
    while (end < votes.size() && votes[end].picture == first.picture &&
           votes[end].mirrored == first.mirrored) {
      ++end;
    }
    const auto places = static_cast<int>(end - begin);
    if (places < kMinSeeds) continue;
    candidates.push_back(
        {.places = places, .picture = tally.pictures[first.picture], .mirrored = first.mirrored});
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.places > b.places; });
  return candidates;
}

std::optional<Alignment> LocalIndex::CompareOne(const LocalFingerprint& upload,
                                                const Picture& picture,
                                                const std::vector<bool>& common) const {
  std::vector<RowId> rows;
  HugeVector<Pdq256> codes;
  index_.CodesOf(picture.first_row, picture.keypoints.size(), &rows, &codes);
  if (codes.size() != picture.keypoints.size()) return std::nullopt;  // it is being forgotten
  std::vector<RangeHit> hits;
  ScanWithin(codes, upload.descriptors, kLocalMaxDistance, &hits);
  std::vector<Pairing> pairings;
  pairings.reserve(hits.size());
  for (const RangeHit& hit : hits) {
    pairings.push_back({.upload = static_cast<uint16_t>(hit.query),
                        .known = static_cast<uint16_t>(hit.position),
                        .distance = static_cast<uint16_t>(hit.distance),
                        .common = common[hit.query]});
  }
  return MatchOf(PlacesOf(upload), {picture.width, picture.height, picture.keypoints, codes},
                 pairings);
}

void LocalIndex::Compare(const LocalFingerprint& upload, const LocalFingerprint* mirrored,
                         const LocalSearchOptions& options, absl::FunctionRef<bool()> go_on,
                         Tally& tally) const {
  const std::vector<Candidate> candidates = CandidatesOf(tally);
  tally.result.candidates = candidates.size();
  size_t compared = 0;
  for (; compared < std::min(candidates.size(), options.max_candidates); ++compared) {
    if (!go_on()) {
      tally.result.complete = false;
      break;
    }
    const Candidate& candidate = candidates[compared];
    const std::optional<Alignment> evidence =
        CompareOne(candidate.mirrored ? *mirrored : upload, *candidate.picture,
                   tally.common[candidate.mirrored ? 1 : 0]);
    if (!evidence.has_value()) continue;
    tally.result.matches.push_back({.entry = candidate.picture->entry,
                                    .mirrored = candidate.mirrored,
                                    .width = candidate.picture->width,
                                    .height = candidate.picture->height,
                                    .evidence = *evidence});
  }
  tally.result.left_out = candidates.size() - compared;
}

absl::StatusOr<LocalSearchResult> LocalIndex::Search(const LocalFingerprint& upload,
                                                     const LocalSearchOptions& options,
                                                     absl::FunctionRef<bool(EntryNumber)> accepts,
                                                     absl::FunctionRef<bool()> go_on) const {
  VIGIE_RETURN_IF_ERROR(ValidateLocal(upload));
  Tally tally{.accepts = accepts};
  tally.common.fill(std::vector<bool>(upload.descriptors.size()));
  LocalFingerprint other_side;
  const LocalFingerprint* mirrored = nullptr;
  if (options.mirrored) {
    other_side = Mirrored(upload);
    mirrored = &other_side;
  }
  VIGIE_RETURN_IF_ERROR(LookUp(upload, mirrored, go_on, tally));
  Compare(upload, mirrored, options, go_on, tally);

  auto& matches = tally.result.matches;
  std::stable_sort(matches.begin(), matches.end(), [](const LocalMatch& a, const LocalMatch& b) {
    return a.evidence.inliers > b.evidence.inliers;
  });
  std::vector<LocalMatch> best;
  for (LocalMatch& match : matches) {
    const bool seen = std::any_of(best.begin(), best.end(), [&match](const LocalMatch& other) {
      return other.entry == match.entry;
    });
    if (!seen && best.size() < options.max_matches) best.push_back(std::move(match));
  }
  matches = std::move(best);
  return std::move(tally.result);
}

LocalIndexStats LocalIndex::stats() const {
  LocalIndexStats stats{
      .pictures = alive_.load(), .keypoints = keypoints_.load(), .bytes = index_.stats().bytes};
  stats.bytes += stats.pictures * (sizeof(Picture) + sizeof(std::shared_ptr<const Picture>)) +
                 stats.keypoints * (sizeof(LocalKeypoint) + sizeof(PictureNumber) / kBlock);
  return stats;
}

}  // namespace vigie
