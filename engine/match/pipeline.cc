#include "engine/match/pipeline.h"

#include <algorithm>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "engine/match/queries.h"
#include "engine/match/submission.h"

namespace vigie {
namespace {

NotScanned ObstacleOf(const absl::Status& decode_error) {
  const std::string reason = ReasonOf(decode_error);
  if (reason == "DECODER_FAILED") return NotScanned::kDecoderFailed;
  if (reason == "UNSUPPORTED_FORMAT") return NotScanned::kUnsupportedFormat;
  if (reason == "IMAGE_TOO_LARGE" || reason == "OUT_OF_MEMORY") return NotScanned::kTooLarge;
  return NotScanned::kCorrupt;
}

std::string Featureless(int quality, int floor) {
  return absl::StrCat("quality ", quality, " is below ", floor,
                      ": too few features to tell it from unrelated pictures");
}

}  // namespace

absl::StatusOr<Verdict> Pipeline::CheckImage(Bytes encoded, const CheckOptions& options) const {
  VIGIE_RETURN_IF_ERROR(CheckRequest(options));
  Queries queries;
  queries.begun = catalog_.revision();
  // Digests first: an exact copy is found even when the picture cannot be decoded.
  for (const Algorithm algorithm : {Algorithm::kMd5, Algorithm::kSha1, Algorithm::kSha256}) {
    if (catalog_.HasCopiesBy(algorithm)) {
      queries.digests.push_back(DigestOf(algorithm, encoded));
    } else {
      queries.digests_left_out.push_back(algorithm);
    }
  }
  // Decoding is most of the cost: a caller who is gone is not decoded for.
  if (clock_.Now() < options.deadline_us) AddHashes(encoded, options, queries);
  if (queries.hashes.empty() && !queries.local.keypoints.empty()) {
    queries.name = DigestOf(Algorithm::kSha256, encoded).value;
  }
  Verdict verdict;
  VIGIE_RETURN_IF_ERROR(Search({&queries, 1}, options, {&verdict, 1}));
  return verdict;
}

HashOptions Pipeline::HashingFor(bool thorough) const {
  // Places that nothing can be found by are not looked for.
  const bool local = thorough && catalog_.local_stats().pictures > 0;
  return {.limits = options_.limits,
          .mode = options_.check_mode,
          .profile = Profile::kReference,
          .all_orientations = true,
          .min_quality = options_.min_quality,
          .max_frames = options_.max_frames,
          .max_variants = thorough ? static_cast<int>(kMaxVariants) : 0,
          .local_places = local ? static_cast<int>(kUploadKeypoints) : 0,
          .variants_budget_ns = options_.thorough_us * 1000};
}

void Pipeline::AddHashes(Bytes encoded, const CheckOptions& options, Queries& queries) const {
  queries.effort = options.effort.value_or(options_.effort);
  const HashOptions hashing = HashingFor(queries.effort == Effort::kThorough);
  queries.places_left_out = hashing.local_places == 0 && queries.effort == Effort::kThorough;
  auto image = hasher_.Hash(encoded, hashing, options.deadline_us);
  if (!image.ok()) {
    queries.Obstruct(ObstacleOf(image.status()), MessageOf(image.status()));
    return;
  }
  if (options.times != nullptr) {
    options.times->decode_ns += image->decode_ns;
    options.times->hash_ns += image->hash_ns + image->variants_ns;
  }
  const FrameSummary& summary = image->summary;
  const auto add = [&](const PdqOrientations& pdq, int frame, std::optional<Variant> variant) {
    const int orientations = options.all_orientations ? kOrientations : 1;
    for (int i = 0; i < orientations; ++i) {
      queries.hashes.push_back(pdq.hashes[static_cast<size_t>(i)]);
      queries.origins.push_back(
          {.orientation = static_cast<Orientation>(i),
           .quality = pdq.quality,
           .frame = summary.animated ? std::optional<int>(frame) : std::nullopt,
           .variant = variant});
    }
  };
  for (const HashedFrame& frame : image->frames) {
    queries.quality = std::max(queries.quality, frame.pdq.quality);
    if (frame.pdq.quality < options_.min_quality) continue;
    if (summary.animated) ++queries.frames_looked_up;
    add(frame.pdq, frame.number, std::nullopt);
  }
  queries.of_whole = queries.hashes.size();
  for (const HashedVariant& variant : image->variants) {
    if (variant.pdq.quality < options_.min_quality) continue;
    queries.variants.push_back(queries.hashes.size());
    add(variant.pdq, variant.frame, variant.variant);
  }
  queries.local = std::move(image->local);
  queries.local_frame = image->local_frame;
  queries.summary = summary;
  queries.thorough_us = options_.thorough_us - image->variants_ns / 1000;
  queries.budget_ended = image->variants_cut_short;
  if (summary.animated) queries.frames_decoded = summary.frames;
  if (image->cut_short) {
    queries.Obstruct(NotScanned::kDeadline, "the deadline passed before all of it was looked at");
  } else if (!summary.rest.ok()) {
    // What is cut off has few features for that reason: the cause is the answer.
    queries.Obstruct(ObstacleOf(summary.rest), MessageOf(summary.rest));
  } else if (queries.of_whole == 0) {
    queries.Obstruct(NotScanned::kFeatureless, Featureless(queries.quality, options_.min_quality));
  }
}

absl::StatusOr<Verdict> Pipeline::CheckFingerprints(std::span<const QueryFingerprint> fingerprints,
                                                    const CheckOptions& options) const {
  VIGIE_RETURN_IF_ERROR(CheckRequest(options));
  Queries queries;
  VIGIE_RETURN_IF_ERROR(AddFingerprints(fingerprints, queries));
  Verdict verdict;
  VIGIE_RETURN_IF_ERROR(Search({&queries, 1}, options, {&verdict, 1}));
  return verdict;
}

std::vector<absl::StatusOr<Verdict>> Pipeline::CheckTogether(
    std::span<const std::vector<QueryFingerprint>> pictures, const CheckOptions& options) const {
  absl::Status searched = CheckRequest(options);
  // Most calls are of one picture.
  absl::InlinedVector<absl::Status, 1> problems(pictures.size(), searched);
  absl::InlinedVector<Queries, 1> together;
  for (size_t i = 0; searched.ok() && i < pictures.size(); ++i) {
    Queries queries;
    problems[i] = AddFingerprints(pictures[i], queries);
    if (problems[i].ok()) together.push_back(std::move(queries));
  }
  absl::InlinedVector<Verdict, 1> found(together.size());
  if (searched.ok()) searched = Search(together, options, found);
  std::vector<absl::StatusOr<Verdict>> verdicts;
  verdicts.reserve(problems.size());
  auto next = found.begin();
  for (const absl::Status& problem : problems) {
    if (!problem.ok()) {
      verdicts.emplace_back(problem);
    } else if (!searched.ok()) {
      verdicts.emplace_back(searched);
    } else {
      verdicts.emplace_back(std::move(*next++));
    }
  }
  return verdicts;
}

absl::Status Pipeline::AddFingerprints(std::span<const QueryFingerprint> fingerprints,
                                       Queries& queries) const {
  if (fingerprints.empty() || fingerprints.size() > kMaxFingerprints) {
    return Error(absl::StatusCode::kInvalidArgument, "HASH_MALFORMED",
                 absl::StrCat("send 1 to ", kMaxFingerprints, " fingerprints of a picture"));
  }
  for (const QueryFingerprint& query : fingerprints) {
    VIGIE_RETURN_IF_ERROR(Validate(query.fingerprint));
    if (query.fingerprint.algorithm != Algorithm::kPdq) {
      queries.digests.push_back(query.fingerprint);
      continue;
    }
    queries.quality = std::max(queries.quality, query.fingerprint.quality);
    if (query.fingerprint.quality < options_.min_quality) continue;
    queries.hashes.push_back(PdqOf(query.fingerprint));
    queries.origins.push_back({.orientation = query.orientation,
                               .quality = query.fingerprint.quality,
                               .frame = std::nullopt,
                               .variant = std::nullopt});
  }
  queries.of_whole = queries.hashes.size();
  // Digests alone are answered for what they are: exact copies. A PDQ under the floor is not.
  if (queries.hashes.empty() && queries.digests.size() < fingerprints.size()) {
    queries.Obstruct(NotScanned::kFeatureless, Featureless(queries.quality, options_.min_quality));
  }
  return absl::OkStatus();
}

absl::StatusOr<Submission> Pipeline::Hash(Bytes encoded, Profile profile, bool local) const {
  HashOptions options = SubmissionOptions(profile, local);
  options.limits = options_.limits;
  options.min_quality = options_.min_quality;
  options.max_frames = options_.max_frames;
  HashedImage image;
  VIGIE_ASSIGN_OR_RETURN(image, hasher_.Hash(encoded, options, std::numeric_limits<TimeUs>::max()));
  return SubmissionOf(encoded, profile, image);
}

absl::Status Pipeline::CheckRequest(const CheckOptions& options) const {
  VIGIE_RETURN_IF_ERROR(catalog_.health());
  if (options.max_distance.has_value() &&
      (*options.max_distance < 0 || *options.max_distance > kMaxDistanceLimit)) {
    return Error(absl::StatusCode::kInvalidArgument, "MAX_DISTANCE_INVALID",
                 absl::StrCat("max_distance is 0 to ", kMaxDistanceLimit, " bits"));
  }
  for (const std::string& id : options.lists) {
    const auto list = catalog_.FindList(id);
    if (list == nullptr || list->deleted_us != 0 || !ActsFor(*list, options.organisation)) {
      return Error(absl::StatusCode::kNotFound, "LIST_NOT_FOUND",
                   "no list of this name acts for your organisation");
    }
  }
  if (options.min_revision > catalog_.revision()) {
    return Error(absl::StatusCode::kUnavailable, "REVISION_NOT_REACHED",
                 "this server has not seen that revision yet: try again");
  }
  return absl::OkStatus();
}

}  // namespace vigie
