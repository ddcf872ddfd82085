#include "bench/seed.h"

#include <stdexcept>
#include <utility>
#include <vector>

#include "bench/inputs.h"
#include "bench/search_data.h"
#include "engine/catalog/catalog.h"
#include "engine/store/sqlite_store.h"

namespace vigie::bench {
namespace {

constexpr size_t kSeedBatch = 10'000;

template <typename T>
T OrThrow(absl::StatusOr<T> result) {
  if (!result.ok()) throw std::runtime_error(std::string(MessageOf(result.status())));
  return *std::move(result);
}

}  // namespace

void SeedDataFolder(const std::string& data_dir, size_t entries) {
  const Principal flagger{.key_id = "bench-key",
                          .organisation = kSeedFlagger,
                          .role = Role::kTrustedFlagger,
                          .designation = Designation{.id = "bench"}};
  const auto store = OrThrow(OpenSqliteStore(data_dir + "/vigie.db"));
  const auto catalog = OrThrow(Catalog::Open(*store, SystemClock(), {}, {}));
  OrThrow(catalog->CreateList(
      flagger,
      {.id = kSeedList, .kind = ListKind::kBlock, .category = Category::kNcii, .settings = {}}));
  for (size_t done = 0; done < entries;) {
    std::vector<NewEntry> batch;
    while (batch.size() < kSeedBatch && done < entries) {
      batch.push_back(EntryOf(UniformHash(done++)));
    }
    OrThrow(catalog->Upload(flagger, kSeedList, batch));
    if (!catalog->Maintain().ok()) throw std::runtime_error("index maintenance failed");
  }
  if (!catalog->WriteCheckpoint(data_dir + "/checkpoint").ok()) {
    throw std::runtime_error("no checkpoint was written");
  }
}

}  // namespace vigie::bench
