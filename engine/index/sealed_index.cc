#include "engine/index/sealed_index.h"

#include <faiss/IndexBinaryFlat.h>
#include <omp.h>

#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/index/faiss_multi_hash.h"
#include "engine/index/flat_index.h"
#include "engine/index/key_index.h"
#include "engine/index/multi_index_hash.h"

namespace vigie {

std::string_view Name(IndexKind kind) {
  switch (kind) {
    case IndexKind::kMultiIndexHash:
      return "mih";
    case IndexKind::kFlat:
      return "flat";
    case IndexKind::kFaissFlat:
      return "faiss-flat";
    case IndexKind::kFaissMultiHash:
      return "faiss-multihash";
    case IndexKind::kSharedKeys:
      return "shared-keys";
  }
  return "invalid";
}

std::optional<IndexKind> ParseIndexKind(std::string_view name) {
  for (const IndexKind kind : kIndexKinds) {
    if (Name(kind) == name) return kind;
  }
  return std::nullopt;
}

SealedIndex::SealedIndex() = default;
SealedIndex::~SealedIndex() = default;

void SealedIndex::Take(std::unique_ptr<MultiIndexHash> index) {
  codes_ = index->codes();
  tables_ = &index->tables();
  index_ = std::move(index);
}

void SealedIndex::Fill(IndexKind kind, HugeVector<Pdq256> codes, int max_distance) {
  kind_ = kind;
  if (kind == IndexKind::kMultiIndexHash) {
    const int substrings = MultiIndexHash::BestSubstrings(codes.size(), max_distance);
    Take(std::make_unique<MultiIndexHash>(std::move(codes), substrings));
  } else if (kind == IndexKind::kSharedKeys) {
    auto index = std::make_unique<KeyIndex>(std::move(codes));
    codes_ = index->codes();
    keys_ = index.get();
    index_ = std::move(index);
  } else if (kind == IndexKind::kFlat) {
    auto index = std::make_unique<FlatIndex>(std::move(codes));
    codes_ = index->codes();
    index_ = std::move(index);
  } else if (kind == IndexKind::kFaissFlat) {
    auto index = std::make_unique<faiss::IndexBinaryFlat>(256);
    if (!codes.empty()) {
      index->add(static_cast<int64_t>(codes.size()), codes.data()->bytes.data());
    }
    codes_ = {reinterpret_cast<const Pdq256*>(index->xb.data()), codes.size()};
    index_ = std::move(index);
  } else {
    auto index = std::make_unique<FaissMultiHash>();
    if (!codes.empty()) {
      index->add(static_cast<int64_t>(codes.size()), codes.data()->bytes.data());
    }
    codes_ = {reinterpret_cast<const Pdq256*>(index->storage->xb.data()), codes.size()};
    flat_ = index->storage;
    exact_radius_ = FaissMultiHash::kExactRadius;
    index_ = std::move(index);
  }
}

absl::StatusOr<std::shared_ptr<const SealedIndex>> SealedIndex::Build(IndexKind kind,
                                                                      HugeVector<Pdq256> codes,
                                                                      std::vector<RowId> rows,
                                                                      int max_distance) {
  omp_set_num_threads(1);
  const std::shared_ptr<SealedIndex> sealed(new SealedIndex());
  try {
    sealed->Fill(kind, std::move(codes), max_distance);
  } catch (const std::exception& e) {
    return Error(
        absl::StatusCode::kResourceExhausted, "OUT_OF_MEMORY",
        absl::StrCat("building an index segment of ", rows.size(), " rows failed: ", e.what()));
  }
  sealed->rows_ = std::move(rows);
  return sealed;
}

absl::StatusOr<std::shared_ptr<const SealedIndex>> SealedIndex::FromIndex(
    std::unique_ptr<MultiIndexHash> index, std::vector<RowId> rows) {
  const std::shared_ptr<SealedIndex> sealed(new SealedIndex());
  sealed->Take(std::move(index));
  sealed->rows_ = std::move(rows);
  return sealed;
}

std::span<const SubstringTable> SealedIndex::tables() const {
  if (tables_ == nullptr) return {};
  return tables_->all();
}

size_t SealedIndex::bytes() const {
  size_t bytes = codes_.size_bytes() + rows_.size() * sizeof(RowId);
  if (keys_ != nullptr) bytes += keys_->table_bytes();
  if (tables_ != nullptr) bytes += tables_->bytes();
  return bytes;
}

const faiss::IndexBinary& SealedIndex::For(int max_distance) const {
  return max_distance <= exact_radius_ ? *index_ : *flat_;
}

}  // namespace vigie
