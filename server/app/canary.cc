#include "server/app/canary.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/catalog/canary.h"
#include "server/app/canary_picture.h"

namespace vigie {
namespace {

constexpr auto kAgain = std::chrono::seconds(1);
// A decoder that is busy so long has no place for the canary: that is load, not a fault.
constexpr TimeUs kPatienceUs = 60 * kSecondUs;
constexpr int kFailuresToReport = 2;
// What is compared one by one a round: some 10 ms.
constexpr size_t kScannedRows = 1'000'000;

PipelineOptions OptionsOf(PipelineOptions options) {
  // The picture is looked at whatever uploads must have.
  options.limits = DecodeLimits{};
  options.min_quality = 0;
  return options;
}

absl::Status Failed(std::string_view why) {
  return Error(absl::StatusCode::kInternal, "CANARY_FAILED",
               absl::StrCat("the server did not find its own picture: ", ToAbsl(why)));
}

absl::Status NoResult(std::string_view why) {
  return absl::UnavailableError(absl::StrCat("the canary came to no result: ", ToAbsl(why)));
}

bool IsNoResult(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable;
}

}  // namespace

Canary::Canary(Catalog& catalog, const Clock& clock, const ImageHasher* hasher,
               const PipelineOptions& options, std::chrono::milliseconds interval, Report report)
    : catalog_(catalog),
      clock_(clock),
      pipeline_(catalog, clock, OptionsOf(options), /*book=*/nullptr, hasher),
      interval_(interval),
      report_(std::move(report)),
      picture_(CanaryPicture()),
      last_pass_(std::chrono::steady_clock::now()) {
  counts_.enabled = counts_.passing = true;
}

Canary::~Canary() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Canary::Start() {
  thread_ = std::thread([this] { RunUntilStopped(); });
}

CanaryCounts Canary::counts() const {
  const std::lock_guard lock(mutex_);
  CanaryCounts counts = counts_;
  counts.age_s =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - last_pass_).count();
  return counts;
}

void Canary::RunUntilStopped() {
  while (true) {
    const auto begin = std::chrono::steady_clock::now();
    const absl::Status status = Check();
    Note(status, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    std::unique_lock lock(mutex_);
    const auto pause =
        failures_ > 0 ? std::min<std::chrono::milliseconds>(interval_, kAgain) : interval_;
    if (stop_.wait_for(lock, pause, [this] { return stopping_; })) return;
  }
}

absl::Status Canary::Check() {
  VIGIE_RETURN_IF_ERROR(Prepare());
  VIGIE_RETURN_IF_ERROR(CheckPicture());
  if (failures_ == 0) {
    std::uniform_real_distribution<double> share(0, 1);
    entry_ = share(random_);
    rows_ = share(random_);
  }
  const absl::Status sample = catalog_.CheckSample(entry_, rows_, kScannedRows);
  // A database that cannot be read costs no check.
  const bool wrong = ReasonOf(sample) == "INDEX_INCOMPLETE" ||
                     ReasonOf(sample) == "INDEX_DISAGREES" || ReasonOf(sample) == "INDEX_FAILED";
  return sample.ok() || wrong ? sample : NoResult(MessageOf(sample));
}

absl::Status Canary::Prepare() {
  if (prepared_) return absl::OkStatus();
  const auto submission = pipeline_.Hash(AsBytes(picture_), Profile::kReference, /*local=*/false);
  if (!submission.ok()) return Failed(MessageOf(submission.status()));
  const std::vector<Fingerprint>& fingerprints = submission->fingerprints;
  // The perceptual one alone: with a digest every upload's would be computed.
  const auto pdq = std::find_if(fingerprints.begin(), fingerprints.end(),
                                [](const auto& one) { return one.algorithm == Algorithm::kPdq; });
  if (pdq == fingerprints.end()) return Failed("it has no fingerprint");
  // A disk that is full or fails is no reason to stop answering.
  if (const absl::Status set = catalog_.SetCanary(*pdq); !set.ok()) {
    return NoResult(MessageOf(set));
  }
  prepared_ = true;
  return absl::OkStatus();
}

absl::Status Canary::CheckPicture() {
  CheckOptions options;
  options.organisation = std::string(kServerOrganisation);
  options.lists = {std::string(kCanaryList)};
  options.deadline_us = clock_.Now() + kPatienceUs;
  const auto verdict = pipeline_.CheckImage(AsBytes(picture_), options);
  if (!verdict.ok()) return Failed(MessageOf(verdict.status()));
  if (verdict->outcome == Outcome::kNotScanned) {
    return verdict->not_scanned == NotScanned::kDeadline
               ? NoResult(verdict->detail)
               : Failed(absl::StrCat(ToAbsl(Name(verdict->not_scanned)), ": ", verdict->detail));
  }
  if (verdict->outcome != Outcome::kMatch || verdict->matches.size() != 1) {
    return Failed("it is not known");
  }
  if (verdict->action != Action::kReportOnly) return Failed("it was decided otherwise");
  const std::lock_guard lock(mutex_);
  counts_.distance = verdict->matches.front().distance;
  return absl::OkStatus();
}

void Canary::Note(const absl::Status& status, double took_s) {
  bool reported = false;
  {
    const std::lock_guard lock(mutex_);
    counts_.took_s = took_s;
    if (IsNoResult(status)) {
      ++counts_.skipped;
    } else if (status.ok()) {
      ++counts_.passed;
      last_pass_ = std::chrono::steady_clock::now();
      reported = !counts_.passing;
      counts_.passing = true;
      failures_ = 0;
    } else {
      ++counts_.failed;
      reported = ++failures_ == kFailuresToReport;
      counts_.passing = failures_ < kFailuresToReport;
    }
  }
  if (status.ok()) {
    if (reported) spdlog::info("the canary is found again");
  } else if (IsNoResult(status) || !reported) {
    spdlog::warn("canary: {}", MessageOf(status));
  } else {
    spdlog::error("canary, again: {}", MessageOf(status));
  }
  if (reported) report_(status);
}

}  // namespace vigie
