// Whether the index answers as the database says it should: for `vigie doctor`.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/base/fingerprint.h"
#include "engine/base/status.h"
#include "engine/catalog/catalog.h"
#include "engine/store/store.h"

namespace vigie {

struct IndexCheckOptions {
  uint64_t samples = 1000;  // fingerprints that must be found by their own values
  size_t queries = 200;     // values near some of them, looked up and compared with all rows
  int max_distance = kDefaultMaxDistance;  // of these: they are 0 to this many bits away
  uint64_t seed = 1;
};

struct IndexCheckReport {
  uint64_t found = 0;    // samples, each by its value
  uint64_t queries = 0;  // that were answered as the comparison with every row says
  uint64_t hits = 0;     // of them, together
  uint64_t changed = 0;  // hits that could not be judged: another program changed the entry
};

// Reads every fingerprint of `store` twice. The reference is a plain comparison of the database's
// rows with each query: neither an index nor its kernels are used for it. `catalog` was loaded from
// `store`, which a server may change meanwhile. DATA_LOSS, reasons INDEX_INCOMPLETE and
// INDEX_DISAGREES, names the first row that is wrong; errors of the store. `progress` counts rows
// compared and may be empty.
absl::StatusOr<IndexCheckReport> CheckIndex(Store& store, const Catalog& catalog,
                                            const IndexCheckOptions& options,
                                            const LoadProgress& progress);

}  // namespace vigie
