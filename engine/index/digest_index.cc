#include "engine/index/digest_index.h"

#include <algorithm>

namespace vigie {

std::string DigestIndex::KeyOf(Algorithm algorithm, std::string_view value) {
  std::string key(1, static_cast<char>(algorithm));
  key += value;
  return key;
}

size_t DigestIndex::ShardOf(std::string_view value) {
  return value.empty() ? 0 : static_cast<uint8_t>(value[0]) % kShards;
}

void DigestIndex::Add(Algorithm algorithm, std::string_view value, RowId row) {
  used_[static_cast<size_t>(algorithm)].store(true);
  Shard& shard = shards_[ShardOf(value)];
  const std::unique_lock lock(shard.mutex);
  shard.rows[KeyOf(algorithm, value)].push_back(row);
}

void DigestIndex::Remove(Algorithm algorithm, std::string_view value, RowId row) {
  Shard& shard = shards_[ShardOf(value)];
  const std::unique_lock lock(shard.mutex);
  const auto it = shard.rows.find(KeyOf(algorithm, value));
  if (it == shard.rows.end()) return;
  std::erase(it->second, row);
  if (it->second.empty()) shard.rows.erase(it);
}

std::vector<RowId> DigestIndex::Find(Algorithm algorithm, std::string_view value) const {
  const Shard& shard = shards_[ShardOf(value)];
  const std::shared_lock lock(shard.mutex);
  const auto it = shard.rows.find(KeyOf(algorithm, value));
  return it == shard.rows.end() ? std::vector<RowId>() : it->second;
}

void DigestIndex::ForEach(
    size_t shard,
    const std::function<void(Algorithm, std::string_view value, RowId)>& visit) const {
  const std::shared_lock lock(shards_[shard].mutex);
  for (const auto& [key, rows] : shards_[shard].rows) {
    const auto algorithm = static_cast<Algorithm>(key[0]);
    for (const RowId row : rows) visit(algorithm, std::string_view(key).substr(1), row);
  }
}

bool DigestIndex::Unused(Algorithm algorithm) const {
  return !used_[static_cast<size_t>(algorithm)].load();
}

}  // namespace vigie
