// Bytes or hashes in, verdict out: the one place that says decode, hash, search, decide.
#pragma once

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "engine/base/clock.h"
#include "engine/base/fingerprint.h"
#include "engine/base/published.h"
#include "engine/base/status.h"
#include "engine/catalog/catalog.h"
#include "engine/catalog/verdict_book.h"
#include "engine/image/decoder.h"
#include "engine/match/image_hasher.h"
#include "engine/match/submission.h"
#include "engine/policy/policy.h"
#include "engine/policy/verdict.h"

namespace vigie {

// What Hash() gives of an animation is one entry's fingerprints, with two digests.
inline constexpr int kMaxFramesLimit = static_cast<int>(kMaxFingerprints) - 2;

struct PipelineOptions {
  DecodeLimits limits = {};
  DecodeMode check_mode = DecodeMode::kFast;  // how uploads to check are decoded
  int min_quality = kDefaultMinQuality;       // below it an upload is FEATURELESS, 0 to 100
  int max_frames = kDefaultMaxFrames;         // of an animation, 1 to kMaxFramesLimit
  Effort effort = Effort::kFast;              // of checks that do not say
  // What THOROUGH may take beyond FAST: finding and hashing parts and places, looking them up. It
  // is looked at between two parts, between two searches for a few, and between two comparisons.
  TimeUs thorough_us = 100'000;
};

// What the steps of a check took, nanoseconds.
struct CheckTimes {
  int64_t decode_ns = 0;
  int64_t hash_ns = 0;  // with finding and hashing parts
  int64_t search_ns = 0;
  int64_t decide_ns = 0;  // with noting the verdict

  // Each one's, of `checks` that were made together; of none all.
  CheckTimes ShareOf(size_t checks) const {
    const auto n = static_cast<int64_t>(std::max<size_t>(checks, 1));
    return {.decode_ns = decode_ns / n,
            .hash_ns = hash_ns / n,
            .search_ns = search_ns / n,
            .decide_ns = decide_ns / n};
  }
};

// What the caller may choose for one check.
struct CheckOptions {
  std::string organisation;         // whose upload it is: only lists that act for it are consulted
  std::string key_id;               // who asks, for the events
  std::vector<std::string> lists;   // only these; empty: all
  std::optional<int> max_distance;  // stricter than the lists'; never wider
  Revision min_revision = 0;        // answer only from a state at least this new
  bool all_orientations = true;     // also find mirrored and turned copies
  std::optional<Effort> effort;     // of pictures; unset: PipelineOptions::effort
  size_t max_matches = 16;
  TimeUs deadline_us = std::numeric_limits<TimeUs>::max();
  // Decides; nullptr: the one in force. For requests of several pictures.
  std::shared_ptr<const Policy> policy = nullptr;
  // Filled in by the check, which it outlives; nullptr: not asked for.
  CheckTimes* times = nullptr;
  // The check does not wait for the disk: what must be written down before the verdict is answered
  // is put here, for WriteDown(). nullptr: the check writes it down.
  std::vector<VerdictRecord>* to_write_down = nullptr;
};

// A value of the upload, computed by the caller. For PDQ, `orientation` says of which of the
// upload's 8 orientations it is the hash.
struct QueryFingerprint {
  Fingerprint fingerprint;
  Orientation orientation = Orientation::kOriginal;
};

// Thread-safe.
class Pipeline {
 public:
  // All outlive the pipeline. Verdicts are noted in `book`, unless that is nullptr. Pictures are
  // hashed by `hasher`; nullptr: in the calling thread.
  Pipeline(const Catalog& catalog, const Clock& clock, const PipelineOptions& options,
           VerdictBook* book = nullptr, const ImageHasher* hasher = nullptr)
      : catalog_(catalog),
        clock_(clock),
        options_(options),
        book_(book),
        in_process_(clock),
        hasher_(hasher == nullptr ? in_process_ : *hasher) {}

  // The verdict on an encoded picture. Whatever is wrong with the picture is a verdict
  // (NOT_SCANNED), not an error. Errors are the request's or the server's: LIST_NOT_FOUND for an
  // unknown list in `lists`, MAX_DISTANCE_INVALID, REVISION_NOT_REACHED (UNAVAILABLE: try again or
  // elsewhere), INDEX_INCOMPLETE, INDEX_FAILED.
  absl::StatusOr<Verdict> CheckImage(Bytes encoded, const CheckOptions& options) const;

