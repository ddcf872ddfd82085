// Known pictures by their local fingerprints: which of them does an upload show a part of?
//
// Places of the upload are looked up in a LiveIndex of descriptors that share a key with theirs
// (KeyIndex: what is nearly equal is always found, what is further away mostly). Each hit is a vote
// for a picture. Only pictures with some votes are compared with the upload,
// each place with each at a larger distance, and only where enough places are alike it comes to
// geometry. Mirrored uploads are looked up as well.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

#include "absl/functional/function_ref.h"
#include "engine/base/chunked_array.h"
#include "engine/base/status.h"
#include "engine/base/types.h"
#include "engine/index/live_index.h"
#include "engine/local/geometry.h"
#include "engine/local/local_fingerprint.h"

namespace vigie {

// Descriptors of the same place of two copies are nearly always within this distance, inclusive.
inline constexpr int kLocalMaxDistance = 28;
// A seed: a place of the upload and one of a known picture that share a key (KeyIndex) and are
// within this distance. Two alike places are one with a chance of a third to all; copies have
// dozens.
inline constexpr int kSeedDistance = 24;
// Pictures with seeds of fewer places of the upload are not compared with it.
inline constexpr int kMinSeeds = 2;
// Fewer places that follow one map are not a match, whatever they are. From kPlentyInliers on they
// are one by themselves; fewer are when so much of the known picture is SeenAgain().
inline constexpr int kMinInliers = 6;
inline constexpr int kManyInliers = 8;
inline constexpr int kPlentyInliers = 16;
inline constexpr double kSeenAgainOfFew = 0.45;
inline constexpr double kSeenAgainOfMany = 0.26;
// Standard deviation of these places across their longest extent, pixels: less is a line of text.
inline constexpr double kMinWidth = 6;
// A place of the upload votes for the pictures of this many hits, the nearest.
inline constexpr size_t kMaxHitsAPlace = 128;
// It is common when it has more hits than kCommonHits and 1 for kCommonShare pictures, or more than
// the index looks at. Common places are set aside: of the inliers of a match, kMinRare are not
// common, unless the match covers so much of the known picture that its copies are what
// makes its places common.
inline constexpr int kMinRare = 4;
inline constexpr size_t kCommonHits = 64;
inline constexpr size_t kCommonShare = 100;
inline constexpr double kWholePictureShare = 0.4;

// What a comparison of the two found, when it is a match; nullopt otherwise. `pairings` are those
// within kLocalMaxDistance; their order changes. Thread-safe.
std::optional<Alignment> MatchOf(const PlacesView& upload, const PlacesView& known,
                                 std::vector<Pairing>& pairings);

struct LocalSearchOptions {
  bool mirrored = true;
  // Pictures that are compared, those with the most votes; 0.1 to 1 ms each.
  size_t max_candidates = 512;
  size_t max_matches = 16;
};

struct LocalMatch {
  EntryNumber entry = 0;
  bool mirrored = false;  // the map is from the known picture to the mirrored upload
  int width = 0;          // of the known picture, reduced
  int height = 0;
  Alignment evidence;
};

struct LocalSearchResult {
  // One an entry, the most inliers first.
  std::vector<LocalMatch> matches;
  // False: `go_on` ended the search before all places were looked up and all candidates compared.
  bool complete = true;
  size_t places = 0;      // of the upload that were looked up
  size_t candidates = 0;  // accepted pictures with at least kMinSeeds votes, by side
  size_t left_out = 0;    // of them, those that were not compared, for time or max_candidates
  size_t hits = 0;        // of all places together, before kMaxHitsAPlace
  // Places, of both sides, whose hits were not all counted: more than kMaxHitsAPlace of accepted
  // pictures, or more than the index looks at.
  size_t crowded = 0;
  size_t common = 0;  // of the places, those set aside
};

struct LocalIndexStats {
  size_t pictures = 0;
  size_t keypoints = 0;  // of these pictures
  size_t bytes = 0;      // of pictures and index
};

// Thread-safe: any thread may call anything, but Maintain() is for one at a time. Searches wait for
// writers only while these exchange a pointer.
class LocalIndex {
 public:
  LocalIndex();
  LocalIndex(const LocalIndex&) = delete;
  LocalIndex& operator=(const LocalIndex&) = delete;

