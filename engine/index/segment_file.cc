#include "engine/index/segment_file.h"

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/index/multi_index_hash.h"

namespace vigie {
namespace {

constexpr std::array<char, 8> kMagic = {'V', 'I', 'G', 'I', 'E', 'S', 'E', 'G'};

struct TableHeader {
  uint32_t first_bit = 0;
  uint32_t bits = 0;
};

struct SegmentHeader {
  std::array<char, 8> magic = kMagic;
  uint32_t version = kSegmentFileVersion;
  uint32_t kind = 0;
  uint64_t rows = 0;
  uint32_t tables = 0;
  std::array<uint32_t, 9> reserved{};
  std::array<TableHeader, 32> table{};
};
static_assert(sizeof(SegmentHeader) == 320 && sizeof(SegmentHeader) % kFileAlignment == 0);

uint64_t Aligned(uint64_t bytes) {
  return (bytes + kFileAlignment - 1) / kFileAlignment * kFileAlignment;
}

size_t StartsOf(const TableHeader& table) { return (size_t{1} << table.bits) + 1; }

// Bytes after the header that a file with this header has. Numbers are bounded: no overflow.
uint64_t BodySize(const SegmentHeader& header) {
  uint64_t size = Aligned(4 * header.rows) + Aligned(32 * header.rows);
  for (size_t i = 0; i < header.tables; ++i) {
    size += Aligned(4 * StartsOf(header.table[i])) + Aligned(4 * header.rows) +
            Aligned(2 * (header.rows + SubstringTable::kSketchPadding));
  }
  return size;
}

absl::Status CheckHeader(const SegmentHeader& header, IndexKind kind, const std::string& path,
                         uint64_t remaining) {
  if (header.magic != kMagic) return FileUnusable(path, "is not a segment");
  if (header.version != kSegmentFileVersion) {
    return FileUnusable(path, absl::StrCat("has format version ", header.version));
  }
  if (header.kind != static_cast<uint32_t>(kind)) {
    return FileUnusable(path, "holds another kind of index than is configured");
  }
  const bool hashed = kind == IndexKind::kMultiIndexHash;
  if (header.rows > std::numeric_limits<uint32_t>::max() || header.tables > header.table.size() ||
      (header.tables != 0 && !hashed)) {
    return FileUnusable(path, "has an impossible header");
  }
  for (size_t i = 0; i < header.tables; ++i) {
    if (header.table[i].first_bit > 255 || header.table[i].bits > 31) {
      return FileUnusable(path, "has an impossible header");
    }
  }
  // Before anything is allocated for it.
  if (BodySize(header) != remaining) return FileUnusable(path, "has another size than it says");
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const SealedIndex>> Load(const std::string& path, IndexKind kind,
                                                        FileSeal* seal) {
  CheckedFileReader file;
  VIGIE_RETURN_IF_ERROR(file.Open(path));
  SegmentHeader header;
  VIGIE_RETURN_IF_ERROR(file.Read(&header, sizeof(header)));
  VIGIE_RETURN_IF_ERROR(CheckHeader(header, kind, path, file.remaining()));

  std::vector<RowId> rows(header.rows);
  VIGIE_RETURN_IF_ERROR(file.Read<RowId>(rows));
  VIGIE_RETURN_IF_ERROR(file.Align());
  HugeVector<Pdq256> codes(header.rows);
  VIGIE_RETURN_IF_ERROR(file.Read<Pdq256>(codes));
  VIGIE_RETURN_IF_ERROR(file.Align());
  std::vector<Substring> substrings;
  for (size_t i = 0; i < header.tables; ++i) {
    substrings.push_back({.first_bit = static_cast<int>(header.table[i].first_bit),
                          .bits = static_cast<int>(header.table[i].bits)});
  }
  SubstringTables tables(substrings, header.rows);
  for (const SubstringTable& table : tables.all()) {
    VIGIE_RETURN_IF_ERROR(file.Read<uint32_t>(table.starts));
    VIGIE_RETURN_IF_ERROR(file.Align());
    VIGIE_RETURN_IF_ERROR(file.Read<uint32_t>(table.ids));
    VIGIE_RETURN_IF_ERROR(file.Align());
    VIGIE_RETURN_IF_ERROR(file.Read<uint16_t>(table.sketches));
    VIGIE_RETURN_IF_ERROR(file.Align());
  }
  VIGIE_ASSIGN_OR_RETURN(*seal, file.Finish());

  if (std::adjacent_find(rows.begin(), rows.end(), std::greater_equal<>()) != rows.end()) {
    return FileUnusable(path, "has rows out of order");
  }
  if (kind != IndexKind::kMultiIndexHash) {
    return SealedIndex::Build(kind, std::move(codes), std::move(rows));
  }
  auto index = MultiIndexHash::FromTables(std::move(codes), std::move(tables));
  if (index == nullptr) return FileUnusable(path, "has tables that cannot be");
  return SealedIndex::FromIndex(std::move(index), std::move(rows));
}

}  // namespace

absl::StatusOr<FileSeal> SaveSegment(const SealedIndex& segment, const std::string& path) {
  SegmentHeader header;
  header.kind = static_cast<uint32_t>(segment.kind());
  header.rows = segment.size();
  const std::span<const SubstringTable> tables = segment.tables();
  header.tables = static_cast<uint32_t>(tables.size());
  for (size_t i = 0; i < tables.size(); ++i) {
    header.table.at(i) = {static_cast<uint32_t>(tables[i].first_bit),
                          static_cast<uint32_t>(tables[i].bits)};
  }
  CheckedFileWriter file(path);
  VIGIE_RETURN_IF_ERROR(file.Write(&header, sizeof(header)));
  VIGIE_RETURN_IF_ERROR(file.Write(segment.rows()));
  VIGIE_RETURN_IF_ERROR(file.Align());
  VIGIE_RETURN_IF_ERROR(file.Write(segment.codes()));
  VIGIE_RETURN_IF_ERROR(file.Align());
  for (const SubstringTable& table : tables) {
    VIGIE_RETURN_IF_ERROR(file.Write<uint32_t>(table.starts));
    VIGIE_RETURN_IF_ERROR(file.Align());
    VIGIE_RETURN_IF_ERROR(file.Write<uint32_t>(table.ids));
    VIGIE_RETURN_IF_ERROR(file.Align());
    VIGIE_RETURN_IF_ERROR(file.Write<uint16_t>(table.sketches));
    VIGIE_RETURN_IF_ERROR(file.Align());
  }
  return file.Finish();
}

absl::StatusOr<std::shared_ptr<const SealedIndex>> LoadSegment(const std::string& path,
                                                               IndexKind kind, FileSeal* seal) {
  try {
    return Load(path, kind, seal);
  } catch (const std::bad_alloc&) {
    return Error(absl::StatusCode::kResourceExhausted, "OUT_OF_MEMORY",
                 absl::StrCat("not enough memory to load ", path));
  }
}

}  // namespace vigie
