#include "engine/index/mih_probe.h"

#include <algorithm>
#include <array>
#include <bit>

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/index/mih_probe.cc"
#include "hwy/foreach_target.h"
#include "hwy/cache_control.h"
#include "hwy/highway.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace vigie {
namespace HWY_NAMESPACE {
namespace {

// A row that shares a bucket with a query, on its way from memory.
struct Candidate {
  uint32_t row;
  uint32_t query;
  uint32_t probe;
};

class Prober {
 public:
  HWY_INLINE Prober(const ProbeTask& task, std::span<const Pdq256> queries,
                    std::vector<RangeHit>* hits)
      : task_(task), hits_(hits), candidates_of_(queries.size(), 0) {
    queries_.reserve(queries.size());
    for (const Pdq256& query : queries) queries_.push_back(WordsOf(query));
    size_t most = 0;
    for (const TableProbe& probe : task.probes) most = std::max(most, probe.flips.size());
    ranges_.resize(most);
  }

  // Table by table, and in each query by query: the lookups of the next step are under way while
  // the rows of this one are gathered and those of the one before are compared.
  HWY_INLINE void Run(std::vector<uint32_t>* given_up) {
    const size_t steps = task_.probes.size() * queries_.size();
    if (steps > 0) PrefetchStarts(0);
    for (size_t step = 0; step < steps; ++step) {
      if (step + 1 < steps) PrefetchStarts(step + 1);
      Gather(step);
    }
    while (done_ < begun_) Compare(pending_[done_++ % kPending]);
    for (size_t q = 0; q < queries_.size(); ++q) {
      if (candidates_of_[q] > task_.max_candidates) given_up->push_back(static_cast<uint32_t>(q));
    }
  }

 private:
  // Rows asked for and not yet compared: enough to cover a miss, few enough to stay in cache.
  static constexpr size_t kPending = 128;
  static constexpr size_t kAhead = 64;

  HWY_INLINE uint32_t KeyOf(size_t step) const {
    const SubstringTable& table = *task_.probes[step / queries_.size()].table;
    return SubstringOf(queries_[step % queries_.size()], table.first_bit, table.bits);
  }

  HWY_INLINE void PrefetchStarts(size_t step) const {
    const TableProbe& probe = task_.probes[step / queries_.size()];
    const uint32_t key = KeyOf(step);
    const uint32_t* starts = probe.table->starts.data();
    for (const uint32_t flip : probe.flips) hwy::Prefetch(starts + (key ^ flip));
  }

  HWY_INLINE void Gather(size_t step) {
    const auto query = static_cast<uint32_t>(step % queries_.size());
    const auto number = static_cast<uint32_t>(step / queries_.size());
    const TableProbe& probe = task_.probes[number];
    const uint32_t key = KeyOf(step);
    const uint32_t* starts = probe.table->starts.data();
    const uint32_t* ids = probe.table->ids.data();
    if (candidates_of_[query] > task_.max_candidates) return;
    size_t count = 0;
    size_t rows = 0;
    for (const uint32_t flip : probe.flips) {
      const uint32_t begin = starts[key ^ flip];
      const uint32_t end = starts[(key ^ flip) + 1];
      ranges_[count] = {begin, end};
      hwy::Prefetch(ids + begin);
      count += end != begin;  // without a branch: which buckets are empty cannot be predicted
      rows += end - begin;
    }
    candidates_of_[query] += rows;
    if (candidates_of_[query] > task_.max_candidates) return;
    for (size_t i = 0; i < count; ++i) {
      for (uint32_t at = ranges_[i].begin; at < ranges_[i].end; ++at) {
        const uint32_t row = ids[at];
        hwy::Prefetch(task_.codes + row);
        pending_[begun_++ % kPending] = {row, query, number};
        if (begun_ - done_ > kAhead) Compare(pending_[done_++ % kPending]);
      }
    }
  }

  HWY_INLINE void Compare(const Candidate& candidate) {
    const CodeWords row = WordsOf(task_.codes[candidate.row]);
    const CodeWords& query = queries_[candidate.query];
    const int half = std::popcount(row[0] ^ query[0]) + std::popcount(row[1] ^ query[1]);
    if (HWY_LIKELY(half > task_.max_distance)) return;
    const int distance = half + std::popcount(row[2] ^ query[2]) + std::popcount(row[3] ^ query[3]);
    if (distance > task_.max_distance) return;
    // A row is an answer once: of the first table that leads to it.
    for (uint32_t earlier = 0; earlier < candidate.probe; ++earlier) {
      const TableProbe& probe = task_.probes[earlier];
      const uint32_t difference = SubstringOf(row, probe.table->first_bit, probe.table->bits) ^
                                  SubstringOf(query, probe.table->first_bit, probe.table->bits);
      if (std::popcount(difference) <= probe.threshold) return;
    }
    hits_->push_back({.query = candidate.query,
                      .position = static_cast<int64_t>(candidate.row),
                      .distance = distance});
  }

  struct Range {
    uint32_t begin;
    uint32_t end;
  };

  const ProbeTask& task_;
  std::vector<RangeHit>* hits_;
  std::vector<CodeWords> queries_;
  std::vector<size_t> candidates_of_;  // by query
  std::vector<Range> ranges_;
  std::array<Candidate, kPending> pending_;
  size_t begun_ = 0;
  size_t done_ = 0;
};

void Probe(const ProbeTask& task, const Pdq256* queries, size_t count, std::vector<RangeHit>* hits,
           std::vector<uint32_t>* given_up) {
  Prober(task, {queries, count}, hits).Run(given_up);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace vigie
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vigie {

HWY_EXPORT(Probe);

void ProbeTables(const ProbeTask& task, std::span<const Pdq256> queries,
                 std::vector<RangeHit>* hits, std::vector<uint32_t>* given_up) {
  HWY_DYNAMIC_DISPATCH(Probe)(task, queries.data(), queries.size(), hits, given_up);
}

}  // namespace vigie
#endif
