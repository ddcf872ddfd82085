#include "engine/match/pipeline.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/match/submission.h"
#include "engine/policy/decide.h"

namespace vigie {

// What is known of the upload, and if something prevented a look at it, what.
struct Pipeline::Queries {
  // Where a hash comes from.
  struct Origin {
    Orientation orientation = Orientation::kOriginal;
    int quality = 0;
    std::optional<int> frame;  // of an animation
    std::optional<Variant> variant;
  };

  // Left out, because nothing could be found by them at `begun`, a state before.
  std::vector<Algorithm> digests_left_out;
  bool places_left_out = false;
  Revision begun = 0;
  std::vector<Pdq256> hashes;
  std::vector<Origin> origins;  // of hashes[i]
  size_t of_whole = 0;          // how many of them are, the first; the others are of parts
  Effort effort = Effort::kFast;
  std::vector<size_t> variants;  // where the hashes of each part begin
  int variants_looked_up = 0;
  LocalFingerprint local;
  int local_frame = 0;
  FrameSummary summary;
  int places_looked_up = 0;
  TimeUs thorough_us = 0;  // what is left for parts and places
  std::chrono::steady_clock::time_point thorough_until;
  bool budget_ended = false;
  int quality = 0;         // the best
  int frames_decoded = 0;  // of an animation
  int frames_looked_up = 0;
  std::vector<Fingerprint> digests;
  std::string name;  // of an upload that may be found without any of these: a digest of it
  // Set when finding nothing would not mean that nothing is there.
  std::optional<NotScanned> obstacle;
  std::string detail;

  // What tells this upload from others: its hashes as it was sent, or else what there is.
  std::string Values() const {
    std::string values;
    const size_t most = of_whole > 0 ? of_whole : hashes.size();
    for (const bool original : {true, false}) {
      if (!values.empty()) break;
      for (size_t i = 0; i < most; ++i) {
        if (original && origins[i].orientation != Orientation::kOriginal) continue;
        values.append(reinterpret_cast<const char*>(hashes[i].bytes.data()),
                      hashes[i].bytes.size());
      }
    }
    if (!hashes.empty()) return values;
    for (const Fingerprint& digest : digests) values += digest.value;
    return values + name;
  }

  void Obstruct(NotScanned reason, std::string_view why) {
    obstacle = reason;
    detail = std::string(why);
  }
};

namespace {

// Adds the times of a check's steps, one after the other, to its times.
class StepTimer {
 public:
  explicit StepTimer(CheckTimes* times) : times_(times) {
    if (times_ != nullptr) begin_ = std::chrono::steady_clock::now();
  }

  // The end of a step, and the beginning of the next.
  void End(int64_t CheckTimes::*step) {
    if (times_ == nullptr) return;
    const auto now = std::chrono::steady_clock::now();
    times_->*step += std::chrono::duration_cast<std::chrono::nanoseconds>(now - begin_).count();
    begin_ = now;
  }

