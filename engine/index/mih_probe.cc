#include "engine/index/mih_probe.h"

#include <algorithm>
#include <array>
#include <bit>
#include <memory>

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

namespace hn = hwy::HWY_NAMESPACE;

constexpr uint32_t kLine = 64 / sizeof(uint16_t);  // sketches on a cache line

// The rows of one value of a substring, and how far their next substring may be.
struct Bucket {
  uint32_t begin;
  uint32_t end;
  uint32_t max_ones;
};

// A row that has passed both conditions, on its way from memory: first its number, then its code.
struct Survivor {
  uint32_t place;  // in ids, then the row
  uint32_t query;
  uint32_t probe;
};

// First in, first out; at most kCapacity at once.
class Queue {
 public:
  static constexpr size_t kCapacity = 64;

  HWY_INLINE void Push(const Survivor& survivor) { slots_[begun_++ % kCapacity] = survivor; }
  HWY_INLINE Survivor Pop() { return slots_[done_++ % kCapacity]; }
  HWY_INLINE size_t size() const { return begun_ - done_; }

 private:
  std::array<Survivor, kCapacity> slots_;
  size_t begun_ = 0;
  size_t done_ = 0;
};

class Prober {
 public:
  HWY_INLINE Prober(const ProbeTask& task, std::span<const Pdq256> queries,
                    std::vector<RangeHit>* hits)
      : task_(task), hits_(hits), cost_of_(queries.size(), 0) {
    queries_.reserve(queries.size());
    for (const Pdq256& query : queries) queries_.push_back(WordsOf(query));
    size_t most = 0;
    for (const TableProbe& probe : task.probes) most = std::max(most, probe.flips.size());
    ahead_ = std::clamp<size_t>(kLookupsAhead / std::max<size_t>(most, 1), 1, kMostAhead);
    buckets_ = std::make_unique_for_overwrite<Bucket[]>(steps_.size() * most);
    for (size_t i = 0; i < steps_.size(); ++i) steps_[i].buckets = buckets_.get() + i * most;
  }

  // Table by table, and in each query by query, in three stages: the bucket starts of a step come
  // from memory while those of the step `ahead_` before are read and its sketches come; those of
  // the one `ahead_` before that are compared.
  HWY_INLINE void Run(std::vector<uint32_t>* given_up) {
    const size_t steps = task_.probes.size() * queries_.size();
    Ring begin;
    Ring find;
    Ring compare;
    for (size_t step = 0; step < steps + 2 * ahead_; ++step) {
      if (step < steps) Begin(steps_[begin.Next()]);
      if (step >= ahead_ && step - ahead_ < steps) FindBuckets(steps_[find.Next()]);
      if (step >= 2 * ahead_) CompareSketches(steps_[compare.Next()]);
    }
    while (numbered_.size() > 0) LoadRow();
    while (loading_.size() > 0) Compare(loading_.Pop());
    for (size_t q = 0; q < queries_.size(); ++q) {
      if (cost_of_[q] > task_.max_cost) given_up->push_back(static_cast<uint32_t>(q));
    }
  }

 private:
  // Enough lookups between asking for memory and using it to cover a miss.
  static constexpr size_t kLookupsAhead = 68;
  static constexpr size_t kMostAhead = 4;
  static constexpr size_t kSteps = 2 * kMostAhead + 1;
  // Survivors wait in each queue until this many came after them: enough to cover a miss.
  static constexpr size_t kAhead = 16;
  static_assert(kAhead < Queue::kCapacity);

  struct Step {
    const TableProbe* probe;
    uint32_t number;  // of the probe
    uint32_t query;
    uint32_t key;
    size_t count;  // of buckets that are not empty
    Bucket* buckets;
  };

  // Goes round the steps.
  struct Ring {
    size_t next = 0;
    HWY_INLINE size_t Next() {
      const size_t now = next;
      next = now + 1 == kSteps ? 0 : now + 1;
      return now;
    }
  };

  HWY_INLINE void Begin(Step& step) {
    step.number = next_probe_;
    step.query = next_query_;
    if (++next_query_ == queries_.size()) {
      next_query_ = 0;
      ++next_probe_;
    }
    step.probe = &task_.probes[step.number];
    const SubstringTable& table = *step.probe->table;
    step.key = SubstringOf(queries_[step.query], table.first_bit, table.bits);
    const uint32_t* starts = table.starts.data();
    for (const uint32_t flip : step.probe->flips) hwy::Prefetch(starts + (step.key ^ flip));
  }

