#include "engine/index/mih_probe.h"

#include <algorithm>
#include <array>
#include <bit>
#include <memory>

#include "engine/index/parity_order.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/index/mih_probe.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace vigie {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

constexpr uint32_t kLine = 64 / sizeof(uint16_t);  // sketches on a cache line

// Brings a cache line into the second-level cache. Not into the first, as hwy::Prefetch() would: of
// what is asked for so long beforehand, much has been pushed out of it again before it is read
// (docs/decisions/0006-multi-index-hash.md, experiment 12).
HWY_INLINE void AskFor(const void* line) { __builtin_prefetch(line, 0, 2); }

// The rows of one value of a substring, and how far their next substring may be.
struct Bucket {
  uint32_t begin;
  uint32_t end;
  uint32_t max_ones;
};

// A row that has passed both conditions.
struct Survivor {
  uint32_t place;  // in ids, then the row
  uint32_t query;
  uint32_t probe;
};

class Prober {
 public:
  HWY_INLINE Prober(const ProbeTask& task, std::span<const Pdq256> queries,
                    std::vector<RangeHit>* hits)
      : task_(task), hits_(hits), cost_of_(queries.size(), 0) {
    queries_.reserve(queries.size());
    for (const Pdq256& query : queries) {
      const CodeWords words = WordsOf(query);
      queries_.push_back({.words = words, .ordered = InParityOrder(words)});
    }
    size_t most = 0;
    for (const TableProbe& probe : task.probes) most = std::max(most, probe.flips.size());
    ahead_ = std::clamp<size_t>(kLookupsAhead / std::max<size_t>(most, 1), 1, kMostAhead);
    buckets_ = std::make_unique_for_overwrite<Bucket[]>(steps_.size() * most);
    for (size_t i = 0; i < steps_.size(); ++i) steps_[i].buckets = buckets_.get() + i * most;
  }

  // Table by table, and in each key by key, in three stages: the bucket starts of a step come
  // from memory while those of the step `ahead_` before are read and its sketches come; those of
  // the one `ahead_` before that are compared.
  HWY_INLINE void Run(std::vector<uint32_t>* given_up) {
    Ring begin;
    Ring find;
    Ring compare;
    size_t begun = 0;
    for (size_t turn = 0; HasKey() || turn < begun + 2 * ahead_; ++turn) {
      if (HasKey()) {
        Begin(steps_[begin.Next()]);
        ++begun;
      }
      if (turn >= ahead_ && turn - ahead_ < begun) FindBuckets(steps_[find.Next()]);
      if (turn >= 2 * ahead_) CompareSketches(steps_[compare.Next()]);
    }
    CompareSurvivors();
    for (size_t q = 0; q < queries_.size(); ++q) {
      if (cost_of_[q] > task_.max_cost) given_up->push_back(static_cast<uint32_t>(q));
    }
  }

 private:
  // Enough lookups between asking for memory and using it to cover a miss.
  static constexpr size_t kLookupsAhead = 68;
  static constexpr size_t kMostAhead = 4;
  static constexpr size_t kSteps = 2 * kMostAhead + 1;
  // Survivors wait until there are so many: enough to cover a miss between asking for a row's code
  // and using it.
  static constexpr size_t kSurvivors = 128;

  static constexpr CodeWords kAllBits = {~uint64_t{0}, ~uint64_t{0}, ~uint64_t{0}, ~uint64_t{0}};

  struct Query {
    CodeWords words;
    CodeWords ordered;  // InParityOrder()
  };

  // The queries of a call that have one key in common, among so many neighbours: the hashes of a
  // turned or mirrored picture often do (parity_order.h).
  static constexpr size_t kNeighbours = 8;
  struct SharedKey {
    uint32_t key;
    uint32_t sharers;  // of `queries`
    std::array<uint32_t, kNeighbours> queries;
  };

  // Of a step's queries, those with one sketch in common: bit i, its queries[i].
  struct SharedSketch {
    uint16_t sketch;
    uint32_t sharers;
  };

  struct Step {
    const TableProbe* probe;
    uint32_t number;  // of the probe
    SharedKey asked;
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

