// Immutable segments of the live index: an exact faiss::IndexBinary, chosen by configuration, or
// the local tier's index, which is not exact.
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

class KeyIndex;
class MultiIndexHash;
struct SubstringTable;
class SubstringTables;

// Which exact index holds sealed rows. The numbers are stored; never renumber.
enum class IndexKind {
  kMultiIndexHash,  // ours, the default: about 100 to 135 bytes a hash
  kFlat,            // ours: 32 bytes a hash, compares them all
  kFaissFlat,       // faiss::IndexBinaryFlat: 32 bytes a hash, compares them all
  kFaissMultiHash,  // faiss::IndexBinaryMultiHash 16x16: about 300 bytes a hash
  kSharedKeys,      // ours, not exact: 54 bytes a code; see key_index.h
};
// The exact ones, those that a configuration may name.
inline constexpr IndexKind kIndexKinds[] = {IndexKind::kMultiIndexHash, IndexKind::kFlat,
                                            IndexKind::kFaissFlat, IndexKind::kFaissMultiHash};
// "mih", "flat", "faiss-flat", "faiss-multihash".
std::string_view Name(IndexKind kind);
std::optional<IndexKind> ParseIndexKind(std::string_view name);

// Rows that no longer change, each with its id, ascending. Immutable, so thread-safe.
class SealedIndex {
 public:
  // `codes` and `rows` have the same length. `max_distance` is what most searches will ask for.
  // RESOURCE_EXHAUSTED, reason OUT_OF_MEMORY, when FAISS
  // cannot get the memory.
  static absl::StatusOr<std::shared_ptr<const SealedIndex>> Build(
      IndexKind kind, HugeVector<Pdq256> codes, std::vector<RowId> rows,
      int max_distance = kDefaultMaxDistance);
  // From an index that holds one code a row.
  static absl::StatusOr<std::shared_ptr<const SealedIndex>> FromIndex(
      std::unique_ptr<MultiIndexHash> index, std::vector<RowId> rows);
  ~SealedIndex();

  IndexKind kind() const { return kind_; }
  // Of the multi-index hash; other kinds have none.
  std::span<const SubstringTable> tables() const;

  size_t size() const { return rows_.size(); }
  std::span<const RowId> rows() const { return rows_; }
  std::span<const Pdq256> codes() const { return codes_; }
  // For kSharedKeys; nullptr for others.
  const KeyIndex* keys() const { return keys_; }
  // Of codes, rows and our tables.
  size_t bytes() const;

  // The index that finds every row within `max_distance`: the configured one up to the radius it
  // is exact for, a flat one over the same codes beyond it.
  const faiss::IndexBinary& For(int max_distance) const;

 private:
  SealedIndex();
  void Fill(IndexKind kind, HugeVector<Pdq256> codes, int max_distance);
  void Take(std::unique_ptr<MultiIndexHash> index);

  IndexKind kind_ = IndexKind::kMultiIndexHash;
  const SubstringTables* tables_ = nullptr;  // inside index_
  std::unique_ptr<faiss::IndexBinary> index_;
  const KeyIndex* keys_ = nullptr;            // inside index_
  const faiss::IndexBinary* flat_ = nullptr;  // used beyond exact_radius_; inside index_
  std::span<const Pdq256> codes_;             // inside index_
  int exact_radius_ = 256;                    // index_ is exact up to this distance, inclusive
  std::vector<RowId> rows_;
};

}  // namespace vigie
