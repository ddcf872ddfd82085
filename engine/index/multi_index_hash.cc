#include "engine/index/multi_index_hash.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "engine/index/hamming_scan.h"
#include "engine/index/mih_probe.h"
#include "engine/index/parity_order.h"

namespace vigie {
namespace {

// The cost model, nanoseconds, fitted to what `vigie-bench search --index mih:m11,mih:m12...` says
// (docs/decisions/0006-multi-index-hash.md): one lookup (the start of a bucket, its first
// sketches), one candidate (its sketch, streamed), one that passes the second condition (row number
// and code), one code of a scan for one query (streamed from memory; 0.35 while all are in cache).
// Only their ratios matter for a choice.
constexpr double kLookupNs = 20;
constexpr double kCandidateNs = 0.3;
constexpr double kSurvivorNs = kCandidateNs * kSurvivorCost;
constexpr double kScanNs = 0.8;

constexpr int kMinSubstrings = 10;  // of 26 bits at most: a table of 2^26 starts is 256 MiB
constexpr int kMaxSubstrings = 256 / SubstringTable::kSketchBits;

int BitsOf(int substring, int substrings) {
  return 256 / substrings + (substring < 256 % substrings ? 1 : 0);
}

// All bits, in so many substrings.
std::vector<Substring> CutInto(int substrings) {
  std::vector<Substring> cut;
  int first_bit = 0;
  for (int i = 0; i < substrings; ++i) {
    cut.push_back({.first_bit = first_bit, .bits = BitsOf(i, substrings)});
    first_bit += cut.back().bits;
  }
  return cut;
}

// Words of `bits` bits with exactly `ones` ones.
double Choose(int bits, int ones) {
  double ways = 1;
  for (int i = 0; i < ones; ++i) ways = ways * (bits - i) / (i + 1);
  return ways;
}

// Thresholds that sum to max_distance + 1 with 1 added to each; the larger ones on the shorter
// substrings, which come last.
std::vector<int> ThresholdsFor(int substrings, int max_distance) {
  if (substrings == 0) return {};
  const int total = max_distance + 1;
  std::vector<int> thresholds(static_cast<size_t>(substrings), total / substrings - 1);
  for (int i = 0; i < total % substrings; ++i) {
    ++thresholds[static_cast<size_t>(substrings - 1 - i)];
  }
  return thresholds;
}

// The share of random sketches with at most `most` differences.
double SketchShare(int most) {
  double ways = 0;
  for (int ones = 0; ones <= std::min(most, SubstringTable::kSketchBits); ++ones) {
    ways += Choose(SubstringTable::kSketchBits, ones);
  }
  return ways / (1 << SubstringTable::kSketchBits);
}

// The most differences that substring i and the one behind it may have together.
int ChainOf(const std::vector<int>& thresholds, size_t i) {
  return thresholds[i] + 1 + thresholds[(i + 1) % thresholds.size()];
}

double ExpectedNs(size_t rows, const std::vector<int>& thresholds) {
  const auto substrings = static_cast<int>(thresholds.size());
  double ns = 0;
  for (size_t i = 0; i < thresholds.size(); ++i) {
    const int bits = BitsOf(static_cast<int>(i), substrings);
    const double rows_per_value = static_cast<double>(rows) / static_cast<double>(1U << bits);
    for (int ones = 0; ones <= thresholds[i]; ++ones) {
      const double survivors = rows_per_value * SketchShare(ChainOf(thresholds, i) - ones);
      ns += Choose(bits, ones) *
            (kLookupNs + rows_per_value * kCandidateNs + survivors * kSurvivorNs);
    }
  }
  return ns;
}

double ScanNs(size_t rows) { return static_cast<double>(rows) * kScanNs; }

// True when every lookup in `table` gives some of `rows` codes. Without branches on the way: this
// is done for gigabytes at a start.
bool IsWithin(const SubstringTable& table, size_t rows) {
  const auto& starts = table.starts;
  if (table.ids.size() != rows || starts.front() != 0 || starts.back() != rows) return false;
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

// Where bits first_bit to first_bit + bits - 1 of a code in parity order, going round, were before.
CodeWords PlacesOf(int first_bit, int bits) {
  CodeWords words{};
  for (int bit = first_bit; bit < first_bit + bits; ++bit) {
    words[static_cast<size_t>(bit % 256) / 64] |= uint64_t{1} << (bit % 64);
  }
  return InParityOrder(words);
}

void ChangeParityOrder(HugeVector<Pdq256>* codes) {
  for (Pdq256& code : *codes) {
    const CodeWords words = InParityOrder(WordsOf(code));
    std::memcpy(code.bytes.data(), words.data(), sizeof(words));
  }
}

}  // namespace

MultiIndexHash::MultiIndexHash(HugeVector<Pdq256> codes, int substrings, bool always_look_up)
    : codes_(std::move(codes)) {
  ntotal = static_cast<idx_t>(codes_.size());
  if (substrings == 0) substrings = BestSubstrings(codes_.size());
  if (substrings == 0 && always_look_up) substrings = kMaxSubstrings;
  if (substrings != 0) substrings = std::clamp(substrings, kMinSubstrings, kMaxSubstrings);
  FillTables(substrings);
  MakePlans(always_look_up);
}

void MultiIndexHash::FillTables(int substrings) {
  if (substrings == 0) return;
  tables_ = SubstringTables(CutInto(substrings), codes_.size());
  HugeVector<PlacedRow> spread(codes_.size());
  // In place and back again: another copy of all codes might not fit beside them.
  ChangeParityOrder(&codes_);
  for (const SubstringTable& table : tables_.all()) FillTable(codes_, spread, table);
  ChangeParityOrder(&codes_);
}

void MultiIndexHash::MakePlans(bool always_look_up) {
  const auto substrings = static_cast<int>(tables_.all().size());
  for (int distance = 0; distance <= kMaxDistanceLimit; ++distance) {
    SearchPlan plan;
    plan.thresholds = ThresholdsFor(substrings, distance);
    plan.expected_ns = ExpectedNs(codes_.size(), plan.thresholds);
    const double scan_ns = ScanNs(codes_.size());
    plan.scan = substrings == 0 || (scan_ns <= plan.expected_ns && !always_look_up);
    if (plan.scan) plan.expected_ns = scan_ns;
    probes_.push_back(plan.scan ? std::vector<TableProbe>() : ProbesOf(plan.thresholds));
    plans_.push_back(std::move(plan));
  }
}

std::vector<TableProbe> MultiIndexHash::ProbesOf(const std::vector<int>& thresholds) {
  std::vector<TableProbe> probes;
  for (size_t i = 0; i < thresholds.size(); ++i) {
    if (thresholds[i] < 0) continue;
    const SubstringTable& table = tables_.all()[i];
    auto& flips = flips_[{table.bits, thresholds[i]}];
    if (flips.empty()) flips = MakeFlips(table.bits, thresholds[i]);
    probes.push_back({.table = &table,
                      .flips = flips,
                      .threshold = thresholds[i],
                      .substring = PlacesOf(table.first_bit, table.bits),
                      .chained = PlacesOf(table.first_bit, table.bits + table.kSketchBits),
                      .chain = ChainOf(thresholds, i)});
  }
  return probes;
}

MultiIndexHash::MultiIndexHash(HugeVector<Pdq256> codes, SubstringTables tables)
    : codes_(std::move(codes)), tables_(std::move(tables)) {
  ntotal = static_cast<idx_t>(codes_.size());
  MakePlans(/*always_look_up=*/false);
}

std::unique_ptr<MultiIndexHash> MultiIndexHash::FromTables(HugeVector<Pdq256> codes,
                                                           SubstringTables tables) {
  const auto substrings = static_cast<int>(tables.all().size());
  const bool none = substrings == 0 && BestSubstrings(codes.size()) == 0;
  if (!none && (substrings < kMinSubstrings || substrings > kMaxSubstrings)) return nullptr;
  const std::vector<Substring> cut = CutInto(substrings);
  for (size_t i = 0; i < cut.size(); ++i) {
    const SubstringTable& table = tables.all()[i];
    const bool cut_alike = table.first_bit == cut[i].first_bit && table.bits == cut[i].bits;
    if (!cut_alike || !IsWithin(table, codes.size())) return nullptr;
  }
  return std::unique_ptr<MultiIndexHash>(new MultiIndexHash(std::move(codes), std::move(tables)));
}

MultiIndexHash::~MultiIndexHash() = default;

int MultiIndexHash::BestSubstrings(size_t rows, int max_distance) {
  int best = 0;
  double best_ns = ScanNs(rows);
  for (int substrings = kMinSubstrings; substrings <= kMaxSubstrings; ++substrings) {
    const size_t values = size_t{1} << BitsOf(0, substrings);
    const double ns = ExpectedNs(rows, ThresholdsFor(substrings, max_distance));
    const bool affordable = values <= 2 * rows || substrings == kMaxSubstrings;
    if (affordable && ns < best_ns) {
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
  plan.expected_ns = ScanNs(codes_.size());
  return plan;
}

void MultiIndexHash::Find(std::span<const Pdq256> queries, int max_distance,
                          std::vector<RangeHit>* hits) const {
  if (max_distance > kMaxDistanceLimit || plans_[static_cast<size_t>(max_distance)].scan) {
    ScanWithin(codes_, queries, max_distance, hits);
    return;
  }
  ProbeTask task;
  task.codes = codes_.data();
  task.probes = probes_[static_cast<size_t>(max_distance)];
  task.max_distance = max_distance;
  // A query in a crowd of equal substrings costs no more than a scan on top of what it has cost.
  task.max_cost = static_cast<size_t>(ScanNs(codes_.size()) / kCandidateNs);
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
