#include "engine/index/hamming_scan.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/index/hamming_scan.cc"
#include "hwy/foreach_target.h"
#include "hwy/cache_control.h"
#include "hwy/highway.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace vigie {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using Words = hn::ScalableTag<uint64_t>;
using WordVec = hn::Vec<Words>;
constexpr size_t kGroup = 8;  // queries compared while a block of codes is in registers
constexpr size_t kBytesAhead = 4096;

// The lesser of two counts, lane by lane.
HWY_INLINE WordVec LeastOf(WordVec a, WordVec b) {
#if HWY_TARGET == HWY_SCALAR
  return hn::Min(a, b);
#else
  const hn::Repartition<uint32_t, Words> halves;  // one instruction everywhere
  return hn::BitCast(Words(), hn::Min(hn::BitCast(halves, a), hn::BitCast(halves, b)));
#endif
}

// Whether there is an instruction that counts the bits of words; else six count those of bytes.
constexpr bool kCountsWords = HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_SCALAR;

// Bits set, lane by lane.
HWY_INLINE WordVec CountBits(WordVec words) {
#if HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_SCALAR
  return hn::PopulationCount(words);
#else
  const hn::Repartition<uint8_t, Words> bytes;
  return hn::SumsOf8(hn::PopulationCount(hn::BitCast(bytes, words)));
#endif
}

struct Scan {
  const Pdq256* codes;
  size_t size;
  int max_distance;
  std::vector<RangeHit>* hits;
};

// Word k of as many codes as there are lanes, so that no sums across lanes are needed.
struct Block {
  WordVec w0, w1, w2, w3;
};

// No more than the bits in which a code of `block` and any of the queries differ: places, of the 64
// of a word, where each query differs in one of the first kWords words. So the bits of one word are
// counted, not of four times four. Random codes and one query differ in 48 places by two words,
// with a deviation of 3.5, in 60 by four, with 1.9; and four queries in 49 by four, with 3.4.
template <size_t kTogether, size_t kWords>
HWY_INLINE WordVec AtLeast(const Block& block, const std::array<uint64_t, 4>* queries) {
  const Words d;
  WordVec all;
  for (size_t j = 0; j < kTogether; ++j) {
    const auto& query = queries[j];
    auto differs =
        hn::Or(hn::Xor(block.w0, hn::Set(d, query[0])), hn::Xor(block.w1, hn::Set(d, query[1])));
    if constexpr (kWords == 4) {
      differs = hn::Or(differs, hn::Xor(block.w2, hn::Set(d, query[2])));
      differs = hn::Or(differs, hn::Xor(block.w3, hn::Set(d, query[3])));
    }
    all = j == 0 ? differs : hn::And(all, differs);
  }
  return CountBits(all);
}

// Appends the hits of one query among `count` codes from `begin` on.
void CompareEach(const Scan& scan, const Pdq256& query, uint32_t number, size_t begin,
                 size_t count) {
  for (size_t i = begin; i < begin + count; ++i) {
    const int distance = HammingDistance(scan.codes[i], query);
    if (distance > scan.max_distance) continue;
    scan.hits->push_back(
        {.query = number, .position = static_cast<int64_t>(i), .distance = distance});
  }
}

// Compares all codes with the kQueries queries that begin at number `first`.
template <size_t kQueries, size_t kTogether, size_t kWords>
HWY_INLINE void ScanGroup(const Scan& scan, const Pdq256* queries, uint32_t first) {
  const Words d;
  const size_t lanes = hn::Lanes(d);
  const auto limit = hn::Set(d, static_cast<uint64_t>(scan.max_distance) + 1);
  std::array<std::array<uint64_t, 4>, kQueries> q;
  std::memcpy(q.data(), queries, sizeof(q));
  const auto* words = reinterpret_cast<const uint64_t*>(scan.codes);
  const auto is_near = [&](WordVec distances) {
    const hn::RebindToSigned<Words> s;
    return !hn::AllFalse(s, hn::Lt(hn::BitCast(s, distances), hn::BitCast(s, limit)));
  };

  size_t i = 0;
  for (; i + lanes <= scan.size; i += lanes) {
    // Past the page, where the machine's own look-ahead ends.
    for (size_t line = 0; line < lanes * sizeof(Pdq256); line += 64) {
      hwy::Prefetch(reinterpret_cast<const char*>(words + 4 * i) + kBytesAhead + line);
    }
    Block block;
    hn::LoadInterleaved4(d, words + 4 * i, block.w0, block.w1, block.w2, block.w3);
    auto nearest = limit;
    for (size_t j = 0; j < kQueries; j += kTogether) {
      nearest = LeastOf(nearest, AtLeast<kTogether, kWords>(block, &q[j]));
    }
    if (HWY_LIKELY(!is_near(nearest))) continue;
    for (size_t j = 0; j < kQueries; ++j) {
      if (!is_near(AtLeast<1, kWords>(block, &q[j]))) continue;
      CompareEach(scan, queries[j], first + static_cast<uint32_t>(j), i, lanes);
    }
  }
  for (size_t j = 0; j < kQueries; ++j) {
    CompareEach(scan, queries[j], first + static_cast<uint32_t>(j), i, scan.size - i);
  }
}

// As little work as nearly always says that random codes are not near: counting the bits of four
// queries at once pays where counting is slow, and where a block is read for eight.
template <bool kNarrow>
void ScanGroups(const Scan& scan, const Pdq256* queries, size_t count) {
  constexpr size_t kTogether = kCountsWords ? 1 : kNarrow ? 4 : 2;
  constexpr size_t kWordsAlone = kNarrow ? 2 : 4;
  size_t q = 0;
  for (; q + kGroup <= count; q += kGroup) {
    ScanGroup<kGroup, kTogether, kCountsWords ? kWordsAlone : 4>(scan, queries + q,
                                                                 static_cast<uint32_t>(q));
  }
  for (; q + 2 <= count; q += 2) {
    ScanGroup<2, 1, kWordsAlone>(scan, queries + q, static_cast<uint32_t>(q));
  }
  if (q < count) ScanGroup<1, 1, kWordsAlone>(scan, queries + q, static_cast<uint32_t>(q));
}

void ScanAll(const Pdq256* codes, size_t size, const Pdq256* queries, size_t count,
             int max_distance, std::vector<RangeHit>* hits) {
  constexpr int kNarrow = 33;  // what is said in few words
  const Scan scan{codes, size, max_distance, hits};
  if (max_distance <= kNarrow) {
    ScanGroups<true>(scan, queries, count);
  } else {
    ScanGroups<false>(scan, queries, count);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace vigie
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vigie {

HWY_EXPORT(ScanAll);

void ScanWithin(std::span<const Pdq256> codes, std::span<const Pdq256> queries, int max_distance,
                std::vector<RangeHit>* hits) {
  HWY_DYNAMIC_DISPATCH(ScanAll)
  (codes.data(), codes.size(), queries.data(), queries.size(), max_distance, hits);
}

}  // namespace vigie
#endif