 private:
  CheckTimes* times_;
  std::chrono::steady_clock::time_point begin_;
};

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

bool IsConsulted(const ListRecord& list, const CheckOptions& options) {
  return ActsFor(list, options.organisation) &&
         (options.lists.empty() ||
          std::find(options.lists.begin(), options.lists.end(), list.id) != options.lists.end());
}

// What is known of the entry.
Match MatchWith(EntryNumber number, const EntryFacts& entry, const ListRecord& list) {
  Match match;
  match.entry = number;
  match.list_id = list.id;
  match.kind = list.kind;
  match.category = list.category;
  match.state = entry.state;
  match.court_basis = entry.court_basis;
  match.expires_us = entry.state == EntryState::kProvisional ? entry.expires_us : 0;
  match.list_action = list.action;
  match.list = list.number;
  match.suspension = entry.suspension;
  return match;
}

// `local` is that of an upload of `width` pixels, which were reduced.
LocalEvidence EvidenceOf(const LocalMatch& found, const LocalFingerprint& local, int width) {
  const Alignment& alignment = found.evidence;
  LocalEvidence evidence{.inliers = alignment.inliers,
                         .known_share = alignment.known_share,
                         .upload_share = alignment.upload_share,
                         .mirrored = found.mirrored};
  const double scale = static_cast<double>(width) / local.width;
  for (size_t i = 0; i < evidence.corners.size(); ++i) {
    const double x = i == 1 || i == 2 ? found.width : 0;
    const double y = i >= 2 ? found.height : 0;
    const AffineMap& map = alignment.map;
    const double across = map.a * x + map.b * y + map.c;
    evidence.corners[i] = {scale * (found.mirrored ? local.width - across : across),
                           scale * (map.d * x + map.e * y + map.f)};
  }
  return evidence;
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
  if (clock_.Now() >= options.deadline_us) return Search(queries, options);
  AddHashes(encoded, options, queries);
  if (queries.hashes.empty() && !queries.local.keypoints.empty()) {
    queries.name = DigestOf(Algorithm::kSha256, encoded).value;
  }
  return Search(queries, options);
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
  return Search(queries, options);
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

void Pipeline::AddMatch(const JoinedHit& hit, const Queries& queries, const CheckOptions& options,
                        std::vector<Match>* matches) const {
  const bool perceptual = hit.row.algorithm == Algorithm::kPdq;
  int threshold = perceptual ? hit.list->max_distance : 0;
  if (options.max_distance.has_value()) threshold = std::min(threshold, *options.max_distance);
  const std::optional<Variant> variant =
      perceptual ? queries.origins[hit.query].variant : std::nullopt;
  // A harmless picture beside another one does not make that harmless.
  if (variant.has_value() && (hit.list->kind == ListKind::kAllow || !hit.list->parts)) return;
  if (!IsConsulted(*hit.list, options) || hit.distance > threshold) return;
  Match match = MatchWith(hit.row.entry, hit.entry, *hit.list);
  match.algorithm = hit.row.algorithm;
  match.fingerprint = hit.row.position;
  match.distance = hit.distance;
  match.threshold = threshold;
  match.upload_quality = queries.quality;
  if (perceptual) {
    const Queries::Origin& origin = queries.origins[hit.query];
    match.orientation = origin.orientation;
    match.upload_quality = origin.quality;
    match.frame = origin.frame;
    match.variant = variant;
  }
  match.entry_quality = hit.row.quality;
  matches->push_back(std::move(match));
}

bool Pipeline::IsTimeLeft(const Queries& queries, const CheckOptions& options) const {
  return std::chrono::steady_clock::now() < queries.thorough_until &&
         clock_.Now() < options.deadline_us;
}

absl::Status Pipeline::SearchLocal(Queries& queries, const CheckOptions& options,
                                   std::vector<Match>* matches) const {
  if (queries.local.keypoints.empty()) return absl::OkStatus();
  LocalFound found;
  VIGIE_ASSIGN_OR_RETURN(
      found, catalog_.FindLocal(
                 queries.local, [&](const ListRecord& list) { return IsConsulted(list, options); },
                 [&] { return IsTimeLeft(queries, options); }));
  queries.budget_ended = queries.budget_ended || !found.complete;
  queries.places_looked_up = static_cast<int>(found.places);
  for (const JoinedLocal& joined : found.matches) {
    Match match = MatchWith(joined.match.entry, joined.entry, *joined.list);
    match.algorithm = Algorithm::kLocal;
    match.local = EvidenceOf(joined.match, queries.local, queries.summary.width);
    match.upload_quality = queries.quality;
    if (queries.summary.animated) match.frame = queries.local_frame;
    matches->push_back(std::move(match));
  }
  return absl::OkStatus();
}

absl::Status Pipeline::SearchNear(Queries& queries, const CheckOptions& options,
                                  std::vector<Match>* matches) const {
  // Parts that are looked up together, before the budget is looked at again.
  constexpr size_t kTogether = 4;
  int radius = catalog_.WidestDistance();
  if (options.max_distance.has_value()) radius = std::min(radius, *options.max_distance);
  if (radius < 0 || queries.hashes.empty()) return absl::OkStatus();
  const auto look_up = [&](size_t begin, size_t end) -> absl::Status {
    if (begin == end) return absl::OkStatus();
    std::vector<JoinedHit> hits;
    VIGIE_ASSIGN_OR_RETURN(
        hits, catalog_.FindNear(std::span(queries.hashes).subspan(begin, end - begin), radius));
    for (JoinedHit& hit : hits) {
      hit.query += static_cast<uint32_t>(begin);
      AddMatch(hit, queries, options, matches);
    }
    return absl::OkStatus();
  };
  VIGIE_RETURN_IF_ERROR(look_up(0, queries.of_whole));
  for (size_t i = 0; i < queries.variants.size(); i += kTogether) {
    if (!IsTimeLeft(queries, options)) {
      queries.budget_ended = true;
      break;
    }
    const size_t next = std::min(i + kTogether, queries.variants.size());
    const size_t end =
        next < queries.variants.size() ? queries.variants[next] : queries.hashes.size();
    VIGIE_RETURN_IF_ERROR(look_up(queries.variants[i], end));
    queries.variants_looked_up = static_cast<int>(next);
  }
  return absl::OkStatus();
}

// Read before searching: the search sees at least this state, unless something was left out that
// could be found by then.
Revision Pipeline::RevisionFor(const Queries& queries) const {
  const Revision revision = catalog_.revision();
  const bool too_early =
      (queries.places_left_out && catalog_.local_stats().pictures > 0) ||
      std::any_of(queries.digests_left_out.begin(), queries.digests_left_out.end(),
                  [this](Algorithm algorithm) { return catalog_.HasCopiesBy(algorithm); });
  return too_early ? queries.begun : revision;
}

absl::StatusOr<Verdict> Pipeline::Search(Queries& queries, const CheckOptions& options) const {
  if (clock_.Now() >= options.deadline_us) {
    queries.hashes.clear();
    queries.of_whole = 0;
    queries.variants.clear();
    queries.local = {};
    queries.digests.clear();
    queries.Obstruct(NotScanned::kDeadline, "the deadline passed before the picture was looked up");
  }
  const Revision revision = RevisionFor(queries);
  std::vector<Match> matches;
  StepTimer timer(options.times);
  queries.thorough_until =
      std::chrono::steady_clock::now() + std::chrono::microseconds(queries.thorough_us);
  VIGIE_RETURN_IF_ERROR(SearchNear(queries, options, &matches));
  VIGIE_RETURN_IF_ERROR(SearchLocal(queries, options, &matches));
  for (const Fingerprint& digest : queries.digests) {
    for (const JoinedHit& hit : catalog_.FindCopies(digest.algorithm, digest.value)) {
      AddMatch(hit, queries, options, &matches);
    }
  }
  timer.End(&CheckTimes::search_ns);
  UploadId upload{};
  if (!matches.empty()) {
    upload = catalog_.UploadIdOf(queries.Values());
    for (Match& match : matches) {
      match.released = catalog_.IsReleased(match.entry, options.organisation, upload);
    }
  }
  const std::shared_ptr<const Policy> policy = options.policy ? options.policy : this->policy();
  Verdict verdict = Decide(std::move(matches), *policy, options.organisation, options.max_matches);
  if (verdict.outcome == Outcome::kNoMatch && queries.obstacle.has_value() &&
      verdict.basis != Basis::kAllowListed) {
    verdict.outcome = Outcome::kNotScanned;
    verdict.not_scanned = *queries.obstacle;
    verdict.detail = queries.detail;
  }
  verdict.upload_quality = queries.quality;
  verdict.frames_decoded = queries.frames_decoded;
  verdict.frames_looked_up = queries.frames_looked_up;
  verdict.effort = queries.effort;
  verdict.variants_looked_up = queries.variants_looked_up;
  verdict.places_looked_up = queries.places_looked_up;
  verdict.budget_ended = queries.budget_ended;
  verdict.revision = revision;
  if (verdict.outcome == Outcome::kMatch) {
    verdict.upload = catalog_.SealUpload(options.organisation, upload);
  }
  Note(verdict, upload, options);
  timer.End(&CheckTimes::decide_ns);
  return verdict;
}

void Pipeline::Note(const Verdict& verdict, const UploadId& upload,
                    const CheckOptions& options) const {
  if (book_ == nullptr) return;
  VerdictRecord record{.time_us = clock_.Now(),
                       .organisation = options.organisation,
                       .key_id = options.key_id,
                       .outcome = verdict.outcome,
                       .action = std::nullopt,
                       .revision = verdict.revision,
                       .matches = {}};
  if (verdict.outcome == Outcome::kMatch) record.action = verdict.action;
  const auto add = [&record, &verdict](const Match& match, std::optional<Action> action) {
    if (record.matches.size() >= std::max(kKeptMatches, verdict.matches.size())) return;
    record.matches.push_back({.entry = match.entry,
                              .list = match.list,
                              .state = match.state,
                              .court_basis = match.court_basis,
                              .suspension = match.suspension,
                              .released = match.released,
                              .algorithm = match.algorithm,
                              .distance = match.distance,
                              .partial = match.IsPartial(),
                              .action = action});
  };
  for (const Match& match : verdict.matches) add(match, match.action);
  // What else was near, for trying other policies on it.
  if (verdict.allowed_by.has_value()) add(*verdict.allowed_by, std::nullopt);
  for (const Match& match : verdict.set_aside) add(match, std::nullopt);
  book_->Note(std::move(record), upload, options.to_write_down);
}

void Pipeline::WriteDown(std::vector<VerdictRecord> verdicts) const {
  if (book_ != nullptr && !verdicts.empty()) book_->WriteNow(std::move(verdicts));
}

}  // namespace vigie
