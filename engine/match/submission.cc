#include "engine/match/submission.h"

#include <limits>

#include "engine/local/local_index.h"

namespace vigie {
namespace {

std::string ToText(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

Fingerprint DigestOf(Algorithm algorithm, Bytes encoded) {
  Fingerprint fingerprint{.algorithm = algorithm, .value = {}};
  if (algorithm == Algorithm::kMd5) fingerprint.value = ToText(Md5(encoded));
  if (algorithm == Algorithm::kSha1) fingerprint.value = ToText(Sha1(encoded));
  if (algorithm == Algorithm::kSha256) fingerprint.value = ToText(Sha256(encoded));
  return fingerprint;
}

HashOptions SubmissionOptions(Profile profile, bool local) {
  return {.limits = {},
          .mode = DecodeMode::kExact,
          .profile = profile,
          .all_orientations = false,
          .local_places = local ? static_cast<int>(kKnownKeypoints) : 0,
          .variants_budget_ns = std::numeric_limits<int64_t>::max()};
}

absl::StatusOr<Submission> SubmissionOf(Bytes encoded, Profile profile, const HashedImage& image) {
  VIGIE_RETURN_IF_ERROR(image.summary.rest);
  Submission submission;
  for (const HashedFrame& frame : image.frames) {
    submission.fingerprints.push_back(
        MakePdqFingerprint(frame.pdq.hashes[0], frame.pdq.quality, profile, DecodeMode::kExact));
  }
  submission.fingerprints.push_back(DigestOf(Algorithm::kSha256, encoded));
  submission.fingerprints.push_back(DigestOf(Algorithm::kMd5, encoded));
  if (image.local.keypoints.size() >= kMinInliers) submission.local = EncodeLocal(image.local);
  return submission;
}

}  // namespace vigie
