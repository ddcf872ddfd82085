#include "engine/index/sealed_index.h"

#include <faiss/IndexBinaryFlat.h>
#include <faiss/IndexBinaryHash.h>
#include <omp.h>

#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"

namespace vigie {
namespace {

// 16 substrings of 16 bits. Two hashes within 31 bits agree within 1 bit on at least one of them
// (pigeonhole: 16 substrings with 2 or more differences each make 32), so one flip finds all.
constexpr int kSubstrings = 16;
constexpr int kSubstringBits = 16;
constexpr int kFlips = 1;
constexpr int kMultiHashRadius = kSubstrings * (kFlips + 1) - 1;

}  // namespace

std::string_view Name(IndexKind kind) {
  return kind == IndexKind::kFlat ? "faiss-flat" : "faiss-multihash";
}

std::optional<IndexKind> ParseIndexKind(std::string_view name) {
  for (const IndexKind kind : {IndexKind::kFlat, IndexKind::kMultiHash}) {
    if (Name(kind) == name) return kind;
  }
  return std::nullopt;
}

SealedIndex::SealedIndex() = default;
SealedIndex::~SealedIndex() = default;

absl::StatusOr<std::shared_ptr<const SealedIndex>> SealedIndex::Build(IndexKind kind,
                                                                      std::vector<Pdq256> codes,
                                                                      std::vector<RowId> rows) {
  omp_set_num_threads(1);
  const std::shared_ptr<SealedIndex> sealed(new SealedIndex());
  try {
    const auto n = static_cast<int64_t>(codes.size());
    const faiss::IndexBinaryFlat* storage = nullptr;
    if (kind == IndexKind::kFlat) {
      auto flat = std::make_unique<faiss::IndexBinaryFlat>(256);
      storage = flat.get();
      sealed->index_ = std::move(flat);
    } else {
      auto multi = std::make_unique<faiss::IndexBinaryMultiHash>(256, kSubstrings, kSubstringBits);
      multi->nflip = kFlips;
      storage = multi->storage;
      sealed->exact_radius_ = kMultiHashRadius;
      sealed->index_ = std::move(multi);
    }
    if (n > 0) sealed->index_->add(n, codes.data()->bytes.data());
    sealed->flat_ = storage;
    sealed->codes_ = storage->xb.data();
    sealed->rows_ = std::move(rows);
  } catch (const std::exception& e) {
    return Error(
        absl::StatusCode::kResourceExhausted, "OUT_OF_MEMORY",
        absl::StrCat("building an index segment of ", codes.size(), " rows failed: ", e.what()));
  }
  return sealed;
}

std::span<const Pdq256> SealedIndex::codes() const {
  return {reinterpret_cast<const Pdq256*>(codes_), rows_.size()};
}

const faiss::IndexBinary& SealedIndex::For(int max_distance) const {
  return max_distance <= exact_radius_ ? *index_ : *flat_;
}

}  // namespace vigie
