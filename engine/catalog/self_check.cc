#include "engine/catalog/self_check.h"

#include <algorithm>
#include <random>
#include <set>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"

namespace vigie {
namespace {

constexpr uint64_t kProgressRows = 65'536;

// A hit: which entry, which of its fingerprints, how far.
using Key = std::tuple<EntryNumber, int, int>;

Pdq256 Turned(Pdq256 hash, int bits, std::mt19937_64& random) {
  std::set<int> turned;
  while (static_cast<int>(turned.size()) < bits) turned.insert(static_cast<int>(random() % 256));
  for (const int bit : turned) {
    hash.bytes[static_cast<size_t>(bit / 8)] ^= static_cast<uint8_t>(1U << (bit % 8));
  }
  return hash;
}

class IndexCheck {
 public:
  IndexCheck(Store& store, const Catalog& catalog, const IndexCheckOptions& options)
      : store_(store), catalog_(catalog), options_(options), random_(options.seed) {}

  absl::StatusOr<IndexCheckReport> Run(const LoadProgress& progress) {
    VIGIE_RETURN_IF_ERROR(Sample());
    for (const FingerprintRow& row : samples_) VIGIE_RETURN_IF_ERROR(FindItself(row));
    VIGIE_RETURN_IF_ERROR(LookUp());
    VIGIE_RETURN_IF_ERROR(CompareAll(progress));
    for (size_t i = 0; i < queries_.size(); ++i) VIGIE_RETURN_IF_ERROR(Judge(i));
    report_.queries = queries_.size();
    return report_;
  }

 private:
  absl::Status Sample() {
    Counters counters;
    VIGIE_ASSIGN_OR_RETURN(counters, store_.ReadCounters());
    rows_ = counters.rows;
    const uint64_t step =
        std::max<uint64_t>(1, counters.rows / std::max<uint64_t>(1, options_.samples));
    return store_.ScanFingerprints([&](const FingerprintRow& row) {
      // At random, not every so manyth: rows of one kind may come so.
      if (random_() % step == 0 && catalog_.IsActing(row.entry)) samples_.push_back(row);
      return absl::OkStatus();
    });
  }

  absl::Status FindItself(const FingerprintRow& row) {
    std::vector<JoinedHit> hits;
    if (row.fingerprint.algorithm == Algorithm::kPdq) {
      const Pdq256 hash = PdqOf(row.fingerprint);
      VIGIE_ASSIGN_OR_RETURN(hits, catalog_.FindNear({&hash, 1}, 0));
    } else {
      hits = catalog_.FindCopies(row.fingerprint.algorithm, row.fingerprint.value);
    }
    const bool self = std::any_of(hits.begin(), hits.end(), [&row](const JoinedHit& hit) {
      return hit.row.entry == row.entry && hit.row.position == row.position;
    });
    bool excused = self;
    if (!self) {
      VIGIE_ASSIGN_OR_RETURN(excused, HasChanged(row.entry));
    }
    if (!excused) {
      return Error(absl::StatusCode::kDataLoss, "INDEX_INCOMPLETE",
                   absl::StrCat("row ", row.row, " is in the database and not in the index"));
    }
    ++(self ? report_.found : report_.changed);
    return absl::OkStatus();
  }

  absl::Status LookUp() {
    std::erase_if(samples_, [](const FingerprintRow& row) {
      return row.fingerprint.algorithm != Algorithm::kPdq;
    });
    const size_t queries = samples_.empty() ? 0 : options_.queries;
    found_.resize(queries);
    expected_.resize(queries);
    for (size_t i = 0; i < queries; ++i) {
      const FingerprintRow& from = samples_[i * samples_.size() / queries % samples_.size()];
      const int distance = static_cast<int>(i) % (options_.max_distance + 1);
      queries_.push_back(Turned(PdqOf(from.fingerprint), distance, random_));
      std::vector<JoinedHit> hits;
      VIGIE_ASSIGN_OR_RETURN(hits, catalog_.FindNear({&queries_[i], 1}, options_.max_distance));
      for (const JoinedHit& hit : hits) {
        found_[i].insert({hit.row.entry, hit.row.position, hit.distance});
      }
    }
    return absl::OkStatus();
  }

  absl::Status CompareAll(const LoadProgress& progress) {
    if (queries_.empty()) return absl::OkStatus();
    uint64_t done = 0;
    return store_.ScanFingerprints([&](const FingerprintRow& row) {
      if (++done % kProgressRows == 0 && progress) progress(done, rows_);
      if (row.fingerprint.algorithm != Algorithm::kPdq || !catalog_.IsActing(row.entry)) {
        return absl::OkStatus();
      }
      const Pdq256 hash = PdqOf(row.fingerprint);
      for (size_t i = 0; i < queries_.size(); ++i) {
        const int distance = HammingDistance(hash, queries_[i]);
        if (distance > options_.max_distance) continue;
        expected_[i].insert({row.entry, row.position, distance});
      }
      return absl::OkStatus();
    });
  }

  absl::Status Judge(size_t query) {
    report_.hits += expected_[query].size();
    std::vector<Key> different;
    std::set_symmetric_difference(found_[query].begin(), found_[query].end(),
                                  expected_[query].begin(), expected_[query].end(),
                                  std::back_inserter(different));
    for (const Key& key : different) {
      bool excused = false;
      VIGIE_ASSIGN_OR_RETURN(excused, HasChanged(std::get<0>(key)));
      if (!excused) {
        return Error(absl::StatusCode::kDataLoss, "INDEX_DISAGREES",
                     absl::StrCat("fingerprint ", std::get<1>(key), " of entry ", std::get<0>(key),
                                  " is ", std::get<2>(key), " bits from a value, and the index ",
                                  expected_[query].contains(key) ? "does not find" : "finds",
                                  " it at that distance"));
      }
      ++report_.changed;
    }
    return absl::OkStatus();
  }

  // Since the catalogue was loaded.
  absl::StatusOr<bool> HasChanged(EntryNumber entry) {
    if (!catalog_.IsActing(entry)) return true;
    std::optional<EntryRecord> record;
    VIGIE_ASSIGN_OR_RETURN(record, store_.ReadEntry(entry));
    return !record.has_value() || record->revision > catalog_.revision();
  }

  Store& store_;
  const Catalog& catalog_;
  const IndexCheckOptions options_;
  std::mt19937_64 random_;
  uint64_t rows_ = 0;
  IndexCheckReport report_;
  std::vector<FingerprintRow> samples_;
  std::vector<Pdq256> queries_;
  std::vector<std::set<Key>> found_;
  std::vector<std::set<Key>> expected_;
};

}  // namespace

absl::StatusOr<IndexCheckReport> CheckIndex(Store& store, const Catalog& catalog,
                                            const IndexCheckOptions& options,
                                            const LoadProgress& progress) {
  return IndexCheck(store, catalog, options).Run(progress);
}

}  // namespace vigie
