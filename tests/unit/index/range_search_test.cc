// The radius is inclusive, exactly, through every index that holds rows.
#include "engine/index/range_search.h"

#include <gmock/gmock.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <numeric>
#include <string>
#include <tuple>
#include <vector>

#include "engine/index/faiss_multi_hash.h"
#include "engine/index/head_index.h"
#include "engine/index/sealed_index.h"
#include "tests/support/engine_fixtures.h"

namespace vigie {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::Random;
using ::testing::SizeIs;

std::shared_ptr<const SealedIndex> Seal(IndexKind kind, const std::vector<Pdq256>& codes) {
  std::vector<RowId> rows(codes.size());
  std::iota(rows.begin(), rows.end(), 1);
  auto sealed = SealedIndex::Build(kind, {codes.begin(), codes.end()}, std::move(rows));
  EXPECT_TRUE(sealed.ok()) << sealed.status();
  return *std::move(sealed);
}

using Found = std::vector<std::tuple<uint32_t, int64_t, int>>;

Found Search(const faiss::IndexBinary& index, const std::vector<Pdq256>& queries, int radius) {
  std::vector<RangeHit> hits;
  const absl::Status status = RangeSearch(index, queries, radius, &hits);
  EXPECT_TRUE(status.ok()) << status;
  Found found;
  for (const RangeHit& hit : hits) found.emplace_back(hit.query, hit.position, hit.distance);
  std::sort(found.begin(), found.end());
  return found;
}

Found BruteForce(const std::vector<Pdq256>& codes, const std::vector<Pdq256>& queries, int radius) {
  Found found;
  for (uint32_t q = 0; q < queries.size(); ++q) {
    for (size_t i = 0; i < codes.size(); ++i) {
      const int distance = HammingDistance(queries[q], codes[i]);
      if (distance <= radius) found.emplace_back(q, i, distance);
    }
  }
  return found;
}

class SealedKinds : public ::testing::TestWithParam<IndexKind> {};

TEST_P(SealedKinds, FindWhatIsExactlyAtTheRadiusAndNothingBeyond) {
  Random random(1);
  const Pdq256 query = random.Hash();
  for (int radius = 0; radius <= kMaxDistanceLimit; ++radius) {
    // Many rows on the border: a multi-hash that missed some substrings would lose some of them.
    std::vector<Pdq256> codes;
    for (int i = 0; i < 50; ++i) codes.push_back(random.Near(query, radius));
    for (int i = 0; i < 50; ++i) codes.push_back(random.Near(query, radius + 1));
    const auto sealed = Seal(GetParam(), codes);
    const Found found = Search(sealed->For(radius), {query}, radius);
    EXPECT_THAT(found, SizeIs(50)) << "radius " << radius;
    EXPECT_EQ(found, BruteForce(codes, {query}, radius));
  }
}

TEST_P(SealedKinds, EqualBruteForceOnThousandsOfNearAndUnrelatedPairs) {
  Random random(2);
  std::vector<Pdq256> codes;
  std::vector<Pdq256> queries;
  for (int i = 0; i < 3000; ++i) codes.push_back(random.Hash());
  for (int i = 0; i < 300; ++i) {
    queries.push_back(random.Near(codes[random.Below(3000)], static_cast<int>(random.Below(48))));
  }
  for (int i = 0; i < 1000; ++i) {
    codes.push_back(random.Near(queries[random.Below(300)], static_cast<int>(random.Below(60))));
  }
  const auto sealed = Seal(GetParam(), codes);
  for (const int radius : {0, 15, 30, 31, 32, kMaxDistanceLimit}) {
    EXPECT_EQ(Search(sealed->For(radius), queries, radius), BruteForce(codes, queries, radius))
        << "radius " << radius;
  }
}

TEST_P(SealedKinds, TwoFlipsInFifteenSubstringsAndOneInTheLastAreStillFound) {
  // The worst case of the pigeonhole at 31: one substring of 16 has a single difference.
  const Pdq256 query;
  for (size_t last = 0; last < 16; ++last) {
    Pdq256 code;
    for (size_t s = 0; s < 16; ++s) code.bytes[2 * s] = s == last ? 0x10 : 0x81;
    ASSERT_EQ(HammingDistance(query, code), 31);
    const auto sealed = Seal(GetParam(), {code});
    EXPECT_THAT(Search(sealed->For(31), {query}, 31), SizeIs(1)) << last;
  }
}

TEST_P(SealedKinds, ThirtyTwoIsFoundWhenEverySubstringDiffersTwice) {
  // What 16 x 16 with one flip cannot see: the search must have gone to the flat scan.
  Pdq256 code;
  for (size_t s = 0; s < 16; ++s) code.bytes[2 * s] = 0x81;
  const auto sealed = Seal(GetParam(), {code});
  EXPECT_THAT(Search(sealed->For(32), {Pdq256()}, 32), SizeIs(1));
  EXPECT_THAT(Search(sealed->For(31), {Pdq256()}, 31), IsEmpty());
}

TEST_P(SealedKinds, EmptySegmentAndNoQueriesFindNothing) {
  const auto empty = Seal(GetParam(), {});
  EXPECT_EQ(empty->size(), 0U);
  EXPECT_THAT(Search(empty->For(31), {Pdq256()}, 31), IsEmpty());
  const auto one = Seal(GetParam(), {Pdq256()});
  EXPECT_THAT(Search(one->For(31), {}, 31), IsEmpty());
}

TEST_P(SealedKinds, KeepsCodesAndRowsReadable) {
  Random random(3);
  const std::vector<Pdq256> codes = {random.Hash(), random.Hash()};
  const auto sealed = Seal(GetParam(), codes);
  EXPECT_THAT(sealed->rows(), ElementsAre(1, 2));
  EXPECT_THAT(sealed->codes(), ElementsAre(codes[0], codes[1]));
}

// Copies hashes to the very end of a page; the page behind it cannot be read.
class EndOfMapping {
 public:
  explicit EndOfMapping(const std::vector<Pdq256>& hashes)
      : page_(static_cast<size_t>(sysconf(_SC_PAGESIZE))),
        mapping_(static_cast<char*>(
            mmap(nullptr, 2 * page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    EXPECT_NE(mapping_, MAP_FAILED);
    EXPECT_EQ(mprotect(mapping_ + page_, page_, PROT_NONE), 0);
    const size_t bytes = hashes.size() * sizeof(Pdq256);
    std::memcpy(mapping_ + page_ - bytes, hashes.data(), bytes);
    hashes_ = {reinterpret_cast<const Pdq256*>(mapping_ + page_ - bytes), hashes.size()};
  }
  ~EndOfMapping() { munmap(mapping_, 2 * page_); }
  EndOfMapping(const EndOfMapping&) = delete;
  EndOfMapping& operator=(const EndOfMapping&) = delete;

  std::span<const Pdq256> hashes() const { return hashes_; }

 private:
  const size_t page_;
  char* const mapping_;
  std::span<const Pdq256> hashes_;
};

TEST_P(SealedKinds, ReadNothingBehindTheQueries) {
  Random random(8);
  const std::vector<Pdq256> codes = {random.Hash(), random.Hash(), random.Hash()};
  const auto sealed = Seal(GetParam(), codes);
  for (size_t count = 1; count <= 3; ++count) {
    const EndOfMapping queries({codes.end() - static_cast<int64_t>(count), codes.end()});
    std::vector<RangeHit> hits;
    ASSERT_TRUE(RangeSearch(sealed->For(31), queries.hashes(), 31, &hits).ok());
    EXPECT_THAT(hits, SizeIs(count));
  }
}

TEST(FaissMultiHash, ReadsNothingBehindTheCodesItAdds) {
  Random random(9);
  const std::vector<Pdq256> codes = {random.Hash(), random.Hash(), random.Hash()};
  const EndOfMapping source(codes);
  FaissMultiHash index;
  index.add(3, source.hashes().data()->bytes.data());
  EXPECT_EQ(Search(index, codes, 31), BruteForce(codes, codes, 31));
}

INSTANTIATE_TEST_SUITE_P(Index, SealedKinds, ::testing::ValuesIn(kIndexKinds),
                         [](const auto& param) {
                           std::string name(Name(param.param));
                           std::erase(name, '-');
                           return name;
                         });

TEST(IndexKinds, HaveNamesThatParseBack) {
  for (const IndexKind kind : kIndexKinds) {
    EXPECT_EQ(ParseIndexKind(Name(kind)), kind);
  }
  EXPECT_EQ(ParseIndexKind("hnsw"), std::nullopt);
}

TEST(HeadIndex, FindsWhatIsExactlyAtTheRadiusAndNothingBeyond) {
  Random random(4);
  const Pdq256 query = random.Hash();
  HeadIndex head(2 * (kMaxDistanceLimit + 2));
  std::vector<Pdq256> codes;
  for (int distance = 0; distance <= kMaxDistanceLimit + 1; ++distance) {
    codes.push_back(random.Near(query, distance));
    ASSERT_TRUE(head.Append(codes.back(), static_cast<RowId>(codes.size())));
  }
  for (int radius = 0; radius <= kMaxDistanceLimit; ++radius) {
    EXPECT_THAT(Search(head, {query}, radius), SizeIs(static_cast<size_t>(radius) + 1));
    EXPECT_EQ(Search(head, {query, codes[7]}, radius),
              BruteForce(codes, {query, codes[7]}, radius));
  }
}

TEST(HeadIndex, RefusesMoreThanItsCapacity) {
  HeadIndex head(2);
  EXPECT_TRUE(head.Append({}, 1));
  EXPECT_FALSE(head.full());
  EXPECT_TRUE(head.Append({}, 2));
  EXPECT_TRUE(head.full());
  EXPECT_FALSE(head.Append({}, 3));
  EXPECT_THAT(head.rows(), ElementsAre(1, 2));
}

TEST(RangeSearch, AnIndexThatThrowsIsAnError) {
  class Broken final : public faiss::IndexBinary {
   public:
    Broken() : faiss::IndexBinary(256) {}
    void add(idx_t, const uint8_t*) override {}
    void reset() override {}
    void search(idx_t, const uint8_t*, idx_t, int32_t*, idx_t*,
                const faiss::SearchParameters*) const override {}
    void range_search(idx_t, const uint8_t*, int, faiss::RangeSearchResult*,
                      const faiss::SearchParameters*) const override {
      throw std::runtime_error("no");
    }
  };
  std::vector<RangeHit> hits;
  const Pdq256 query;
  EXPECT_EQ(ReasonOf(RangeSearch(Broken(), {&query, 1}, 31, &hits)), "INDEX_FAILED");
  EXPECT_THAT(hits, IsEmpty());
}

}  // namespace
}  // namespace vigie
