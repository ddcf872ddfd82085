#include "engine/catalog/checkpoint.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <span>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace vigie {
namespace {

using Magic = std::array<char, 8>;
constexpr Magic kManifestMagic = {'V', 'I', 'G', 'I', 'E', 'C', 'K', 'P'};
constexpr Magic kFactsMagic = {'V', 'I', 'G', 'I', 'E', 'F', 'C', 'T'};
constexpr Magic kDigestsMagic = {'V', 'I', 'G', 'I', 'E', 'D', 'I', 'G'};
constexpr size_t kMaxSegments = 4096;
constexpr size_t kBlock = 65536;  // records or words handled at once

// How every file here begins; `a` and `b` are its counts.
struct FileHeader {
  Magic magic{};
  uint32_t version = kCheckpointVersion;
  uint32_t reserved = 0;
  uint64_t a = 0;
  uint64_t b = 0;
};
static_assert(sizeof(FileHeader) == 32);

struct ManifestBody {
  std::array<uint8_t, 32> database{};
  uint64_t mark = 0;
  uint64_t revision = 0;
  uint64_t last_entry = 0;
  uint64_t last_row = 0;
};
static_assert(sizeof(ManifestBody) == 64);

struct DigestRecord {
  uint8_t algorithm = 0;
  std::array<uint8_t, 3> reserved{};
  uint32_t row = 0;
  std::array<char, 32> value{};  // the first ValueSize(algorithm) bytes
};
static_assert(sizeof(DigestRecord) == 40);

std::string ManifestPath(const std::string& folder) { return folder + "/manifest"; }
std::string Prefix(uint64_t mark) { return absl::StrCat(absl::Hex(mark, absl::kZeroPad16), "."); }

absl::StatusOr<FileHeader> ReadHeader(CheckedFileReader& file, const std::string& path,
                                      const Magic& magic) {
  FileHeader header;
  VIGIE_RETURN_IF_ERROR(file.Open(path));
  VIGIE_RETURN_IF_ERROR(file.Read(&header, sizeof(header)));
  if (header.magic != magic) return FileUnusable(path, "is another kind of file");
  if (header.version != kCheckpointVersion) {
    return FileUnusable(path, absl::StrCat("has format version ", header.version));
  }
  return header;
}

absl::Status FinishAs(CheckedFileReader& file, const std::string& path, const FileSeal& expected) {
  FileSeal seal;
  VIGIE_ASSIGN_OR_RETURN(seal, file.Finish());
  if (seal != expected) return FileUnusable(path, "is not the file that the manifest names");
  return absl::OkStatus();
}

// True for names that a checkpoint's files have: 16 hex digits, a dot, the part.
bool IsOurs(const std::string& name) {
  return name.size() > 17 && name[16] == '.' && name.find_first_not_of("0123456789abcdef") == 16;
}

template <typename Predicate>
void RemoveFiles(const std::string& folder, const Predicate& which) {
  std::error_code error;
  std::vector<std::filesystem::path> files;
  for (const auto& file : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = file.path().filename().string();
    if (IsOurs(name) && which(name)) files.push_back(file.path());
  }
  for (const auto& file : files) std::filesystem::remove(file, error);
}

}  // namespace

