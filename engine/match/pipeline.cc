#include "engine/match/pipeline.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/hash/pdq.h"
#include "engine/policy/decide.h"

namespace vigie {

// What is known of the upload, and if something prevented a look at it, what.
struct Pipeline::Queries {
  std::vector<Pdq256> hashes;
  std::vector<Orientation> orientations;  // of hashes[i]
  int quality = 0;
  std::vector<Fingerprint> digests;
  // Set when finding nothing would not mean that nothing is there.
  std::optional<NotScanned> obstacle;
  std::string detail;

  void Obstruct(NotScanned reason, std::string_view why) {
    obstacle = reason;
    detail = std::string(why);
  }
};

namespace {

PdqScratch& ThreadScratch() {
  static thread_local PdqScratch scratch;
  return scratch;
}

std::string ToText(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Fingerprint DigestOf(Algorithm algorithm, Bytes encoded) {
  Fingerprint fingerprint{.algorithm = algorithm, .value = {}};
  if (algorithm == Algorithm::kMd5) fingerprint.value = ToText(Md5(encoded));
  if (algorithm == Algorithm::kSha1) fingerprint.value = ToText(Sha1(encoded));
  if (algorithm == Algorithm::kSha256) fingerprint.value = ToText(Sha256(encoded));
  return fingerprint;
}

NotScanned ObstacleOf(const absl::Status& decode_error) {
  const std::string reason = ReasonOf(decode_error);
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
  // Digests first: an exact copy is found even when the picture cannot be decoded.
  for (const Algorithm algorithm : {Algorithm::kMd5, Algorithm::kSha1, Algorithm::kSha256}) {
    if (catalog_.HasCopiesBy(algorithm)) queries.digests.push_back(DigestOf(algorithm, encoded));
  }
  // Decoding is most of the cost: a caller who is gone is not decoded for.
  if (clock_.Now() >= options.deadline_us) return Search(queries, options);
  const auto image = DecodeImage(encoded, options_.limits, options_.check_mode);
  if (!image.ok()) {
    queries.Obstruct(ObstacleOf(image.status()), MessageOf(image.status()));
    return Search(queries, options);
  }
  const PdqOrientations pdq =
      ComputePdqOrientations(image->pixels, Profile::kReference, ThreadScratch());
  queries.quality = pdq.quality;
  if (!image->complete) {
    queries.Obstruct(NotScanned::kCorrupt, "the picture is cut off before its end");
  }
  if (pdq.quality < options_.min_quality) {
    // What is cut off has few features for that reason: the cause is the answer.
    if (image->complete) {
      queries.Obstruct(NotScanned::kFeatureless, Featureless(pdq.quality, options_.min_quality));
    }
    return Search(queries, options);
  }
  const int orientations = options.all_orientations ? kOrientations : 1;
  for (int i = 0; i < orientations; ++i) {
    queries.hashes.push_back(pdq.hashes[static_cast<size_t>(i)]);
    queries.orientations.push_back(static_cast<Orientation>(i));
  }
  return Search(queries, options);
}

absl::StatusOr<Verdict> Pipeline::CheckFingerprints(std::span<const QueryFingerprint> fingerprints,
                                                    const CheckOptions& options) const {
  VIGIE_RETURN_IF_ERROR(CheckRequest(options));
  if (fingerprints.empty() || fingerprints.size() > kMaxFingerprints) {
    return Error(absl::StatusCode::kInvalidArgument, "HASH_MALFORMED",
                 absl::StrCat("send 1 to ", kMaxFingerprints, " fingerprints of a picture"));
  }
  Queries queries;
  for (const QueryFingerprint& query : fingerprints) {
    VIGIE_RETURN_IF_ERROR(Validate(query.fingerprint));
    if (query.fingerprint.algorithm != Algorithm::kPdq) {
      queries.digests.push_back(query.fingerprint);
      continue;
    }
    queries.quality = std::max(queries.quality, query.fingerprint.quality);
    if (query.fingerprint.quality < options_.min_quality) continue;
    queries.hashes.push_back(PdqOf(query.fingerprint));
    queries.orientations.push_back(query.orientation);
  }
  // Digests alone are answered for what they are: exact copies. A PDQ under the floor is not.
  if (queries.hashes.empty() && queries.digests.size() < fingerprints.size()) {
    queries.Obstruct(NotScanned::kFeatureless, Featureless(queries.quality, options_.min_quality));
  }
  return Search(queries, options);
}

absl::StatusOr<std::vector<Fingerprint>> Pipeline::Hash(Bytes encoded, Profile profile) const {
  DecodedImage image;
  VIGIE_ASSIGN_OR_RETURN(image, DecodeImage(encoded, options_.limits, DecodeMode::kExact));
  if (!image.complete) {
    return Error(absl::StatusCode::kInvalidArgument, "IMAGE_CORRUPT",
                 "the picture is cut off before its end");
  }
  const PdqResult pdq = ComputePdq(image.pixels, profile, ThreadScratch());
  return std::vector<Fingerprint>{
      MakePdqFingerprint(pdq.hash, pdq.quality, profile, DecodeMode::kExact),
      DigestOf(Algorithm::kSha256, encoded), DigestOf(Algorithm::kMd5, encoded)};
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

void Pipeline::AddMatch(const JoinedHit& hit, const Queries& queries, const CheckOptions& options,
                        std::vector<Match>* matches) const {
  const bool perceptual = hit.row.algorithm == Algorithm::kPdq;
  int threshold = perceptual ? hit.list->max_distance : 0;
  if (options.max_distance.has_value()) threshold = std::min(threshold, *options.max_distance);
  const bool consulted =
      ActsFor(*hit.list, options.organisation) &&
      (options.lists.empty() ||
       std::find(options.lists.begin(), options.lists.end(), hit.list->id) != options.lists.end());
  if (!consulted || hit.distance > threshold) return;
  Match match;
  match.entry = hit.row.entry;
  match.list_id = hit.list->id;
  match.kind = hit.list->kind;
  match.category = hit.list->category;
  match.state = hit.entry.state;
  match.court_basis = hit.entry.court_basis;
  match.expires_us = hit.entry.state == EntryState::kProvisional ? hit.entry.expires_us : 0;
  match.list_action = hit.list->action;
  match.algorithm = hit.row.algorithm;
  match.fingerprint = hit.row.position;
  match.distance = hit.distance;
  match.threshold = threshold;
  match.orientation = perceptual ? queries.orientations[hit.query] : Orientation::kOriginal;
  match.upload_quality = queries.quality;
  match.entry_quality = hit.row.quality;
  matches->push_back(std::move(match));
}

absl::StatusOr<Verdict> Pipeline::Search(Queries& queries, const CheckOptions& options) const {
  if (clock_.Now() >= options.deadline_us) {
    queries.hashes.clear();
    queries.digests.clear();
    queries.Obstruct(NotScanned::kDeadline, "the deadline passed before the picture was looked up");
  }
  // Read before searching: the search sees at least this state.
  const Revision revision = catalog_.revision();
  std::vector<Match> matches;
  int radius = catalog_.WidestDistance();
  if (options.max_distance.has_value()) radius = std::min(radius, *options.max_distance);
  if (radius >= 0 && !queries.hashes.empty()) {
    std::vector<JoinedHit> hits;
    VIGIE_ASSIGN_OR_RETURN(hits, catalog_.FindNear(queries.hashes, radius));
    for (const JoinedHit& hit : hits) AddMatch(hit, queries, options, &matches);
  }
  for (const Fingerprint& digest : queries.digests) {
    for (const JoinedHit& hit : catalog_.FindCopies(digest.algorithm, digest.value)) {
      AddMatch(hit, queries, options, &matches);
    }
  }
  Verdict verdict = Decide(std::move(matches), options.max_matches);
  if (verdict.outcome == Outcome::kNoMatch && queries.obstacle.has_value() &&
      verdict.basis != Basis::kAllowListed) {
    verdict.outcome = Outcome::kNotScanned;
    verdict.not_scanned = *queries.obstacle;
    verdict.detail = queries.detail;
  }
  verdict.upload_quality = queries.quality;
  verdict.revision = revision;
  return verdict;
}

}  // namespace vigie
