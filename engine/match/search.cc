// Pipeline: from the hashes of uploads to their verdicts.
#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "engine/match/pipeline.h"
#include "engine/match/queries.h"
#include "engine/policy/decide.h"

namespace vigie {
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

void Pipeline::AddMatch(const JoinedHit& hit, const CheckOptions& options, Queries& queries) const {
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
  queries.matches.push_back(std::move(match));
}

bool Pipeline::IsTimeLeft(const Queries& queries, const CheckOptions& options) const {
  return std::chrono::steady_clock::now() < queries.thorough_until &&
         clock_.Now() < options.deadline_us;
}

absl::Status Pipeline::SearchLocal(Queries& queries, const CheckOptions& options) const {
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
    queries.matches.push_back(std::move(match));
  }
  return absl::OkStatus();
}

absl::Status Pipeline::LookUp(std::span<const Pdq256> hashes, const CheckOptions& options,
                              absl::FunctionRef<void(const JoinedHit&)> take) const {
  int radius = catalog_.WidestDistance();
  if (options.max_distance.has_value()) radius = std::min(radius, *options.max_distance);
  if (radius < 0 || hashes.empty()) return absl::OkStatus();
  std::vector<JoinedHit> hits;
  VIGIE_ASSIGN_OR_RETURN(hits, catalog_.FindNear(hashes, radius));
  for (const JoinedHit& hit : hits) take(hit);
  return absl::OkStatus();
}

absl::Status Pipeline::SearchWholes(std::span<Queries> together,
                                    const CheckOptions& options) const {
  absl::InlinedVector<Pdq256, kTogether> hashes;
  absl::InlinedVector<size_t, kTogether> ends;  // in `hashes`, of each
  for (const Queries& queries : together) {
    hashes.insert(hashes.end(), queries.hashes.begin(),
                  queries.hashes.begin() + static_cast<ptrdiff_t>(queries.of_whole));
    ends.push_back(hashes.size());
  }
  return LookUp(hashes, options, [&](JoinedHit hit) {
    const auto which = static_cast<size_t>(
        std::upper_bound(ends.begin(), ends.end(), size_t{hit.query}) - ends.begin());
    if (which > 0) hit.query -= static_cast<uint32_t>(ends[which - 1]);
    AddMatch(hit, options, together[which]);
  });
}

absl::Status Pipeline::SearchParts(Queries& queries, const CheckOptions& options) const {
  // Parts that are looked up together, before the budget is looked at again.
  constexpr size_t kParts = 4;
  for (size_t i = 0; i < queries.variants.size(); i += kParts) {
    if (!IsTimeLeft(queries, options)) {
      queries.budget_ended = true;
      break;
    }
    const size_t next = std::min(i + kParts, queries.variants.size());
    const size_t begin = queries.variants[i];
    const size_t end =
        next < queries.variants.size() ? queries.variants[next] : queries.hashes.size();
    const auto part = std::span(queries.hashes).subspan(begin, end - begin);
    VIGIE_RETURN_IF_ERROR(LookUp(part, options, [&](JoinedHit hit) {
      hit.query += static_cast<uint32_t>(begin);
      AddMatch(hit, options, queries);
    }));
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

void Pipeline::Begin(const CheckOptions& options, Queries& queries) const {
  if (clock_.Now() >= options.deadline_us) {
    queries.hashes.clear();
    queries.of_whole = 0;
    queries.variants.clear();
    queries.local = {};
    queries.digests.clear();
    queries.Obstruct(NotScanned::kDeadline, "the deadline passed before the picture was looked up");
  }
  queries.revision = RevisionFor(queries);
  queries.thorough_until =
      std::chrono::steady_clock::now() + std::chrono::microseconds(queries.thorough_us);
}

absl::Status Pipeline::Search(std::span<Queries> together, const CheckOptions& options,
                              std::span<Verdict> verdicts) const {
  for (Queries& queries : together) Begin(options, queries);
  StepTimer timer(options.times);
  VIGIE_RETURN_IF_ERROR(SearchWholes(together, options));
  for (Queries& queries : together) {
    VIGIE_RETURN_IF_ERROR(SearchParts(queries, options));
    VIGIE_RETURN_IF_ERROR(SearchLocal(queries, options));
    for (const Fingerprint& digest : queries.digests) {
      for (const JoinedHit& hit : catalog_.FindCopies(digest.algorithm, digest.value)) {
        AddMatch(hit, options, queries);
      }
    }
  }
  timer.End(&CheckTimes::search_ns);
  for (size_t i = 0; i < together.size(); ++i) verdicts[i] = Conclude(together[i], options);
  timer.End(&CheckTimes::decide_ns);
  return absl::OkStatus();
}

Verdict Pipeline::Conclude(Queries& queries, const CheckOptions& options) const {
  UploadId upload{};
  if (!queries.matches.empty()) {
    upload = catalog_.UploadIdOf(queries.Values());
    for (Match& match : queries.matches) {
      match.released = catalog_.IsReleased(match.entry, options.organisation, upload);
    }
  }
  const std::shared_ptr<const Policy> policy = options.policy ? options.policy : this->policy();
  Verdict verdict =
      Decide(std::move(queries.matches), *policy, options.organisation, options.max_matches);
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
  verdict.revision = queries.revision;
  if (verdict.outcome == Outcome::kMatch) {
    verdict.upload = catalog_.SealUpload(options.organisation, upload);
  }
  Note(verdict, upload, options);
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