  // The verdict on one picture of which the caller sends hashes only: 1 to kMaxFingerprints values
  // of it. Errors as above, and HASH_MALFORMED.
  absl::StatusOr<Verdict> CheckFingerprints(std::span<const QueryFingerprint> fingerprints,
                                            const CheckOptions& options) const;

  // Pictures that are best checked together: so many that the index waits for the memory of all of
  // them at once, so few that a caller who is gone is noticed between them.
  static constexpr int kTogether = 8;

  // The verdicts on several such pictures, in their order, each as CheckFingerprints() would give
  // it. They are looked up together, which takes less time than one after the other; one that is
  // HASH_MALFORMED does not keep the others from their verdicts. Times are of all of them.
  std::vector<absl::StatusOr<Verdict>> CheckTogether(
      std::span<const std::vector<QueryFingerprint>> pictures, const CheckOptions& options) const;

  // Writes down what checks have put into CheckOptions::to_write_down, in one commit. What fails is
  // written down later, as by a check.
  void WriteDown(std::vector<VerdictRecord> verdicts) const;

  // PDQ (decoded exactly), SHA-256 and MD5 of an encoded picture, for submission. Of an animation a
  // PDQ for each frame that a check would look up. With `local` also the local fingerprint. Errors:
  // UNSUPPORTED_FORMAT, IMAGE_TOO_LARGE, IMAGE_CORRUPT, each also when only a part of the picture
  // was in the way; DECODER_FAILED.
  absl::StatusOr<Submission> Hash(Bytes encoded, Profile profile, bool local) const;

  const PipelineOptions& options() const { return options_; }

  // Replaces the policy in force; at first it has no rules. Every verdict is made by one policy: a
  // check that runs meanwhile uses the old or the new one. One thread at a time.
  void SetPolicy(Policy policy) {
    policy_.Publish(
        std::make_unique<SharedPolicy>(std::make_shared<const Policy>(std::move(policy))));
  }
  std::shared_ptr<const Policy> policy() const { return *policy_.Acquire(); }

 private:
  struct Queries;
  using SharedPolicy = std::shared_ptr<const Policy>;

  HashOptions HashingFor(bool thorough) const;
  void AddHashes(Bytes encoded, const CheckOptions& options, Queries& queries) const;
  absl::Status AddFingerprints(std::span<const QueryFingerprint> fingerprints,
                               Queries& queries) const;
  absl::Status CheckRequest(const CheckOptions& options) const;

  // search.cc: `verdicts[i]` is the one on `together[i]`, of which it leaves nothing.
  absl::Status Search(std::span<Queries> together, const CheckOptions& options,
                      std::span<Verdict> verdicts) const;
  void Begin(const CheckOptions& options, Queries& queries) const;
  Revision RevisionFor(const Queries& queries) const;
  absl::Status LookUp(std::span<const Pdq256> hashes, const CheckOptions& options,
                      absl::FunctionRef<void(const JoinedHit&)> take) const;
  absl::Status SearchWholes(std::span<Queries> together, const CheckOptions& options) const;
  absl::Status SearchParts(Queries& queries, const CheckOptions& options) const;
  absl::Status SearchLocal(Queries& queries, const CheckOptions& options) const;
  // For more than kFast.
  bool IsTimeLeft(const Queries& queries, const CheckOptions& options) const;
  void AddMatch(const JoinedHit& hit, const CheckOptions& options, Queries& queries) const;
  Verdict Conclude(Queries& queries, const CheckOptions& options) const;
  // Notes what was answered about what was found; `verdict` is complete.
  void Note(const Verdict& verdict, const UploadId& upload, const CheckOptions& options) const;

  const Catalog& catalog_;
  const Clock& clock_;
  const PipelineOptions options_;
  VerdictBook* const book_;
  const InProcessHasher in_process_;
  const ImageHasher& hasher_;
  Published<SharedPolicy> policy_{std::make_unique<SharedPolicy>(std::make_shared<const Policy>())};
};

}  // namespace vigie
