#include "engine/index/range_search.h"

#include <faiss/IndexBinary.h>
#include <faiss/impl/AuxIndexStructures.h>
#include <omp.h>

#include <exception>

#include "absl/strings/str_cat.h"

namespace vigie {

absl::Status RangeSearch(const faiss::IndexBinary& index, std::span<const Pdq256> queries,
                         int max_distance, std::vector<RangeHit>* hits) {
  if (queries.empty()) return absl::OkStatus();
  // OpenMP keeps this setting per thread. Parallelism is the server's: one query, one thread.
  omp_set_num_threads(1);
  try {
    faiss::RangeSearchResult result(static_cast<int64_t>(queries.size()));
    index.range_search(static_cast<int64_t>(queries.size()), queries.data()->bytes.data(),
                       max_distance + 1, &result);
    hits->reserve(hits->size() + result.lims[queries.size()]);
    for (size_t q = 0; q < queries.size(); ++q) {
      for (size_t i = result.lims[q]; i < result.lims[q + 1]; ++i) {
        hits->push_back({.query = static_cast<uint32_t>(q),
                         .position = result.labels[i],
                         .distance = static_cast<int>(result.distances[i])});
      }
    }
  } catch (const std::exception& e) {
    return Error(absl::StatusCode::kInternal, "INDEX_FAILED",
                 absl::StrCat("the index refused a search: ", e.what()));
  }
  return absl::OkStatus();
}

}  // namespace vigie