absl::Status MakeCheckpointFolder(const std::string& folder) {
  if (mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  return Error(absl::StatusCode::kUnavailable, "FILE_FAILED",
               absl::StrCat("cannot make the folder ", folder, ": ", strerror(errno)));
}

std::string CheckpointFile(const std::string& folder, uint64_t mark, std::string_view part) {
  return absl::StrCat(folder, "/", Prefix(mark), ToAbsl(part));
}

std::string SegmentPart(size_t number) { return absl::StrCat(number, ".segment"); }

absl::Status WriteManifest(const std::string& folder, const CheckpointManifest& manifest) {
  CheckedFileWriter file(ManifestPath(folder));
  const FileHeader header{.magic = kManifestMagic,
                          .a = manifest.segments.size(),
                          .b = manifest.heads.has_value() ? 1U : 0U};
  const ManifestBody body{.database = manifest.database,
                          .mark = manifest.mark,
                          .revision = manifest.revision,
                          .last_entry = manifest.last_entry,
                          .last_row = manifest.last_row};
  std::vector<FileSeal> seals = {manifest.facts, manifest.digests};
  if (manifest.heads.has_value()) seals.push_back(*manifest.heads);
  seals.insert(seals.end(), manifest.segments.begin(), manifest.segments.end());
  VIGIE_RETURN_IF_ERROR(file.Write(&header, sizeof(header)));
  VIGIE_RETURN_IF_ERROR(file.Write(&body, sizeof(body)));
  VIGIE_RETURN_IF_ERROR(file.Write<FileSeal>(seals));
  VIGIE_RETURN_IF_ERROR(file.Finish().status());
  return SyncFolder(folder);
}

absl::StatusOr<CheckpointManifest> ReadManifest(const std::string& folder) {
  const std::string path = ManifestPath(folder);
  CheckedFileReader file;
  FileHeader header;
  VIGIE_ASSIGN_OR_RETURN(header, ReadHeader(file, path, kManifestMagic));
  if (header.a > kMaxSegments || header.b > 1) return FileUnusable(path, "names too many files");
  ManifestBody body;
  std::vector<FileSeal> seals(2 + header.a + header.b);
  VIGIE_RETURN_IF_ERROR(file.Read(&body, sizeof(body)));
  VIGIE_RETURN_IF_ERROR(file.Read<FileSeal>(seals));
  VIGIE_RETURN_IF_ERROR(file.Finish().status());
  if (body.last_entry > UINT32_MAX || body.last_row > UINT32_MAX) {
    return FileUnusable(path, "has numbers that cannot be");
  }
  CheckpointManifest manifest{.database = body.database,
                              .mark = body.mark,
                              .revision = body.revision,
                              .last_entry = static_cast<EntryNumber>(body.last_entry),
                              .last_row = static_cast<RowId>(body.last_row),
                              .facts = seals[0],
                              .digests = seals[1]};
  if (header.b == 1) manifest.heads = seals[2];
  manifest.segments.assign(seals.begin() + 2 + static_cast<std::ptrdiff_t>(header.b), seals.end());
  return manifest;
}

absl::StatusOr<FileSeal> SaveFacts(const EntryTable& table, EntryNumber last_entry, RowId last_row,
                                   const std::string& path) {
  CheckedFileWriter file(path);
  const FileHeader header{.magic = kFactsMagic, .a = last_entry, .b = last_row};
  VIGIE_RETURN_IF_ERROR(file.Write(&header, sizeof(header)));
  std::vector<uint64_t> words;
  for (uint64_t next = 1; next <= last_entry; next += kBlock) {
    words.resize(std::min<uint64_t>(kBlock, last_entry - next + 1));
    table.CopyEntryWords(static_cast<EntryNumber>(next), words);
    VIGIE_RETURN_IF_ERROR(file.Write<uint64_t>(words));
  }
  for (uint64_t next = 1; next <= last_row; next += kBlock) {
    words.resize(std::min<uint64_t>(kBlock, last_row - next + 1));
    table.CopyRowWords(static_cast<RowId>(next), words);
    VIGIE_RETURN_IF_ERROR(file.Write<uint64_t>(words));
  }
  return file.Finish();
}

absl::Status LoadFacts(const CheckpointManifest& manifest, const std::string& path,
                       EntryTable* table) {
  CheckedFileReader file;
  FileHeader header;
  VIGIE_ASSIGN_OR_RETURN(header, ReadHeader(file, path, kFactsMagic));
  const uint64_t entries = manifest.last_entry;
  const uint64_t rows = manifest.last_row;
  if (header.a != entries || header.b != rows || file.remaining() != 8 * (entries + rows)) {
    return FileUnusable(path, "holds other numbers than the manifest says");
  }
  std::vector<uint64_t> words;
  for (uint64_t next = 1; next <= entries; next += kBlock) {
    words.resize(std::min<uint64_t>(kBlock, entries - next + 1));
    VIGIE_RETURN_IF_ERROR(file.Read<uint64_t>(words));
    table->SetEntryWords(static_cast<EntryNumber>(next), words);
  }
  for (uint64_t next = 1; next <= rows; next += kBlock) {
    words.resize(std::min<uint64_t>(kBlock, rows - next + 1));
    VIGIE_RETURN_IF_ERROR(file.Read<uint64_t>(words));
    table->SetRowWords(static_cast<RowId>(next), words);
  }
  return FinishAs(file, path, manifest.facts);
}

absl::StatusOr<FileSeal> SaveDigests(const DigestIndex& digests, RowId last_row,
                                     const std::string& path) {
  CheckedFileWriter file(path);
  const FileHeader header{.magic = kDigestsMagic};
  VIGIE_RETURN_IF_ERROR(file.Write(&header, sizeof(header)));
  std::vector<DigestRecord> records;
  for (size_t shard = 0; shard < DigestIndex::kShards; ++shard) {
    records.clear();
    digests.ForEach(shard, [&](Algorithm algorithm, std::string_view value, RowId row) {
      if (row > last_row) return;  // newer than the checkpoint
      DigestRecord& record = records.emplace_back();
      record.algorithm = static_cast<uint8_t>(algorithm);
      record.row = row;
      std::memcpy(record.value.data(), value.data(), std::min(value.size(), record.value.size()));
    });
    VIGIE_RETURN_IF_ERROR(file.Write<DigestRecord>(records));
  }
  return file.Finish();
}

absl::Status LoadDigests(
    const CheckpointManifest& manifest, const std::string& path,
    const std::function<absl::Status(Algorithm, std::string_view value, RowId)>& visit) {
  CheckedFileReader file;
  VIGIE_RETURN_IF_ERROR(ReadHeader(file, path, kDigestsMagic).status());
  if (file.remaining() % sizeof(DigestRecord) != 0) return FileUnusable(path, "is cut off");
  std::vector<DigestRecord> records(file.remaining() / sizeof(DigestRecord));
  VIGIE_RETURN_IF_ERROR(file.Read<DigestRecord>(records));
  VIGIE_RETURN_IF_ERROR(FinishAs(file, path, manifest.digests));
  for (const DigestRecord& record : records) {
    const auto algorithm = static_cast<Algorithm>(record.algorithm);
    const size_t size = ValueSize(algorithm);
    if (size == 0 || algorithm == Algorithm::kPdq || record.row == 0 ||
        record.row > manifest.last_row) {
      return FileUnusable(path, "holds a digest that cannot be");
    }
    VIGIE_RETURN_IF_ERROR(visit(algorithm, {record.value.data(), size}, record.row));
  }
  return absl::OkStatus();
}

void RemoveOtherCheckpoints(const std::string& folder, uint64_t mark) {
  RemoveFiles(folder, [keep = Prefix(mark)](const std::string& name) {
    return !name.starts_with(keep) || name.ends_with(".tmp");
  });
}

void RemoveCheckpoint(const std::string& folder, uint64_t mark) {
  RemoveFiles(folder,
              [gone = Prefix(mark)](const std::string& name) { return name.starts_with(gone); });
}

}  // namespace vigie
