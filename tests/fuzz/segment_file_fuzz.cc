// A segment file whose checksum is right and whose content is anything: LoadSegment() refuses it,
// or searches in it stay within it. The input is a list of changes (where, which byte) to a sound
// file, so that it gets past the first check.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/index/multi_index_hash.h"
#include "engine/index/segment_file.h"

namespace {

// A file in memory, with a name as every other one.
class MemoryFile {
 public:
  MemoryFile() : file_(memfd_create("segment", MFD_CLOEXEC)) {
    if (file_ < 0) std::abort();
    path_ = "/proc/self/fd/" + std::to_string(file_);
  }
  ~MemoryFile() { close(file_); }
  const std::string& path() const { return path_; }
  void Set(const std::string& content) const {
    vigie::Checksum checksum;
    checksum.Add(content.data(), content.size());
    const uint64_t value = checksum.Value();
    if (ftruncate(file_, 0) != 0 || pwrite(file_, content.data(), content.size(), 0) < 0 ||
        pwrite(file_, &value, sizeof(value), static_cast<off_t>(content.size())) < 0) {
      std::abort();
    }
  }

 private:
  int file_;
  std::string path_;
};

// A sound file without its checksum.
std::string Sound(vigie::IndexKind kind) {
  std::mt19937_64 bits(1);
  vigie::HugeVector<vigie::Pdq256> codes(200);
  std::vector<vigie::RowId> rows;
  for (auto& code : codes) {
    for (auto& byte : code.bytes) byte = static_cast<uint8_t>(bits());
    rows.push_back(static_cast<vigie::RowId>(3 * rows.size() + 1));
  }
  const auto segment = vigie::SealedIndex::Build(kind, std::move(codes), std::move(rows));
  char folder[] = "/tmp/vigie-fuzz-XXXXXX";
  if (!segment.ok() || mkdtemp(folder) == nullptr) std::abort();
  const std::string path = std::string(folder) + "/segment";
  if (!vigie::SaveSegment(**segment, path).ok()) std::abort();
  std::ifstream file(path, std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(file), {});
  unlink(path.c_str());
  rmdir(folder);
  bytes.resize(bytes.size() - sizeof(uint64_t));
  return bytes;
}

void Search(const vigie::SealedIndex& segment) {
  if (segment.size() == 0) return;
  const auto queries = segment.codes().subspan(0, std::min<size_t>(4, segment.size()));
  for (const int distance : {0, 1, 3, 31}) {
    std::vector<vigie::RangeHit> hits;
    if (!vigie::RangeSearch(segment.For(distance), queries, distance, &hits).ok()) std::abort();
    for (const auto& hit : hits) {
      if (hit.position < 0 || static_cast<size_t>(hit.position) >= segment.size()) std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const MemoryFile file;
  static const std::string sound[] = {Sound(vigie::IndexKind::kMultiIndexHash),
                                      Sound(vigie::IndexKind::kFlat)};
  if (size == 0) return 0;
  const auto kind =
      (data[0] & 1) == 0 ? vigie::IndexKind::kMultiIndexHash : vigie::IndexKind::kFlat;
  std::string bytes = sound[static_cast<size_t>(kind)];
  // Bit 1: early bytes only, where the decisions are. Bit 2: the file ends at the last change.
  const size_t reach = (data[0] & 2) == 0 ? bytes.size() : 320;
  size_t at = 0;
  for (size_t i = 1; i + 4 <= size && i < 40; i += 4) {
    at = (data[i] | size_t{data[i + 1]} << 8 | size_t{data[i + 2]} << 16) % reach;
    bytes[at] = static_cast<char>(data[i + 3]);
  }
  if ((data[0] & 4) != 0) bytes.resize(at);
  file.Set(bytes);
  vigie::FileSeal seal;
  const auto segment = vigie::LoadSegment(file.path(), kind, &seal);
  if (segment.ok()) {
    Search(**segment);
  } else if (vigie::ReasonOf(segment.status()).empty()) {
    std::abort();
  }
  return 0;
}
