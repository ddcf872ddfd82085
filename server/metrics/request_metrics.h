// Counts calls, verdicts and commits as they happen, and reads the counts as families.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "engine/catalog/commit_queue.h"
#include "server/metrics/families.h"
#include "server/metrics/histogram.h"
#include "server/rpc/call_observer.h"

namespace vigie {

// Thread-safe, without locks.
class RequestMetrics final : public CallObserver {
 public:
  RequestMetrics();

  void OnCall(Method method, absl::StatusCode code, std::string_view reason,
              TimeUs took_us) override;
  void OnVerdict(const Verdict& verdict, const CheckTimes& times) override;
  void OnCommit(const CommitFacts& commit);

  void Collect(Families& families) const;

 private:
  using Count = std::atomic<uint64_t>;
  static constexpr size_t kCodes = 17;  // of gRPC and Abseil, 0 to 16
  static constexpr size_t kOutcomes = static_cast<size_t>(Outcome::kNotScanned) + 1;
  static constexpr size_t kReasons = static_cast<size_t>(NotScanned::kDecoderFailed) + 1;
  static constexpr size_t kActions = static_cast<size_t>(Action::kBlock) + 1;
  static constexpr size_t kCategories = static_cast<size_t>(Category::kOther) + 1;

  void CollectCalls(Families& families) const;
  void CollectVerdicts(Families& families) const;
  void CollectCommits(Families& families) const;

  std::array<std::array<Count, kCodes>, kMethods> calls_{};
  std::array<Histogram, kMethods> call_times_;
  std::array<Histogram, 4> step_times_;
  std::array<Count, kOutcomes> outcomes_{};
  std::array<Count, kReasons> not_scanned_{};
  std::array<std::array<Count, kCategories>, kActions> matches_{};
  Histogram commit_times_;
  Histogram commit_sizes_;
  Count commits_failed_{0};
};

}  // namespace vigie
