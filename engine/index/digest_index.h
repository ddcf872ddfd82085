// Exact copies: which rows hold this very digest (MD5, SHA-1, SHA-256).
//
// A digest matches at distance 0 only, so it needs equality, not a Hamming index: see
// docs/decisions/0003-exact-copies.md.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/base/types.h"
#include "engine/index/head_index.h"

namespace vigie {

// Thread-safe. Keys are spread over shards by the digest's own bits, so a writer holds up only the
// readers of one shard in 64, for one insertion.
class DigestIndex {
 public:
  static constexpr size_t kShards = 64;

  void Add(Algorithm algorithm, std::string_view value, RowId row);
  void Remove(Algorithm algorithm, std::string_view value, RowId row);

  // Rows with this digest, oldest first.
  std::vector<RowId> Find(Algorithm algorithm, std::string_view value) const;

  // Calls `visit` with everything in one shard, 0 to kShards - 1; rows of one digest oldest first.
  // Writers of the shard wait meanwhile.
  void ForEach(size_t shard,
               const std::function<void(Algorithm, std::string_view value, RowId)>& visit) const;

  // True when no row of `algorithm` was ever added: callers then need not compute that digest.
  bool Unused(Algorithm algorithm) const;

 private:
  struct Shard {
    mutable std::shared_mutex mutex;
    absl::flat_hash_map<std::string, std::vector<RowId>> rows;  // key: algorithm, then the digest
  };

  static std::string KeyOf(Algorithm algorithm, std::string_view value);
  static size_t ShardOf(std::string_view value);

  std::array<Shard, kShards> shards_;
  std::array<std::atomic<bool>, 8> used_{};
};

}  // namespace vigie
