#include "engine/index/segment_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <numeric>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "engine/index/live_index.h"
#include "engine/index/multi_index_hash.h"
#include "tests/support/engine_fixtures.h"
#include "tests/support/substring_tables.h"

namespace vigie {
namespace {

using testing::Random;
using testing::Take;

struct Rows {
  HugeVector<Pdq256> codes;
  std::vector<RowId> ids;
};

// Random codes with near neighbours among them; ids with gaps.
Rows MakeRows(Random& random, size_t count) {
  Rows rows;
  RowId id = 0;
  for (size_t i = 0; i < count; ++i) {
    rows.codes.push_back(i > 0 && random.OneIn(3) ? random.Near(rows.codes[random.Below(i)],
                                                                static_cast<int>(random.Below(40)))
                                                  : random.Hash());
    rows.ids.push_back(id += 1 + static_cast<RowId>(random.Below(3)));
  }
  return rows;
}

// Enough for the multi-index hash to have tables, which take megabytes; few for the others.
size_t RowsWithTables(IndexKind kind) { return kind == IndexKind::kMultiIndexHash ? 20000 : 300; }

std::shared_ptr<const SealedIndex> Sealed(IndexKind kind, const Rows& rows) {
  return Take(SealedIndex::Build(kind, rows.codes, rows.ids));
}

// All hits of the last rows' codes at `max_distance`, as (query, position, distance), in order.
auto AllHits(const SealedIndex& segment, int max_distance) {
  std::vector<RangeHit> hits;
  const auto queries = segment.codes().last(std::min<size_t>(segment.size(), 1000));
  EXPECT_TRUE(RangeSearch(segment.For(max_distance), queries, max_distance, &hits).ok());
  std::vector<std::tuple<uint32_t, int64_t, int>> all;
  for (const RangeHit& hit : hits) all.emplace_back(hit.query, hit.position, hit.distance);
  std::sort(all.begin(), all.end());
  return all;
}

std::string BytesOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void SetBytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

void SetByte(const std::string& path, size_t at, char byte) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(at)).put(byte);
}

class SegmentFile : public ::testing::TestWithParam<IndexKind> {
 protected:
  std::string Path() const { return folder_.File("a.segment"); }
  absl::StatusOr<std::shared_ptr<const SealedIndex>> Load() {
    return LoadSegment(Path(), GetParam(), &seal_);
  }
  // Replaces the file by `content` and the checksum that it should have.
  void WriteChecked(const std::string& content) {
    CheckedFileWriter writer(Path());
    ASSERT_TRUE(writer.Write(content.data(), content.size()).ok());
    ASSERT_TRUE(writer.Finish().ok());
  }

  testing::TemporaryFolder folder_;
  FileSeal seal_;
};

