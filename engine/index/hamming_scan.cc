#include "engine/index/hamming_scan.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/index/hamming_scan.cc"
#include "hwy/foreach_target.h"
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

// Differing bits of two pairs of words, lane by lane.
HWY_INLINE WordVec CountTwo(WordVec a, WordVec b) {
#if HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_SCALAR
  return hn::Add(hn::PopulationCount(a), hn::PopulationCount(b));
#else
  // Without an instruction for words, counting bytes and summing once for both is cheaper.
  const hn::Repartition<uint8_t, Words> bytes;
  return hn::SumsOf8(hn::Add(hn::PopulationCount(hn::BitCast(bytes, a)),
                             hn::PopulationCount(hn::BitCast(bytes, b))));
#endif
}

struct Scan {
  const Pdq256* codes;
  size_t size;
  int max_distance;
  std::vector<RangeHit>* hits;
};

// Compares all codes with the kQueries queries that begin at number `first`.
template <size_t kQueries>
HWY_INLINE void ScanGroup(const Scan& scan, const Pdq256* queries, uint32_t first) {
  const Words d;
  const hn::RebindToSigned<Words> signed_words;
  const size_t lanes = hn::Lanes(d);
  const auto limit = hn::Set(signed_words, int64_t{scan.max_distance} + 1);
  std::array<std::array<uint64_t, 4>, kQueries> q;
  std::memcpy(q.data(), queries, sizeof(q));
  const auto* words = reinterpret_cast<const uint64_t*>(scan.codes);
  HWY_ALIGN std::array<uint64_t, HWY_MAX_BYTES / 8> distances;

  size_t i = 0;
  for (; i + lanes <= scan.size; i += lanes) {
    // In registers, word k of as many codes as there are lanes: no sums across lanes are needed.
    WordVec w0, w1, w2, w3;
    hn::LoadInterleaved4(d, words + 4 * i, w0, w1, w2, w3);
    for (size_t j = 0; j < kQueries; ++j) {
      const WordVec half =
          CountTwo(hn::Xor(w0, hn::Set(d, q[j][0])), hn::Xor(w1, hn::Set(d, q[j][1])));
      // 128 bits decide nearly always.
      if (HWY_LIKELY(hn::AllFalse(signed_words, hn::Lt(hn::BitCast(signed_words, half), limit)))) {
        continue;
      }
      const WordVec all = hn::Add(
          half, CountTwo(hn::Xor(w2, hn::Set(d, q[j][2])), hn::Xor(w3, hn::Set(d, q[j][3]))));
      if (hn::AllFalse(signed_words, hn::Lt(hn::BitCast(signed_words, all), limit))) continue;
      hn::Store(all, d, distances.data());
      for (size_t lane = 0; lane < lanes; ++lane) {
        const auto distance = static_cast<int>(distances[lane]);
        if (distance > scan.max_distance) continue;
        scan.hits->push_back({.query = first + static_cast<uint32_t>(j),
                              .position = static_cast<int64_t>(i + lane),
                              .distance = distance});
      }
    }
  }
  for (; i < scan.size; ++i) {
    for (size_t j = 0; j < kQueries; ++j) {
      const int distance = HammingDistance(scan.codes[i], queries[j]);
      if (distance > scan.max_distance) continue;
      scan.hits->push_back({.query = first + static_cast<uint32_t>(j),
                            .position = static_cast<int64_t>(i),
                            .distance = distance});
    }
  }
}

void ScanAll(const Pdq256* codes, size_t size, const Pdq256* queries, size_t count,
             int max_distance, std::vector<RangeHit>* hits) {
  const Scan scan{codes, size, max_distance, hits};
  size_t q = 0;
  for (; q + kGroup <= count; q += kGroup) {
    ScanGroup<kGroup>(scan, queries + q, static_cast<uint32_t>(q));
  }
  for (; q + 2 <= count; q += 2) ScanGroup<2>(scan, queries + q, static_cast<uint32_t>(q));
  if (q < count) ScanGroup<1>(scan, queries + q, static_cast<uint32_t>(q));
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
