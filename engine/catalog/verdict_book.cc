#include "engine/catalog/verdict_book.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace vigie {
namespace {

// Pairs remembered as written down. When there are more, all are forgotten: writing one down again
// costs a commit and changes nothing.
constexpr size_t kMaxKnown = 1'000'000;

uint64_t ShortOf(const UploadId& upload) {
  uint64_t number = 0;
  std::memcpy(&number, upload.data(), sizeof(number));
  return number;
}

bool NamesAnEntry(const VerdictRecord& verdict) {
  return std::any_of(verdict.matches.begin(), verdict.matches.end(),
                     [](const VerdictMatch& match) { return match.action.has_value(); });
}

uint64_t PairOf(EntryNumber entry, uint32_t organisation) {
  return uint64_t{organisation} << 32 | entry;
}

}  // namespace

bool VerdictBook::IsKnown(const VerdictRecord& verdict) {
  const auto organisation = organisations_.find(verdict.organisation);
  if (organisation == organisations_.end()) return !NamesAnEntry(verdict);
  return std::all_of(verdict.matches.begin(), verdict.matches.end(), [&](const VerdictMatch& m) {
    return !m.action.has_value() || known_.contains(PairOf(m.entry, organisation->second));
  });
}

void VerdictBook::SetKnown(const VerdictRecord& verdict) {
  if (known_.size() >= kMaxKnown) known_.clear();
  const auto next = static_cast<uint32_t>(organisations_.size());
  const uint32_t organisation =
      organisations_.try_emplace(verdict.organisation, next).first->second;
  for (const VerdictMatch& match : verdict.matches) {
    if (match.action.has_value()) known_.insert(PairOf(match.entry, organisation));
  }
}

void VerdictBook::Note(VerdictRecord verdict, const UploadId& upload,
                       std::vector<VerdictRecord>* later) {
  int64_t weight = 1;
  if (verdict.outcome == Outcome::kNoMatch && verdict.matches.empty() &&
      options_.no_match_sample > 1) {
    weight = options_.no_match_sample;
    if (unsampled_.fetch_add(1) % static_cast<uint64_t>(weight) != 0) return;
  }
  {
    const std::lock_guard lock(mutex_);
    counts_[{verdict.time_us / kDayUs, verdict.organisation, verdict.outcome, verdict.action}] +=
        weight;
    if (verdict.matches.empty()) return;
    for (const VerdictMatch& match : verdict.matches) {
      if (match.action.has_value() && rates_.Note(match.entry, ShortOf(upload), verdict.time_us)) {
        to_suspend_.push_back(match.entry);
      }
    }
    if (IsKnown(verdict) && to_suspend_.empty()) {
      KeepPending(std::move(verdict));
      return;
    }
  }
  // Not among those that wait: another thread may be writing these just now, and the verdict would
  // be answered before it is durable.
  if (later != nullptr) {
    later->push_back(std::move(verdict));
    return;
  }
  std::vector<VerdictRecord> alone;
  alone.push_back(std::move(verdict));
  WriteNow(std::move(alone));
}

void VerdictBook::KeepPending(VerdictRecord verdict) {
  if (pending_.size() >= kMaxPending) {
    pending_.pop_front();
    ++dropped_;
  }
  pending_.push_back(std::move(verdict));
}

void VerdictBook::WriteNow(std::vector<VerdictRecord> verdicts) {
  VerdictBatch batch;
  batch.verdicts = std::move(verdicts);
  std::vector<EntryNumber> suspend;
  {
    const std::lock_guard lock(mutex_);
    suspend.swap(to_suspend_);
  }
  const absl::Status written = catalog_.RecordVerdicts(batch, suspend);
  const std::lock_guard lock(mutex_);
  if (written.ok()) {
    for (const VerdictRecord& verdict : batch.verdicts) SetKnown(verdict);
    return;
  }
  // Flush() tries again, and tells of the failure.
  to_suspend_.insert(to_suspend_.end(), suspend.begin(), suspend.end());
  for (VerdictRecord& verdict : batch.verdicts) KeepPending(std::move(verdict));
}

absl::Status VerdictBook::Write(bool counts) {
  VerdictBatch batch;
  std::vector<EntryNumber> suspend;
  {
    const std::lock_guard lock(mutex_);
    batch.verdicts.assign(std::make_move_iterator(pending_.begin()),
                          std::make_move_iterator(pending_.end()));
    pending_.clear();
    suspend.swap(to_suspend_);
    if (counts) {
      for (const auto& [key, checks] : counts_) {
        const auto& [day, organisation, outcome, action] = key;
        batch.counts.push_back({.day = day,
                                .organisation = organisation,
                                .outcome = outcome,
                                .action = action,
                                .checks = checks});
      }
      counts_.clear();
    }
  }
  if (batch.verdicts.empty() && batch.counts.empty() && suspend.empty()) return absl::OkStatus();
  const absl::Status written = catalog_.RecordVerdicts(batch, suspend);
  const std::lock_guard lock(mutex_);
  if (written.ok()) {
    for (const VerdictRecord& verdict : batch.verdicts) SetKnown(verdict);
    return written;
  }
  for (const CheckCount& count : batch.counts) {
    counts_[{count.day, count.organisation, count.outcome, count.action}] += count.checks;
  }
  to_suspend_.insert(to_suspend_.end(), suspend.begin(), suspend.end());
  for (auto verdict = batch.verdicts.rbegin(); verdict != batch.verdicts.rend(); ++verdict) {
    if (pending_.size() >= kMaxPending) {
      ++dropped_;
    } else {
      pending_.push_front(std::move(*verdict));
    }
  }
  return written;
}

absl::Status VerdictBook::Flush(bool all) {
  bool counts = all;
  {
    const std::lock_guard lock(mutex_);
    const TimeUs now = clock_.Now();
    counts = counts || now - counted_us_ >= kCountPauseUs;
    if (counts) counted_us_ = now;
  }
  return Write(counts);
}

}  // namespace vigie