  // Makes a picture of `entry` findable by every search that begins afterwards; an entry may have
  // several. INVALID_ARGUMENT, reason HASH_MALFORMED; RESOURCE_EXHAUSTED, reason OUT_OF_MEMORY,
  // when 2^32 rows have been handed out since the start.
  absl::Status Add(EntryNumber entry, const LocalFingerprint& local);

  // Forgets all pictures of `entry`: no search that begins afterwards finds them. Where their
  // places were is freed when the last search that is under way ends, their descriptors by a later
  // Maintain(). An unknown entry is fine.
  void Remove(EntryNumber entry);

  // The entries that the picture of `upload` shows a part of. `accepts` is asked once for each
  // picture with a place that looks like one of the upload's, without a lock held: those it says no
  // to take no place of kMaxHitsAPlace, `max_candidates` or `max_matches`; they still count for
  // which places are common. `go_on` is asked before each group of places is looked up and before
  // each candidate is compared; after false the search ends with what it has. Errors of
  // ValidateLocal() and LiveIndex::Search().
  absl::StatusOr<LocalSearchResult> Search(const LocalFingerprint& upload,
                                           const LocalSearchOptions& options,
                                           absl::FunctionRef<bool(EntryNumber)> accepts,
                                           absl::FunctionRef<bool()> go_on) const;

  // As LiveIndex::Maintain(), whose errors it has.
  absl::Status Maintain(bool seal_all = false) { return index_.Maintain(seal_all); }

  LocalIndexStats stats() const;

 private:
  struct Picture {
    EntryNumber entry = 0;
    RowId first_row = 0;
    int width = 0;
    int height = 0;
    std::vector<LocalKeypoint> keypoints;
  };
  using PictureNumber = uint32_t;
  // A picture that so many places of the upload, or of the mirrored upload, voted for.
  struct Candidate {
    int places = 0;
    std::shared_ptr<const Picture> picture;
    bool mirrored = false;
  };
  struct Vote;
  struct Tally;

  static std::vector<Candidate> CandidatesOf(Tally& tally);
  const std::shared_ptr<const Picture>& Accepted(PictureNumber number, Tally& tally) const;
  void CountHits(const SearchResult& found, size_t first, bool mirrored, Tally& tally) const;
  absl::Status LookUp(const LocalFingerprint& upload, const LocalFingerprint* mirrored,
                      absl::FunctionRef<bool()> go_on, Tally& tally) const;
  void Compare(const LocalFingerprint& upload, const LocalFingerprint* mirrored,
               const LocalSearchOptions& options, absl::FunctionRef<bool()> go_on,
               Tally& tally) const;
  std::optional<Alignment> CompareOne(const LocalFingerprint& upload, const Picture& picture,
                                      const std::vector<bool>& common) const;
  std::shared_ptr<const Picture> PictureOf(PictureNumber number) const;

  LiveIndex index_;
  mutable std::mutex writer_;  // Add and Remove
  uint64_t next_row_ = 0;
  // Of the rows 32 b to 32 b + 31, which all belong to one picture.
  ChunkedArray<PictureNumber> picture_of_block_;
  mutable std::shared_mutex pictures_mutex_;
  std::vector<std::shared_ptr<const Picture>> pictures_;  // by number; nullptr: forgotten
  std::unordered_map<EntryNumber, std::vector<PictureNumber>> pictures_of_;  // for writers
  std::atomic<size_t> alive_{0};
  std::atomic<size_t> keypoints_{0};
};

}  // namespace vigie
