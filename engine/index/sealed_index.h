// Immutable segments of the live index: FAISS's exact binary indexes, chosen by configuration.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/base/fingerprint.h"
#include "engine/base/status.h"
#include "engine/index/head_index.h"
#include "engine/index/range_search.h"

namespace vigie {

// Which exact index holds sealed rows.
enum class IndexKind {
  kFlat,       // faiss::IndexBinaryFlat: 32 bytes a hash, compares them all
  kMultiHash,  // faiss::IndexBinaryMultiHash 16x16: about 300 bytes a hash, looks up 272 buckets
};
std::string_view Name(IndexKind kind);
std::optional<IndexKind> ParseIndexKind(std::string_view name);

// Rows that no longer change, each with its id, ascending. Immutable, so thread-safe.
class SealedIndex {
 public:
  // `codes` and `rows` have the same length. RESOURCE_EXHAUSTED, reason OUT_OF_MEMORY, when FAISS
  // cannot get the memory.
  static absl::StatusOr<std::shared_ptr<const SealedIndex>> Build(IndexKind kind,
                                                                  std::vector<Pdq256> codes,
                                                                  std::vector<RowId> rows);
  ~SealedIndex();

  size_t size() const { return rows_.size(); }
  std::span<const RowId> rows() const { return rows_; }
  std::span<const Pdq256> codes() const;

  // The index that finds every row within `max_distance`: multi-hash tables up to the radius they
  // are exact for, the flat scan beyond it.
  const faiss::IndexBinary& For(int max_distance) const;

 private:
  SealedIndex();

  std::unique_ptr<faiss::IndexBinary> index_;
  const faiss::IndexBinary* flat_ = nullptr;  // index_ itself or the storage inside it
  const uint8_t* codes_ = nullptr;            // inside index_
  int exact_radius_ = 256;                    // index_ is exact up to this distance, inclusive
  std::vector<RowId> rows_;
};

}  // namespace vigie