TEST_P(SegmentFile, AnswersAsTheSegmentItWasSavedFrom) {
  Random random(1);
  for (const size_t count :
       {size_t{1}, size_t{63}, size_t{64}, size_t{700}, RowsWithTables(GetParam())}) {
    const auto segment = Sealed(GetParam(), MakeRows(random, count));
    const FileSeal saved = Take(SaveSegment(*segment, Path()));
    const auto loaded = Take(Load());
    EXPECT_EQ(seal_, saved);
    EXPECT_EQ(loaded->kind(), GetParam());
    EXPECT_TRUE(std::ranges::equal(loaded->rows(), segment->rows()));
    EXPECT_TRUE(std::ranges::equal(loaded->codes(), segment->codes()));
    for (const int distance : {0, 5, 31, 40}) {
      EXPECT_EQ(AllHits(*loaded, distance), AllHits(*segment, distance)) << distance;
    }
    struct stat facts {};
    ASSERT_EQ(stat(Path().c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0600U);
  }
}

TEST_P(SegmentFile, IsRefusedWhenCutOrChangedAnywhere) {
  Random random(2);
  const auto segment = Sealed(GetParam(), MakeRows(random, RowsWithTables(GetParam())));
  EXPECT_EQ(segment->tables().empty(), GetParam() != IndexKind::kMultiIndexHash);
  ASSERT_TRUE(SaveSegment(*segment, Path()).ok());
  const std::string whole = BytesOf(Path());
  for (size_t i = 64; i-- > 0;) {
    std::filesystem::resize_file(Path(), whole.size() * i / 64);
    EXPECT_EQ(ReasonOf(Load().status()), "FILE_UNUSABLE") << i << "/64";
  }
  SetBytes(Path(), whole);
  for (int i = 0; i < 300; ++i) {
    // Every second one in the header and the rows behind it.
    const size_t at = random.Below(i % 2 == 0 ? 400 : whole.size());
    SetByte(Path(), at, static_cast<char>(whole[at] ^ (1 << random.Below(8))));
    EXPECT_EQ(ReasonOf(Load().status()), "FILE_UNUSABLE") << "byte " << at;
    SetByte(Path(), at, whole[at]);
  }
  EXPECT_TRUE(Load().ok());
}

TEST_P(SegmentFile, OfAnotherVersionKindOrPurposeIsRefused) {
  Random random(3);
  ASSERT_TRUE(SaveSegment(*Sealed(GetParam(), MakeRows(random, 10)), Path()).ok());
  const std::string whole = BytesOf(Path());
  const std::string content = whole.substr(0, whole.size() - sizeof(uint64_t));
  for (const char version : {'\0', '\1', '\x7f', 'M'}) {
    std::string other = content;
    other[8] = version;
    WriteChecked(other);
    EXPECT_EQ(ReasonOf(Load().status()), "FILE_UNUSABLE") << int{version};
  }
  WriteChecked("another file with a right checksum" + content);
  EXPECT_EQ(ReasonOf(Load().status()), "FILE_UNUSABLE");
  WriteChecked(content);
  EXPECT_TRUE(Load().ok());
  for (const IndexKind kind : kIndexKinds) {
    EXPECT_EQ(LoadSegment(Path(), kind, &seal_).ok(), kind == GetParam());
  }
}

TEST_P(SegmentFile, RowsOutOfOrderAreRefused) {
  Random random(4);
  Rows rows = MakeRows(random, 20);
  std::swap(rows.ids[3], rows.ids[4]);
  ASSERT_TRUE(SaveSegment(*Sealed(GetParam(), rows), Path()).ok());
  EXPECT_EQ(ReasonOf(Load().status()), "FILE_UNUSABLE");
}

INSTANTIATE_TEST_SUITE_P(Kinds, SegmentFile, ::testing::ValuesIn(kIndexKinds),
                         [](const auto& test) {
                           std::string name(Name(test.param));
                           std::erase(name, '-');
                           return name;
                         });

// Numbers that point outside, under a right checksum: refused, not followed.
TEST(SegmentTables, ThatPointOutsideAreRefused) {
  Random random(5);
  const Rows rows = MakeRows(random, 20000);
  const auto segment = Sealed(IndexKind::kMultiIndexHash, rows);
  const auto with = [&](const std::function<void(std::span<SubstringTable>)>& change) {
    SubstringTables tables = CopyOf(segment->tables(), rows.codes.size());
    change(tables.all());
    return MultiIndexHash::FromTables(rows.codes, std::move(tables)) != nullptr;
  };
  EXPECT_TRUE(with([](auto) {}));
  EXPECT_FALSE(with([](auto tables) { tables[2].ids[7] = 20000; }));
  EXPECT_FALSE(with([](auto tables) { tables[2].ids[7] = 0xFFFF'FFFF; }));
  EXPECT_FALSE(with([](auto tables) { tables[0].starts[0] = 1; }));
  EXPECT_FALSE(with([](auto tables) { tables[0].starts.back() = 20001; }));
  EXPECT_FALSE(with([](auto tables) { tables[0].starts[9] = 0xFFFF'FFFF; }));
  EXPECT_FALSE(with([](auto tables) { tables[1].first_bit = 9; }));
  EXPECT_FALSE(with([](auto tables) { tables[1].bits = 9; }));
}

// Tables of other codes, fewer or more, or of other substrings.
TEST(SegmentTables, ThatAreOthersAreRefused) {
  Random random(6);
  const Rows rows = MakeRows(random, 20000);
  const auto segment = Sealed(IndexKind::kMultiIndexHash, rows);
  const std::span<const SubstringTable> tables = segment->tables();
  const auto accepted = [&](std::span<const SubstringTable> some, size_t count) {
    return MultiIndexHash::FromTables(rows.codes, CopyOf(some, count)) != nullptr;
  };
  EXPECT_TRUE(accepted(tables, 20000));
  EXPECT_FALSE(accepted(tables, 19999));
  EXPECT_FALSE(accepted(tables, 20001));
  EXPECT_FALSE(accepted(tables.first(tables.size() - 1), 20000));
  EXPECT_FALSE(accepted({}, 20000));
  std::vector<SubstringTable> more(tables.begin(), tables.end());
  more.push_back(tables[0]);
  EXPECT_FALSE(accepted(more, 20000));
}

TEST(RestoredIndex, GoesOnWhereTheOtherStood) {
  Random random(6);
  const Rows rows = MakeRows(random, 900);
  LiveIndex first({.head_capacity = 100});
  ASSERT_TRUE(first.Add(rows.codes, rows.ids).ok());
  ASSERT_TRUE(first.Maintain().ok());
  const std::vector<RowId> removed = {rows.ids[5], rows.ids[890]};
  const RowId next = rows.ids.back() + 1;
  const Pdq256 late = random.Hash();
  ASSERT_TRUE(first.Add({&late, 1}, {&next, 1}).ok());

  const LiveIndexRows all = first.Rows();
  EXPECT_EQ(all.head_rows, std::vector<RowId>{next});
  LiveIndex second({.head_capacity = 100});
  ASSERT_TRUE(second.Restore(all.segments).ok());
  ASSERT_TRUE(second.Add(all.head_codes, all.head_rows).ok());
  EXPECT_EQ(ReasonOf(second.Add({&late, 1}, {&next, 1})), "ROW_OUT_OF_ORDER");
  first.Remove(removed);
  second.Remove(removed);
  EXPECT_FALSE(second.Contains(removed[0]));
  EXPECT_TRUE(second.Contains(rows.ids[6]));
  EXPECT_TRUE(second.Contains(next));
  EXPECT_FALSE(second.Contains(next + 1));
  for (int i = 0; i < 50; ++i) {
    const Pdq256 query = rows.codes[random.Below(900)];
    const auto expected = Take(first.Search({&query, 1}, 31, 1000));
    const auto found = Take(second.Search({&query, 1}, 31, 1000));
    ASSERT_EQ(found.total, expected.total);
    for (size_t h = 0; h < found.hits.size(); ++h) {
      EXPECT_EQ(found.hits[h].row, expected.hits[h].row);
      EXPECT_EQ(found.hits[h].distance, expected.hits[h].distance);
    }
  }
  LiveIndex third({});
  EXPECT_EQ(ReasonOf(third.Restore({all.segments[0], all.segments[0]})), "ROW_OUT_OF_ORDER");
}

}  // namespace
}  // namespace vigie