  HWY_INLINE bool HasKey() {
    if (next_key_ == keys_ && next_probe_ < task_.probes.size()) FindKeys();
    return next_key_ < keys_;
  }

  // The keys of the next neighbours in their table.
  HWY_INLINE void FindKeys() {
    const SubstringTable& table = *task_.probes[next_probe_].table;
    number_ = next_probe_;
    keys_ = 0;
    next_key_ = 0;
    const size_t end = std::min(queries_.size(), next_query_ + kNeighbours);
    for (size_t query = next_query_; query < end; ++query) {
      const uint32_t key = SubstringOf(queries_[query].ordered, table.first_bit, table.bits);
      size_t at = 0;
      while (at < keys_ && shared_[at].key != key) ++at;
      if (at == keys_) {
        shared_[keys_].key = key;
        shared_[keys_++].sharers = 0;
      }
      shared_[at].queries[shared_[at].sharers++] = static_cast<uint32_t>(query);
    }
    next_query_ = end;
    if (next_query_ == queries_.size()) {
      next_query_ = 0;
      ++next_probe_;
    }
  }

  HWY_INLINE void Begin(Step& step) {
    step.number = number_;
    step.probe = &task_.probes[number_];
    step.asked = shared_[next_key_++];
    const uint32_t* starts = step.probe->table->starts.data();
    for (const uint32_t flip : step.probe->flips) AskFor(starts + (step.asked.key ^ flip));
  }

