#include "engine/index/live_index.h"

#include <algorithm>
#include <chrono>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/index/key_index.h"

namespace vigie {
namespace {

// Nearest first; the rest only makes the order, and so a cap, the same every time.
bool Nearer(const Hit& a, const Hit& b) {
  return std::tie(a.distance, a.row, a.query) < std::tie(b.distance, b.row, b.query);
}

absl::Status Disagrees(RowId row) {
  return Error(absl::StatusCode::kDataLoss, "INDEX_DISAGREES",
               absl::StrCat("the index and a comparison with every row differ in row ", row,
                            ": restart to rebuild the index"));
}

}  // namespace

LiveIndex::LiveIndex(LiveIndexOptions options)
    : options_(options), snapshot_(std::make_unique<Snapshot>()) {}

absl::Status LiveIndex::Add(std::span<const Pdq256> codes, std::span<const RowId> rows) {
  const std::lock_guard lock(writer_);
  uint64_t next = next_row_;
  for (const RowId row : rows) {
    if (row < next) {
      return Error(absl::StatusCode::kInvalidArgument, "ROW_OUT_OF_ORDER",
                   "row ids are unique and ascending");
    }
    next = uint64_t{row} + 1;
  }
  if (rows.empty()) return absl::OkStatus();
  dead_.Grow(next / 64 + 1);
  dead_words_.store(next / 64 + 1, std::memory_order_release);
  next_row_ = next;

  std::shared_ptr<HeadIndex> head;
  if (const auto now = snapshot_.Acquire(); !now->heads.empty()) head = now->heads.back();
  for (size_t i = 0; i < rows.size(); ++i) {
    if (head != nullptr && head->Append(codes[i], rows[i])) continue;
    head = std::make_shared<HeadIndex>(options_.head_capacity);
    head->Append(codes[i], rows[i]);
    auto next_snapshot = std::make_unique<Snapshot>(*snapshot_.Acquire());
    next_snapshot->heads.push_back(head);
    snapshot_.Publish(std::move(next_snapshot));
  }
  return absl::OkStatus();
}

void LiveIndex::Remove(std::span<const RowId> rows) {
  const std::lock_guard lock(writer_);
  for (const RowId row : rows) {
    if (row >= next_row_) continue;
    const uint64_t bit = uint64_t{1} << (row % 64);
    if ((dead_[row / 64].fetch_or(bit) & bit) == 0) ++tombstones_;
  }
}

bool LiveIndex::IsDead(RowId row) const {
  return row / 64 < dead_words_.load(std::memory_order_acquire) &&
         ((dead_[row / 64].load() >> (row % 64)) & 1) != 0;
}

absl::StatusOr<SearchResult> LiveIndex::Search(std::span<const Pdq256> queries, int max_distance,
                                               size_t max_hits) const {
  SearchResult result;
  std::vector<RangeHit> found;
  const auto take = [&](std::span<const RowId> rows) {
    for (const RangeHit& hit : found) {
      const RowId row = rows[static_cast<size_t>(hit.position)];
      if (!IsDead(row)) result.hits.push_back({hit.query, row, hit.distance});
    }
    found.clear();
  };
  const auto now = snapshot_.Acquire();
  for (const auto& segment : now->segments) {
    if (const KeyIndex* keys = segment->keys()) {
      keys->FindSharing(queries, max_distance, &found, &result.crowded);
    } else {
      VIGIE_RETURN_IF_ERROR(RangeSearch(segment->For(max_distance), queries, max_distance, &found));
    }
    take(segment->rows());
  }
  // Many heads that nobody has sealed yet may be full of equal codes: what finds no more than so
  // many in a segment does not in the heads together. The newest come first.
  const size_t most = options_.kind == IndexKind::kSharedKeys ? KeyIndex::kMaxCodes : SIZE_MAX;
  std::vector<size_t> in_heads(queries.size());
  for (auto head = now->heads.rbegin(); head != now->heads.rend(); ++head) {
    VIGIE_RETURN_IF_ERROR(RangeSearch(**head, queries, max_distance, &found));
    const auto rows = (*head)->rows();
    std::erase_if(found, [&](const RangeHit& hit) {
      return IsDead(rows[static_cast<size_t>(hit.position)]) || ++in_heads[hit.query] > most;
    });
    take(rows);
  }
  for (size_t q = 0; q < queries.size(); ++q) {
    if (in_heads[q] > most) result.crowded.push_back(static_cast<uint32_t>(q));
  }
  std::sort(result.crowded.begin(), result.crowded.end());
  result.crowded.erase(std::unique(result.crowded.begin(), result.crowded.end()),
                       result.crowded.end());
  result.total = result.hits.size();
  if (result.total > max_hits) {
    const auto cap = result.hits.begin() + static_cast<std::ptrdiff_t>(max_hits);
    std::nth_element(result.hits.begin(), cap, result.hits.end(), Nearer);
    result.hits.resize(max_hits);
  }
  std::sort(result.hits.begin(), result.hits.end(), Nearer);
  return result;
}

void LiveIndex::CodesOf(RowId first, size_t count, std::vector<RowId>* rows,
                        HugeVector<Pdq256>* codes) const {
  const uint64_t end = uint64_t{first} + count;
  const auto now = snapshot_.Acquire();
  const auto take = [&](const auto& part) {
    const auto ids = part->rows();
    const Pdq256* part_codes = part->codes().data();
    const auto begin = std::lower_bound(ids.begin(), ids.end(), first);
    for (auto i = static_cast<size_t>(begin - ids.begin()); i < ids.size() && ids[i] < end; ++i) {
      if (IsDead(ids[i])) continue;
      rows->push_back(ids[i]);
      codes->push_back(part_codes[i]);
    }
  };
  for (const auto& segment : now->segments) take(segment);
  for (const auto& head : now->heads) take(head);
}

absl::Status LiveIndex::CompareWithScan(const Pdq256& query, int max_distance, size_t most_rows,
                                        double from) const {
  std::map<RowId, int> near;
  RowId first = UINT32_MAX;
  RowId last = 0;
  {
    // A copy: the scan takes long, and a pin held that long would keep every snapshot alive.
    const Snapshot now = *snapshot_.Acquire();
    size_t all = 0;
    for (const auto& segment : now.segments) all += segment->size();
    for (const auto& head : now.heads) all += head->size();
    auto skip = static_cast<size_t>(from * static_cast<double>(all - std::min(all, most_rows)));
    const auto scan = [&](std::span<const Pdq256> codes, std::span<const RowId> rows) {
      const size_t passed = std::min(skip, rows.size());
      skip -= passed;
      for (size_t i = passed; i < rows.size() && most_rows > 0; ++i, --most_rows) {
        first = std::min(first, rows[i]);
        last = rows[i];
        const int distance = HammingDistance(query, codes[i]);
        if (distance <= max_distance) near[rows[i]] = distance;
      }
    };
    for (const auto& segment : now.segments) scan(segment->codes(), segment->rows());
    for (const auto& head : now.heads) {
      const auto rows = head->rows();
      scan({head->codes().data(), rows.size()}, rows);
    }
  }
  SearchResult found;
  VIGIE_ASSIGN_OR_RETURN(found, Search({&query, 1}, max_distance, SIZE_MAX));
  for (const Hit& hit : found.hits) {
    // Ids ascend: within the bounds nothing can have come.
    if (hit.row < first || hit.row > last) continue;
    const auto it = near.find(hit.row);
    if (it == near.end() || it->second != hit.distance) return Disagrees(hit.row);
    near.erase(it);
  }
  for (const auto& [row, distance] : near) {
    if (!IsDead(row)) return Disagrees(row);
  }
  return absl::OkStatus();
}

// More than a quarter. A large segment is only counted when so many rows have been hidden since the
// last time that it might be: counting takes longer than a round may.
bool LiveIndex::IsMostlyDead(const SealedIndex& segment) {
  const size_t tombstones = tombstones_.load();
  DeadCount& known = dead_counts_[&segment];
  const auto is_mostly = [&](size_t dead) { return 4 * dead > segment.size(); };
  if (!is_mostly(known.dead + (tombstones - known.tombstones))) return false;
  const auto rows = segment.rows();
  known.dead = static_cast<size_t>(
      std::count_if(rows.begin(), rows.end(), [this](RowId row) { return IsDead(row); }));
  known.tombstones = tombstones;  // of before counting: what came meanwhile may count twice
  return is_mostly(known.dead);
}

std::vector<std::shared_ptr<HeadIndex>> LiveIndex::ClosedHeads(const Snapshot& now) {
  std::vector<std::shared_ptr<HeadIndex>> heads = now.heads;
  if (!heads.empty() && !heads.back()->full()) heads.pop_back();
  return heads;
}

LiveIndex::MergePlan LiveIndex::PlanMerge(const Snapshot& now) {
  MergePlan plan;
  // One that is gone may have left its address to another, of which no more are dead.
  std::erase_if(dead_counts_, [&now](const auto& counted) {
    return std::none_of(now.segments.begin(), now.segments.end(),
                        [&counted](const auto& segment) { return segment.get() == counted.first; });
  });
  plan.inputs.heads = ClosedHeads(now);
  size_t rows = 0;
  for (const auto& head : plan.inputs.heads) rows += head->size();
  // Take in every newer segment that is not at least twice as large as what follows it: sizes then
  // fall by halves, a row is rebuilt about log2(N / head) times, a search visits as many segments.
  plan.keep_segments = now.segments.size();
  const auto absorb = [&] { rows += now.segments[--plan.keep_segments]->size(); };
  while (rows > 0 && plan.keep_segments > 0 &&
         now.segments[plan.keep_segments - 1]->size() < 2 * rows) {
    absorb();
  }
  // A segment that is mostly dead is rebuilt, with what follows it.
  for (size_t i = 0; i < plan.keep_segments; ++i) {
    if (IsMostlyDead(*now.segments[i])) {
      while (plan.keep_segments > i) absorb();
    }
  }
  plan.inputs.segments.assign(
      now.segments.begin() + static_cast<std::ptrdiff_t>(plan.keep_segments), now.segments.end());
  return plan;
}

void LiveIndex::BeginRound(bool close_head) {
  const std::lock_guard lock(writer_);
  // What readers held when the last merge replaced it, twice the index at worst, is free by now;
  // without this it would stay until the next publication, which may be days away.
  snapshot_.Reclaim();
  auto next = std::make_unique<Snapshot>(*snapshot_.Acquire());
  if (!close_head || next->heads.empty()) return;
  if (const HeadIndex& last = *next->heads.back(); last.full() || last.size() == 0) return;
  next->heads.push_back(std::make_shared<HeadIndex>(options_.head_capacity));
  snapshot_.Publish(std::move(next));
}

absl::Status LiveIndex::Maintain(bool seal_all) {
  BeginRound(seal_all);
  // A copy: the merge takes long, and a pin held that long would keep every snapshot alive.
  const Snapshot now = *snapshot_.Acquire();
  return Rebuild(PlanMerge(now));
}

absl::Status LiveIndex::Settle() {
  MergePlan plan;
  {
    const auto now = snapshot_.Acquire();
    size_t rows = 0;
    for (const auto& head : now->heads) rows += head->size();
    const bool many = rows >= options_.many_in_heads;
    plan.keep_segments = now->segments.size();
    while (plan.keep_segments > 0 &&
           rows + now->segments[plan.keep_segments - 1]->size() <= options_.most_settled) {
      rows += now->segments[--plan.keep_segments]->size();
    }
    if (!many && now->segments.size() - plan.keep_segments < 2) return absl::OkStatus();
  }
  BeginRound(/*close_head=*/true);
  const Snapshot now = *snapshot_.Acquire();
  plan.inputs.heads = ClosedHeads(now);
  plan.inputs.segments.assign(
      now.segments.begin() + static_cast<std::ptrdiff_t>(plan.keep_segments), now.segments.end());
  return Rebuild(plan);
}

absl::Status LiveIndex::Rebuild(const MergePlan& plan) {
  if (plan.inputs.segments.empty() && plan.inputs.heads.empty()) return absl::OkStatus();

  HugeVector<Pdq256> codes;
  std::vector<RowId> rows;
  size_t most = 0;
  for (const auto& segment : plan.inputs.segments) most += segment->size();
  for (const auto& head : plan.inputs.heads) most += head->size();
  codes.reserve(most);
  rows.reserve(most);
  const auto gather = [&](std::span<const Pdq256> from, std::span<const RowId> ids) {
    for (size_t i = 0; i < ids.size(); ++i) {
      if (IsDead(ids[i])) continue;
      codes.push_back(from[i]);
      rows.push_back(ids[i]);
    }
  };
  for (const auto& segment : plan.inputs.segments) gather(segment->codes(), segment->rows());
  for (const auto& head : plan.inputs.heads) {
    const auto ids = head->rows();
    gather({head->codes().data(), ids.size()}, ids);
  }
  std::shared_ptr<const SealedIndex> merged;
  VIGIE_ASSIGN_OR_RETURN(merged, SealedIndex::Build(options_.kind, std::move(codes),
                                                    std::move(rows), options_.max_distance));
  PublishMerge(plan, std::move(merged));
  return absl::OkStatus();
}

void LiveIndex::PublishMerge(const MergePlan& plan, std::shared_ptr<const SealedIndex> merged) {
  const std::lock_guard lock(writer_);
  auto next = std::make_unique<Snapshot>(*snapshot_.Acquire());
  next->segments.resize(plan.keep_segments);
  if (merged->size() > 0) next->segments.push_back(std::move(merged));
  next->heads.erase(next->heads.begin(),
                    next->heads.begin() + static_cast<std::ptrdiff_t>(plan.inputs.heads.size()));
  if (next->heads.size() == 1 && next->heads.back()->size() == 0) next->heads.clear();
  snapshot_.Publish(std::move(next));
  ++(plan.inputs.segments.empty() ? seals_ : merges_);
}

LiveIndexRows LiveIndex::Rows() const {
  const Snapshot now = *snapshot_.Acquire();
  LiveIndexRows all;
  all.segments = now.segments;
  for (const auto& head : now.heads) {
    const auto rows = head->rows();
    all.head_rows.insert(all.head_rows.end(), rows.begin(), rows.end());
    const Pdq256* codes = head->codes().data();
    all.head_codes.insert(all.head_codes.end(), codes, codes + rows.size());
  }
  return all;
}

absl::Status LiveIndex::Restore(std::vector<std::shared_ptr<const SealedIndex>> segments) {
  const std::lock_guard lock(writer_);
  uint64_t next = 0;
  for (const auto& segment : segments) {
    if (segment->size() == 0) continue;
    if (segment->rows().front() < next) {
      return Error(absl::StatusCode::kInvalidArgument, "ROW_OUT_OF_ORDER",
                   "row ids are unique and ascending");
    }
    next = uint64_t{segment->rows().back()} + 1;
  }
  dead_.Grow(next / 64 + 1);
  dead_words_.store(next / 64 + 1, std::memory_order_release);
  next_row_ = next;
  auto snapshot = std::make_unique<Snapshot>();
  snapshot->segments = std::move(segments);
  snapshot_.Publish(std::move(snapshot));
  return absl::OkStatus();
}

bool LiveIndex::Contains(RowId row) const {
  if (IsDead(row)) return false;
  const auto now = snapshot_.Acquire();
  const auto holds = [row](const auto& part) {
    const auto rows = part->rows();
    return std::binary_search(rows.begin(), rows.end(), row);
  };
  return std::any_of(now->segments.begin(), now->segments.end(), holds) ||
         std::any_of(now->heads.begin(), now->heads.end(), holds);
}

LiveIndexStats LiveIndex::stats() const {
  const auto now = snapshot_.Acquire();
  LiveIndexStats stats{.tombstones = tombstones_.load(),
                       .segments = now->segments.size(),
                       .heads = now->heads.size(),
                       .seals = seals_.load(),
                       .merges = merges_.load()};
  for (const auto& segment : now->segments) {
    stats.rows += segment->size();
    stats.bytes += segment->bytes();
  }
  for (const auto& head : now->heads) {
    stats.head_rows += head->size();
    stats.bytes += head->bytes();
  }
  stats.rows += stats.head_rows;
  if (!now->heads.empty()) {
    const auto age = std::chrono::steady_clock::now() - now->heads.front()->begun();
    stats.oldest_unsealed_s = std::chrono::duration<double>(age).count();
  }
  return stats;
}

}  // namespace vigie
