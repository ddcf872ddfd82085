// The indexes that `vigie-bench search` compares, all behind faiss::IndexBinary.
#pragma once

#include <faiss/IndexBinary.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/fingerprint.h"
#include "engine/index/huge_vector.h"

namespace vigie::bench {

struct IndexSpec {
  std::string kind;    // one of IndexKindNames()
  size_t batch = 1;    // queries in one call
  int substrings = 0;  // of mih; 0: it chooses
};

// "mih", "flat", "faiss-flat", "faiss-multihash", "faiss-hnsw"; "mih+head": the live index,
// half a head of rows not sealed.
std::vector<std::string_view> IndexKindNames();

// Reads "KIND", "KIND:batchB" or "mih:mM"; `batch` when it names none. Nullopt for anything else.
std::optional<IndexSpec> ParseIndexSpec(std::string_view text, size_t batch);

// "KIND", or "mih:mM" when it does not choose.
std::string NameOf(const IndexSpec& spec);

// False for an index that may miss answers.
bool IsExact(std::string_view kind);

// Builds with one thread; `codes` are gone, or inside, when it returns. Throws
// std::exception when it cannot be built.
std::unique_ptr<faiss::IndexBinary> BuildIndex(const IndexSpec& spec, HugeVector<Pdq256> codes);

// Sets what must be set before `index` is asked for `radius`: the flips of FAISS's multi-hash, the
// fewest that are exact. Not thread-safe.
void PrepareFor(int radius, faiss::IndexBinary* index);

// Memory of this process that lies in RAM, in bytes, after free blocks went back to the system.
size_t ResidentBytes();

}  // namespace vigie::bench
