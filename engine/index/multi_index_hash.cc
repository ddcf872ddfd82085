#include "engine/index/multi_index_hash.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <map>
#include <utility>

#include "engine/index/hamming_scan.h"
#include "engine/index/mih_probe.h"

namespace vigie {
namespace {

// The cost model, nanoseconds; how they came about: docs/decisions/0006-multi-index-hash.md: one
// lookup (two cache misses, overlapped), one candidate (one miss), one code of a scan for one
// query (streamed from memory; 0.35 while all are in cache). Only their ratios matter for a choice.
constexpr double kLookupNs = 14;
constexpr double kCandidateNs = 12;
constexpr double kScanNs = 0.8;

constexpr int kMinSubstrings = 10;  // of 26 bits at most: a table of 2^26 starts is 256 MiB
constexpr int kMaxSubstrings = 32;  // of 8 bits

int BitsOf(int substring, int substrings) {
  return 256 / substrings + (substring < 256 % substrings ? 1 : 0);
}

// Words of `bits` bits with exactly `ones` ones.
double Choose(int bits, int ones) {
  double ways = 1;
  for (int i = 0; i < ones; ++i) ways = ways * (bits - i) / (i + 1);
  return ways;
}

double Lookups(int bits, int threshold) {
  double lookups = 0;
  for (int ones = 0; ones <= threshold; ++ones) lookups += Choose(bits, ones);
  return lookups;
}

// Thresholds that sum to max_distance + 1 with 1 added to each; the larger ones on the shorter
// substrings, which come last.
std::vector<int> ThresholdsFor(int substrings, int max_distance) {
  const int total = max_distance + 1;
  std::vector<int> thresholds(static_cast<size_t>(substrings), total / substrings - 1);
  for (int i = 0; i < total % substrings; ++i) {
    ++thresholds[static_cast<size_t>(substrings - 1 - i)];
  }
  return thresholds;
}

double ExpectedNs(size_t rows, const std::vector<int>& thresholds) {
  const auto substrings = static_cast<int>(thresholds.size());
  double ns = 0;
  for (int i = 0; i < substrings; ++i) {
    const int bits = BitsOf(i, substrings);
    const double lookups = Lookups(bits, thresholds[static_cast<size_t>(i)]);
    const double rows_per_value = static_cast<double>(rows) / static_cast<double>(1U << bits);
    ns += lookups * (kLookupNs + rows_per_value * kCandidateNs);
  }
  return ns;
}

uint32_t ValueOf(const Pdq256& code, const SubstringTable& table) {
  return SubstringOf(WordsOf(code), table.first_bit, table.bits);
}

// Rows with the same high part of their value, on the way into a table.
struct Placed {
  uint32_t low;
  uint32_t row;
};

// Fills one table in two passes: rows are first spread over groups by the high bits of their
// value, with one write stream a group, then each group is sorted by counting in cache.
void FillTable(std::span<const Pdq256> codes, HugeVector<Placed>* spread, SubstringTable* table) {
  const int low_bits = std::max(table->bits - 11, std::min(table->bits, 12));
  const size_t groups = size_t{1} << (table->bits - low_bits);
  const uint32_t low_mask = (1U << low_bits) - 1;
  std::vector<size_t> group_ends(groups + 1, 0);
  for (const Pdq256& code : codes) {
    ++group_ends[(ValueOf(code, *table) >> low_bits) + 1];
  }
  for (size_t g = 1; g <= groups; ++g) group_ends[g] += group_ends[g - 1];
  std::vector<size_t> next(group_ends.begin(), group_ends.end() - 1);
  for (size_t row = 0; row < codes.size(); ++row) {
    const uint32_t value = ValueOf(codes[row], *table);
    (*spread)[next[value >> low_bits]++] = {value & low_mask, static_cast<uint32_t>(row)};
  }

  table->starts.resize((size_t{1} << table->bits) + 1);
  table->ids.resize(codes.size());
  std::vector<uint32_t> at(size_t{1} << low_bits);
  for (size_t g = 0; g < groups; ++g) {
    const std::span<const Placed> group(spread->data() + group_ends[g],
                                        group_ends[g + 1] - group_ends[g]);
    std::fill(at.begin(), at.end(), 0);
    for (const Placed& placed : group) ++at[placed.low];
    auto sum = static_cast<uint32_t>(group_ends[g]);
    uint32_t* starts = table->starts.data() + (g << low_bits);
    for (size_t low = 0; low < at.size(); ++low) {
      const uint32_t count = at[low];
      starts[low] = at[low] = sum;
      sum += count;
    }
    for (const Placed& placed : group) table->ids[at[placed.low]++] = placed.row;
  }
  table->starts.back() = static_cast<uint32_t>(codes.size());
}

// True when every lookup in `table` gives some of `rows` codes. Without branches on the way: this
// is done for gigabytes at a start.
bool IsWithin(const SubstringTable& table, size_t rows) {
  const auto& starts = table.starts;
  if (starts.size() != (size_t{1} << table.bits) + 1 || table.ids.size() != rows ||
      starts.front() != 0 || starts.back() != rows) {
    return false;
  }
  bool descends = false;
  for (size_t i = 1; i < starts.size(); ++i) descends |= starts[i] < starts[i - 1];
  uint32_t largest = 0;
  for (const uint32_t id : table.ids) largest = std::max(largest, id);
  return !descends && (rows == 0 || largest < rows);
}

// All words of `bits` bits with at most `threshold` ones, ascending.
std::vector<uint32_t> MakeFlips(int bits, int threshold) {
  std::vector<uint32_t> flips;
  for (int ones = 0; ones <= threshold; ++ones) {
    uint64_t word = (uint64_t{1} << ones) - 1;
    while (word < (uint64_t{1} << bits)) {
      flips.push_back(static_cast<uint32_t>(word));
      if (word == 0) break;
      // The next word with as many ones (Knuth, The Art of Computer Programming, 7.1.3).
      const uint64_t lowest = word & (~word + 1);
      const uint64_t ripple = word + lowest;
      word = ripple | (((word ^ ripple) / lowest) >> 2);
    }
  }
  std::sort(flips.begin(), flips.end());
  return flips;
}

}  // namespace

struct MultiIndexHash::Flips {
  std::map<std::pair<int, int>, std::vector<uint32_t>> by_bits_and_threshold;
};

MultiIndexHash::MultiIndexHash(HugeVector<Pdq256> codes, int substrings, bool always_look_up)
    : codes_(std::move(codes)) {
  ntotal = static_cast<idx_t>(codes_.size());
  if (substrings == 0) substrings = BestSubstrings(codes_.size());
  substrings = std::clamp(substrings, kMinSubstrings, kMaxSubstrings);
  HugeVector<Placed> spread(codes_.size());
  int first_bit = 0;
  for (int i = 0; i < substrings; ++i) {
    SubstringTable& table = tables_.emplace_back();
    table.first_bit = first_bit;
    table.bits = BitsOf(i, substrings);
    first_bit += table.bits;
    FillTable(codes_, &spread, &table);
  }
  MakePlans(always_look_up);
}

void MultiIndexHash::MakePlans(bool always_look_up) {
  const auto substrings = static_cast<int>(tables_.size());
  auto flips = std::make_unique<Flips>();
  for (int distance = 0; distance <= kMaxDistanceLimit; ++distance) {
    SearchPlan plan;
    plan.thresholds = ThresholdsFor(substrings, distance);
    plan.expected_ns = ExpectedNs(codes_.size(), plan.thresholds);
    const double scan_ns = static_cast<double>(codes_.size()) * kScanNs;
    plan.scan = scan_ns <= plan.expected_ns && !always_look_up;
    if (plan.scan) plan.expected_ns = scan_ns;
    for (size_t i = 0; !plan.scan && i < tables_.size(); ++i) {
      const auto key = std::pair(tables_[i].bits, plan.thresholds[i]);
      auto& words = flips->by_bits_and_threshold[key];
      if (words.empty()) words = MakeFlips(key.first, key.second);
    }
    plans_.push_back(std::move(plan));
  }
  flips_ = std::move(flips);
}

MultiIndexHash::MultiIndexHash(HugeVector<Pdq256> codes, std::vector<SubstringTable> tables)
    : codes_(std::move(codes)), tables_(std::move(tables)) {
  ntotal = static_cast<idx_t>(codes_.size());
  MakePlans(/*always_look_up=*/false);
}

std::unique_ptr<MultiIndexHash> MultiIndexHash::FromTables(HugeVector<Pdq256> codes,
                                                           std::vector<SubstringTable> tables) {
  const auto substrings = static_cast<int>(tables.size());
  if (substrings < kMinSubstrings || substrings > kMaxSubstrings) return nullptr;
  int first_bit = 0;
  for (int i = 0; i < substrings; ++i) {
    const SubstringTable& table = tables[static_cast<size_t>(i)];
    const bool cut_alike = table.first_bit == first_bit && table.bits == BitsOf(i, substrings);
    if (!cut_alike || !IsWithin(table, codes.size())) return nullptr;
    first_bit += table.bits;
  }
  return std::unique_ptr<MultiIndexHash>(new MultiIndexHash(std::move(codes), std::move(tables)));
}

MultiIndexHash::~MultiIndexHash() = default;

int MultiIndexHash::BestSubstrings(size_t rows) {
  int best = kMaxSubstrings;
  double best_ns = std::numeric_limits<double>::max();
  for (int substrings = kMinSubstrings; substrings <= kMaxSubstrings; ++substrings) {
    const size_t values = size_t{1} << BitsOf(0, substrings);
    const double ns = ExpectedNs(rows, ThresholdsFor(substrings, kDefaultMaxDistance));
    if (values <= std::max<size_t>(2 * rows, 256) && ns < best_ns) {
      best = substrings;
      best_ns = ns;
    }
  }
  return best;
}

SearchPlan MultiIndexHash::PlanFor(int max_distance) const {
  if (max_distance <= kMaxDistanceLimit) return plans_[static_cast<size_t>(max_distance)];
  SearchPlan plan;
  plan.scan = true;
  plan.expected_ns = static_cast<double>(codes_.size()) * kScanNs;
  return plan;
}

void MultiIndexHash::Find(std::span<const Pdq256> queries, int max_distance,
                          std::vector<RangeHit>* hits) const {
  const SearchPlan plan = PlanFor(max_distance);
  if (plan.scan) {
    ScanWithin(codes_, queries, max_distance, hits);
    return;
  }
  ProbeTask task;
  task.codes = codes_.data();
  task.max_distance = max_distance;
  // A query in a crowd of equal substrings costs no more than a scan on top of what it has cost.
  task.max_candidates =
      static_cast<size_t>(static_cast<double>(codes_.size()) * kScanNs / kCandidateNs);
  for (size_t i = 0; i < tables_.size(); ++i) {
    if (plan.thresholds[i] < 0) continue;
    const auto& flips = flips_->by_bits_and_threshold.at({tables_[i].bits, plan.thresholds[i]});
    task.probes.push_back({&tables_[i], flips, plan.thresholds[i]});
  }
  std::vector<uint32_t> given_up;
  ProbeTables(task, queries, hits, &given_up);
  if (given_up.empty()) return;
  std::erase_if(*hits, [&given_up](const RangeHit& hit) {
    return std::binary_search(given_up.begin(), given_up.end(), hit.query);
  });
  for (const uint32_t query : given_up) {
    const size_t before = hits->size();
    ScanWithin(codes_, queries.subspan(query, 1), max_distance, hits);
    for (size_t i = before; i < hits->size(); ++i) (*hits)[i].query = query;
  }
}

}  // namespace vigie