  // Adds to what each sharer has cost, and lets go of those that are given up. False: all are.
  HWY_INLINE bool Charge(SharedKey& asked, size_t cost) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < asked.sharers; ++i) {
      const uint32_t query = asked.queries[i];
      cost_of_[query] += cost;
      if (cost_of_[query] <= task_.max_cost) asked.queries[kept++] = query;
    }
    asked.sharers = kept;
    return kept > 0;
  }

  HWY_INLINE void FindBuckets(Step& step) {
    step.count = 0;
    if (!Charge(step.asked, 0)) return;
    const uint32_t key = step.asked.key;
    const uint32_t* starts = step.probe->table->starts.data();
    const uint16_t* sketches = step.probe->table->sketches.data();
    const auto chain = static_cast<uint32_t>(step.probe->chain);
    size_t rows = 0;
    for (const uint32_t flip : step.probe->flips) {
      const uint32_t begin = starts[key ^ flip];
      const uint32_t end = starts[(key ^ flip) + 1];
      step.buckets[step.count] = {begin, end, chain - static_cast<uint32_t>(std::popcount(flip))};
      AskFor(sketches + begin);
      AskFor(sketches + std::max(end, 1U) - 1);  // on another line half of the time
      for (uint32_t at = begin + kLine; at + kLine < end; at += kLine) AskFor(sketches + at);
      step.count += end != begin;  // without a branch: which are empty cannot be predicted
      rows += end - begin;
    }
    if (!Charge(step.asked, rows)) step.count = 0;
  }

  HWY_INLINE void CompareSketches(const Step& step) {
    const SubstringTable& table = *step.probe->table;
    std::array<SharedSketch, kNeighbours> asked;
    size_t count = 0;
    for (uint32_t i = 0; i < step.asked.sharers; ++i) {
      const uint16_t sketch = SketchOf(queries_[step.asked.queries[i]].ordered, table);
      size_t at = 0;
      while (at < count && asked[at].sketch != sketch) ++at;
      if (at == count) asked[count++] = {.sketch = sketch, .sharers = 0};
      asked[at].sharers |= 1U << i;
    }
    if (count == 1) return CompareWith<true>(step, {asked.data(), 1});
    CompareWith<false>(step, {asked.data(), count});
  }

  // kOne: `asked` has one element.
  template <bool kOne>
  HWY_INLINE void CompareWith(const Step& step, std::span<const SharedSketch> asked) {
    const hn::CappedTag<uint16_t, 32> d;
    const hn::RebindToSigned<decltype(d)> counts;
    const size_t lanes = hn::Lanes(d);
    const size_t asked_count = kOne ? 1 : asked.size();
    const uint16_t* sketches = step.probe->table->sketches.data();
    for (size_t b = 0; b < step.count; ++b) {
      const Bucket& bucket = step.buckets[b];
      const auto limit = hn::Set(counts, static_cast<int16_t>(bucket.max_ones + 1));
      // What lies on one cache line is loaded as that line: the next one is not on its way here.
      const size_t line = bucket.begin / kLine * kLine;
      for (size_t at = bucket.end <= line + kLine ? line : bucket.begin; at < bucket.end;
           at += lanes) {
        const auto found = hn::LoadU(d, sketches + at);
        const auto inside = hn::FirstN(counts, std::min(lanes, bucket.end - at));
        for (size_t i = 0; i < asked_count; ++i) {
          const auto ones = hn::PopulationCount(hn::Xor(found, hn::Set(d, asked[i].sketch)));
          const auto near = hn::And(inside, hn::Lt(hn::BitCast(counts, ones), limit));
          if (HWY_LIKELY(hn::AllFalse(counts, near))) continue;
          uint64_t mask = 0;  // little-endian, as all targets
          hn::StoreMaskBits(counts, near, reinterpret_cast<uint8_t*>(&mask));
          for (; mask != 0; mask &= mask - 1) {
            const auto place = at + static_cast<size_t>(std::countr_zero(mask));
            if (place < bucket.begin) continue;  // of the bucket in front, on the same line
            Survive(step, static_cast<uint32_t>(place), asked[i].sharers);
          }
        }
      }
    }
  }

  HWY_INLINE void Survive(const Step& step, uint32_t place, uint32_t sharers) {
    AskFor(step.probe->table->ids.data() + place);
    for (; sharers != 0; sharers &= sharers - 1) {
      const uint32_t query = step.asked.queries[static_cast<size_t>(std::countr_zero(sharers))];
      cost_of_[query] += kSurvivorCost;
      survivors_[survivor_count_++] = {place, query, step.number};
      if (survivor_count_ == kSurvivors) CompareSurvivors();
    }
  }

  HWY_INLINE void CompareSurvivors() {
    const std::span<Survivor> survivors(survivors_.data(), survivor_count_);
    for (Survivor& survivor : survivors) {
      survivor.place = task_.probes[survivor.probe].table->ids[survivor.place];
      AskFor(task_.codes + survivor.place);
    }
    for (const Survivor& survivor : survivors) Compare(survivor);
    survivor_count_ = 0;
  }

  HWY_INLINE void Compare(const Survivor& survivor) {
    const CodeWords row = WordsOf(task_.codes[survivor.place]);
    const CodeWords& query = queries_[survivor.query].words;
    CodeWords differ;
    for (size_t k = 0; k < row.size(); ++k) differ[k] = row[k] ^ query[k];
    const int distance = Ones(differ);
    if (distance > task_.max_distance) return;
    // A row is an answer once: of the first table that leads to it.
    for (const TableProbe& earlier : task_.probes.first(survivor.probe)) {
      if (Ones(differ, earlier.substring) <= earlier.threshold &&
          Ones(differ, earlier.chained) <= earlier.chain) {
        return;
      }
    }
    hits_->push_back({.query = survivor.query,
                      .position = static_cast<int64_t>(survivor.place),
                      .distance = distance});
  }

  static HWY_INLINE int Ones(const CodeWords& words, const CodeWords& among = kAllBits) {
    int ones = 0;
    for (size_t k = 0; k < words.size(); ++k) ones += std::popcount(words[k] & among[k]);
    return ones;
  }

  const ProbeTask& task_;
  std::vector<RangeHit>* hits_;
  std::vector<Query> queries_;
  std::vector<size_t> cost_of_;  // by query
  size_t ahead_ = 1;             // steps from one stage to the next
  std::array<Step, kSteps> steps_;
  std::unique_ptr<Bucket[]> buckets_;  // of all steps
  // The keys of the steps to begin next, of probe number_; then those of next_query_ in
  // next_probe_.
  std::array<SharedKey, kNeighbours> shared_;
  size_t keys_ = 0;
  size_t next_key_ = 0;
  uint32_t number_ = 0;
  uint32_t next_probe_ = 0;
  size_t next_query_ = 0;
  std::array<Survivor, kSurvivors> survivors_;
  size_t survivor_count_ = 0;
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
