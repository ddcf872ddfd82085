#include "bench/search_index.h"

#include <faiss/IndexBinaryFlat.h>
#include <faiss/IndexBinaryHNSW.h>
#include <malloc.h>
#include <omp.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <numeric>
#include <span>
#include <stdexcept>
#include <utility>

#include "engine/index/faiss_multi_hash.h"
#include "engine/index/flat_index.h"
#include "engine/index/live_index.h"
#include "engine/index/multi_index_hash.h"

namespace vigie::bench {
namespace {

constexpr int kBits = 256;
constexpr std::string_view kKinds[] = {"mih",        "flat",    "faiss-flat", "faiss-multihash",
                                       "faiss-hnsw", "mih+head"};

// FAISS's graph index has no range search: asks for the nearest 64 and drops those too far.
class HnswIndex final : public RangeOnlyIndex {
 public:
  explicit HnswIndex(HugeVector<Pdq256> codes) : hnsw_(kBits, kLinks) {
    ntotal = static_cast<idx_t>(codes.size());
    hnsw_.add(ntotal, codes.data()->bytes.data());
  }

 private:
  static constexpr int kLinks = 32;
  static constexpr idx_t kNearest = 64;

  void Find(std::span<const Pdq256> queries, int max_distance,
            std::vector<RangeHit>* hits) const override {
    const auto k = static_cast<size_t>(kNearest);
    std::vector<int32_t> distances(queries.size() * k);
    std::vector<idx_t> labels(queries.size() * k);
    hnsw_.search(static_cast<idx_t>(queries.size()), queries.data()->bytes.data(), kNearest,
                 distances.data(), labels.data());
    for (size_t i = 0; i < labels.size(); ++i) {
      if (labels[i] < 0 || distances[i] > max_distance) continue;
      hits->push_back({static_cast<uint32_t>(i / k), labels[i], distances[i]});
    }
  }

  faiss::IndexBinaryHNSW hnsw_;
};

// What the server asks: segments, and the newest rows in a head.
class LiveAdapter final : public RangeOnlyIndex {
 public:
  explicit LiveAdapter(HugeVector<Pdq256> codes) : live_(LiveIndexOptions{}) {
    ntotal = static_cast<idx_t>(codes.size());
    std::vector<RowId> rows(codes.size());
    std::iota(rows.begin(), rows.end(), RowId{0});
    const size_t in_head = std::min(codes.size(), LiveIndexOptions{}.head_capacity / 2);
    const size_t sealed = codes.size() - in_head;
    const std::span<const Pdq256> all(codes);
    const std::span<const RowId> ids(rows);
    Expect(live_.Add(all.first(sealed), ids.first(sealed)));
    Expect(live_.Maintain(/*seal_all=*/true));
    Expect(live_.Add(all.subspan(sealed), ids.subspan(sealed)));
  }

 private:
  static void Expect(const absl::Status& status) {
    if (!status.ok()) throw std::runtime_error(std::string(MessageOf(status)));
  }

  void Find(std::span<const Pdq256> queries, int max_distance,
            std::vector<RangeHit>* hits) const override {
    const auto found = live_.Search(queries, max_distance, std::numeric_limits<size_t>::max());
    Expect(found.status());
    for (const Hit& hit : found->hits) hits->push_back({hit.query, hit.row, hit.distance});
  }

  LiveIndex live_;
};

// Of "batch8" and "batch": 8.
std::optional<size_t> NumberBehind(std::string_view word, std::string_view text) {
  if (!text.starts_with(word)) return std::nullopt;
  size_t value = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data() + word.size(), end, value);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return value;
}

}  // namespace

std::vector<std::string_view> IndexKindNames() { return {std::begin(kKinds), std::end(kKinds)}; }

std::optional<IndexSpec> ParseIndexSpec(std::string_view text, size_t batch) {
  const size_t at = std::min(text.find(':'), text.size());
  IndexSpec spec{.kind = std::string(text.substr(0, at)), .batch = batch, .substrings = 0};
  const bool known = std::find(std::begin(kKinds), std::end(kKinds), spec.kind) != std::end(kKinds);
  if (!known) return std::nullopt;
  if (at == text.size()) return spec;
  const std::string_view option = text.substr(at + 1);
  if (const auto value = NumberBehind("batch", option); value.has_value() && *value > 0) {
    spec.batch = *value;
    return spec;
  }
  const auto substrings = NumberBehind("m", option);
  if (spec.kind != "mih" || !substrings.has_value() || *substrings < 10 || *substrings > 16) {
    return std::nullopt;
  }
  spec.substrings = static_cast<int>(*substrings);
  return spec;
}

std::string NameOf(const IndexSpec& spec) {
  if (spec.substrings == 0) return spec.kind;
  return spec.kind + ":m" + std::to_string(spec.substrings);
}

bool IsExact(std::string_view kind) { return kind != "faiss-hnsw"; }

std::unique_ptr<faiss::IndexBinary> BuildIndex(const IndexSpec& spec, HugeVector<Pdq256> codes) {
  omp_set_num_threads(1);
  const std::string_view kind = spec.kind;
  if (kind == "mih") return std::make_unique<MultiIndexHash>(std::move(codes), spec.substrings);
  if (kind == "mih+head") return std::make_unique<LiveAdapter>(std::move(codes));
  if (kind == "flat") return std::make_unique<FlatIndex>(std::move(codes));
  if (kind == "faiss-hnsw") return std::make_unique<HnswIndex>(std::move(codes));
  std::unique_ptr<faiss::IndexBinary> index;
  if (kind == "faiss-flat") index = std::make_unique<faiss::IndexBinaryFlat>(kBits);
  if (kind == "faiss-multihash") index = std::make_unique<FaissMultiHash>();
  if (index == nullptr) throw std::invalid_argument("no such index");
  index->add(static_cast<faiss::IndexBinary::idx_t>(codes.size()), codes.data()->bytes.data());
  return index;
}

void PrepareFor(int radius, faiss::IndexBinary* index) {
  auto* multi_hash = dynamic_cast<FaissMultiHash*>(index);
  if (multi_hash == nullptr) return;
  // Exact when 16 substrings that all differ in more bits than this add up to more than `radius`.
  multi_hash->nflip = radius / FaissMultiHash::kSubstrings;
}

size_t ResidentBytes() {
  malloc_trim(0);
  std::ifstream statm("/proc/self/statm");
  size_t all_pages = 0;
  size_t resident_pages = 0;
  statm >> all_pages >> resident_pages;
  return resident_pages * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace vigie::bench
