// What the server is now, read when somebody asks: the index, the database, queues, the canary.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/catalog/verdict_book.h"
#include "server/metrics/families.h"
#include "server/rpc/call_observer.h"

namespace vigie {

// Of the processes that decode.
struct DecoderCounts {
  uint64_t workers = 0;
  uint64_t busy = 0;
  uint64_t waiting = 0;                                           // requests, for a worker
  std::vector<std::pair<std::string_view, uint64_t>> replaced{};  // workers, by cause
};

// Of the canary (server/app/canary.h).
struct CanaryCounts {
  bool enabled = false;
  bool passing = false;
  uint64_t passed = 0;
  uint64_t failed = 0;
  uint64_t skipped = 0;  // rounds that came to no result
  double age_s = 0;      // since it passed last; since the start when it never has
  double took_s = 0;     // the last round
  int distance = 0;      // bits, of the last match
};

// Where it is read. All but `catalog` may be missing: its families then have no series.
struct StateSources {
  Catalog* catalog = nullptr;
  const VerdictBook* book = nullptr;
  std::string database;    // the file's path
  std::string checkpoint;  // the folder's path
  std::function<bool()> serving = {};
  std::function<std::vector<LaneStats>()> lanes = {};
  std::function<DecoderCounts()> decoders = {};
  std::function<CanaryCounts()> canary = {};
};

// One thread.
class StateMetrics {
 public:
  explicit StateMetrics(StateSources sources) : sources_(std::move(sources)) {}

  void Collect(Families& families);

 private:
  void CollectIndex(Families& families) const;
  void CollectEntries(Families& families);
  void CollectFiles(Families& families) const;
  void CollectLanes(Families& families) const;
  void CollectDecoders(Families& families) const;
  void CollectCanary(Families& families) const;

  const StateSources sources_;
  // Counting goes through all entries: 10 ms for a million.
  std::map<EntryState, uint64_t> entries_;
  uint64_t lists_ = 0;
  std::chrono::steady_clock::time_point count_again_{};
};

// Of this process, by the names that Prometheus's own libraries use.
void CollectProcess(Families& families);

}  // namespace vigie
