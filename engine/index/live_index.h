// Hamming range search over rows that come and go while it answers; exact, but for segments of
// kSharedKeys (KeyIndex::kExactDistance).
//
// Sealed segments (immutable) + heads (the newest rows, compared one by one) + tombstones (one bit
// a row). Readers pin a snapshot of the segment list and never wait for a writer; a row is visible
// to every search that begins after Add() returned, and invisible to every search that begins
// after Remove() returned. Maintain() turns full heads into segments and merges segments, Settle()
// further than it has to be; without them answers stay right and grow slower.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "engine/base/chunked_array.h"
#include "engine/base/fingerprint.h"
#include "engine/base/published.h"
#include "engine/base/status.h"
#include "engine/index/head_index.h"
#include "engine/index/sealed_index.h"

namespace vigie {

struct LiveIndexOptions {
  IndexKind kind = IndexKind::kMultiIndexHash;
  // Rows in one head. Each query compares all rows of all heads (about 1 us per 1000).
  size_t head_capacity = 4096;
  // What most searches ask for: segments are built for it, and are exact at any distance.
  int max_distance = kDefaultMaxDistance;
  // Settle() builds no more rows anew (6 to 10 s, and twice their memory meanwhile), and does not
  // begin for fewer in heads.
  size_t most_settled = size_t{1} << 24;
  size_t many_in_heads = 1024;
};

// A row within the asked distance of query number `query`.
struct Hit {
  uint32_t query = 0;
  RowId row = 0;
  int distance = 0;
};

struct SearchResult {
  // Nearest first (then by row, then by query), at most the asked number.
  std::vector<Hit> hits;
  // How many there were before the cap.
  size_t total = 0;
  // Of kSharedKeys: numbers of queries, ascending, which so many rows are near to that not all were
  // looked at, in a segment or in the heads together.
  std::vector<uint32_t> crowded;
};

struct LiveIndexStats {
  size_t rows = 0;        // in segments and heads, tombstoned ones included
  size_t tombstones = 0;  // set since the start
  size_t segments = 0;
  size_t heads = 0;
  size_t head_rows = 0;  // of rows: those that are not sealed yet
  size_t bytes = 0;      // of codes, rows and tables; what FAISS's own indexes add is not known
  double oldest_unsealed_s = 0;  // since the first head was begun; 0: there is none
  // By Maintain(), since the start.
  uint64_t seals = 0;   // segments made of heads alone
  uint64_t merges = 0;  // segments made of others, with heads or without
};

// All rows of one moment: those of the segments, then those of the heads.
struct LiveIndexRows {
  std::vector<std::shared_ptr<const SealedIndex>> segments;
  HugeVector<Pdq256> head_codes;
  std::vector<RowId> head_rows;
};

class LiveIndex {
 public:
  explicit LiveIndex(LiveIndexOptions options);
  LiveIndex(const LiveIndex&) = delete;
  LiveIndex& operator=(const LiveIndex&) = delete;

  // Makes `codes` findable under `rows`, of the same length. Ids are handed out by the caller,
  // never reused and ascending over all calls: INVALID_ARGUMENT, reason ROW_OUT_OF_ORDER,
  // otherwise, and nothing is added. Any thread; writers take turns.
  absl::Status Add(std::span<const Pdq256> codes, std::span<const RowId> rows);

  // Hides rows for good. Unknown or already hidden ids are fine. Any thread.
  void Remove(std::span<const RowId> rows);

  // Every visible row at most `max_distance` (inclusive) from one of `queries`; a row near several
  // queries is a hit of each. Keeps the `max_hits` nearest and says how many there were. Any
  // thread.
  absl::StatusOr<SearchResult> Search(std::span<const Pdq256> queries, int max_distance,
                                      size_t max_hits) const;

  // The visible ones of rows `first` to `first` + `count` - 1, appended to `rows` and `codes`,
  // ascending. A few binary searches. Any thread.
  void CodesOf(RowId first, size_t count, std::vector<RowId>* rows,
               HugeVector<Pdq256>* codes) const;

  // For exact kinds. Compares at most `most_rows` neighbouring rows with `query` one by one, in
  // plain code that no index uses, and what Search() finds among them with that. `from`, 0 to 1,
  // says which: their first is behind that share of all. DATA_LOSS, reason INDEX_DISAGREES, names a
  // row that only one of the two has, or at another distance; errors of Search(). Any thread, also
  // while rows come and go.
  absl::Status CompareWithScan(const Pdq256& query, int max_distance, size_t most_rows,
                               double from) const;

  // One round of sealing full heads (or, if `seal_all`, every head) and merging small or mostly
  // dead segments, and of freeing what no reader holds any more. One thread at a time, also with
  // Settle(); Add, Remove and Search go on meanwhile. Errors of SealedIndex::Build change nothing.
  absl::Status Maintain(bool seal_all = false);

  // Merges the heads and all segments, but for large ones, into one, if searches gain by it: each
  // looks into every segment, and a small one costs it nearly as much as a large one. As
  // Maintain() otherwise.
  absl::Status Settle();

  // The rows there are, hidden ones included. Any thread; what is added meanwhile may be missing.
  LiveIndexRows Rows() const;

  // Makes `segments`, of another index's Rows(), the first rows of this one, which is new and used
  // by nobody yet. INVALID_ARGUMENT, reason ROW_OUT_OF_ORDER, when ids do not ascend over them.
  absl::Status Restore(std::vector<std::shared_ptr<const SealedIndex>> segments);

  // True when a search can find `row`. For the one thread that writes.
  bool Contains(RowId row) const;

  LiveIndexStats stats() const;

 private:
  struct Snapshot {
    std::vector<std::shared_ptr<const SealedIndex>> segments;
    std::vector<std::shared_ptr<HeadIndex>> heads;  // only the last one grows
  };
  // What Maintain() decided to rebuild into one segment.
  struct MergePlan {
    Snapshot inputs;  // the last segments, and the first heads
    size_t keep_segments = 0;
  };

  // Rows of a segment that were dead when there were so many tombstones.
  struct DeadCount {
    size_t dead = 0;
    size_t tombstones = 0;
  };

  bool IsDead(RowId row) const;
  bool IsMostlyDead(const SealedIndex& segment);
  // Frees what no reader holds, and, if `close_head`, has what comes go to another head.
  void BeginRound(bool close_head);
  // All heads but one that still grows.
  static std::vector<std::shared_ptr<HeadIndex>> ClosedHeads(const Snapshot& now);
  MergePlan PlanMerge(const Snapshot& now);
  absl::Status Rebuild(const MergePlan& plan);
  void PublishMerge(const MergePlan& plan, std::shared_ptr<const SealedIndex> merged);

  const LiveIndexOptions options_;
  mutable std::mutex writer_;                 // Add, Remove and the last step of Maintain
  ChunkedArray<std::atomic<uint64_t>> dead_;  // bit r % 64 of word r / 64: row r is hidden
  std::atomic<size_t> dead_words_{0};         // words of dead_ that readers may read
  std::atomic<size_t> tombstones_{0};
  std::atomic<uint64_t> seals_{0};
  std::atomic<uint64_t> merges_{0};
  uint64_t next_row_ = 0;                                // every id handed in so far is below it
  std::map<const SealedIndex*, DeadCount> dead_counts_;  // Maintain()'s own
  Published<Snapshot> snapshot_;
};

}  // namespace vigie