  HWY_INLINE void FindBuckets(Step& step) {
    step.count = 0;
    size_t& cost = cost_of_[step.query];
    if (cost > task_.max_cost) return;
    const uint32_t* starts = step.probe->table->starts.data();
    const uint16_t* sketches = step.probe->table->sketches.data();
    const auto chain = static_cast<uint32_t>(step.probe->chain);
    size_t rows = 0;
    for (const uint32_t flip : step.probe->flips) {
      const uint32_t begin = starts[step.key ^ flip];
      const uint32_t end = starts[(step.key ^ flip) + 1];
      step.buckets[step.count] = {begin, end, chain - static_cast<uint32_t>(std::popcount(flip))};
      hwy::Prefetch(sketches + begin);
      hwy::Prefetch(sketches + std::max(end, 1U) - 1);  // on another line half of the time
      for (uint32_t at = begin + kLine; at + kLine < end; at += kLine) hwy::Prefetch(sketches + at);
      step.count += end != begin;  // without a branch: which are empty cannot be predicted
      rows += end - begin;
    }
    cost += rows;
    if (cost > task_.max_cost) step.count = 0;
  }

  HWY_INLINE void CompareSketches(const Step& step) {
    const hn::CappedTag<uint16_t, 32> d;
    const hn::RebindToSigned<decltype(d)> counts;
    const size_t lanes = hn::Lanes(d);
    const SubstringTable& table = *step.probe->table;
    const auto sketch = hn::Set(d, SketchOf(queries_[step.query], table));
    const uint16_t* sketches = table.sketches.data();
    for (size_t i = 0; i < step.count; ++i) {
      const Bucket& bucket = step.buckets[i];
      const auto limit = hn::Set(counts, static_cast<int16_t>(bucket.max_ones + 1));
      // What lies on one cache line is loaded as that line: the next one is not on its way here.
      const size_t line = bucket.begin / kLine * kLine;
      for (size_t at = bucket.end <= line + kLine ? line : bucket.begin; at < bucket.end;
           at += lanes) {
        const auto ones = hn::PopulationCount(hn::Xor(hn::LoadU(d, sketches + at), sketch));
        const auto inside = hn::FirstN(counts, std::min(lanes, bucket.end - at));
        const auto near = hn::And(inside, hn::Lt(hn::BitCast(counts, ones), limit));
        if (HWY_LIKELY(hn::AllFalse(counts, near))) continue;
        uint64_t mask = 0;  // little-endian, as all targets
        hn::StoreMaskBits(counts, near, reinterpret_cast<uint8_t*>(&mask));
        for (; mask != 0; mask &= mask - 1) {
          const auto place = at + static_cast<size_t>(std::countr_zero(mask));
          if (place < bucket.begin) continue;  // of the bucket in front, on the same line
          Survive({static_cast<uint32_t>(place), step.query, step.number});
        }
      }
    }
  }

  HWY_INLINE void Survive(const Survivor& survivor) {
    cost_of_[survivor.query] += kSurvivorCost;
    hwy::Prefetch(task_.probes[survivor.probe].table->ids.data() + survivor.place);
    numbered_.Push(survivor);
    if (numbered_.size() > kAhead) LoadRow();
  }

  HWY_INLINE void LoadRow() {
    Survivor survivor = numbered_.Pop();
    survivor.place = task_.probes[survivor.probe].table->ids[survivor.place];
    hwy::Prefetch(task_.codes + survivor.place);
    loading_.Push(survivor);
    if (loading_.size() > kAhead) Compare(loading_.Pop());
  }

  HWY_INLINE void Compare(const Survivor& survivor) {
    const CodeWords row = WordsOf(task_.codes[survivor.place]);
    const CodeWords& query = queries_[survivor.query];
    int distance = 0;
    for (size_t k = 0; k < row.size(); ++k) distance += std::popcount(row[k] ^ query[k]);
    if (distance > task_.max_distance) return;
    // A row is an answer once: of the first table that leads to it.
    for (uint32_t earlier = 0; earlier < survivor.probe; ++earlier) {
      if (LeadsTo(task_.probes[earlier], row, query)) return;
    }
    hits_->push_back({.query = survivor.query,
                      .position = static_cast<int64_t>(survivor.place),
                      .distance = distance});
  }

  static HWY_INLINE bool LeadsTo(const TableProbe& probe, const CodeWords& row,
                                 const CodeWords& query) {
    const SubstringTable& table = *probe.table;
    const int here = std::popcount(SubstringOf(row, table.first_bit, table.bits) ^
                                   SubstringOf(query, table.first_bit, table.bits));
    const auto next = static_cast<uint16_t>(SketchOf(row, table) ^ SketchOf(query, table));
    return here <= probe.threshold && here + std::popcount(next) <= probe.chain;
  }

  const ProbeTask& task_;
  std::vector<RangeHit>* hits_;
  std::vector<CodeWords> queries_;
  std::vector<size_t> cost_of_;  // by query
  size_t ahead_ = 1;             // steps from one stage to the next
  std::array<Step, kSteps> steps_;
  std::unique_ptr<Bucket[]> buckets_;  // of all steps
  uint32_t next_probe_ = 0;            // of the next step to begin
  uint32_t next_query_ = 0;
  Queue numbered_;
  Queue loading_;
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
