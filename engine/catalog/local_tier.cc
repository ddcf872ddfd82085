// Catalog: local fingerprints, which find pictures that an upload shows a part of.
#include <utility>

#include "engine/catalog/catalog.h"
#include "engine/catalog/entry_life.h"

namespace vigie {
namespace {

absl::Status Damaged() {
  return Error(absl::StatusCode::kDataLoss, "DATABASE_DAMAGED",
               "the database holds a local fingerprint that cannot be: restore a backup");
}

}  // namespace

absl::Status Catalog::AddLocal(EntryNumber entry, std::string_view value) {
  LocalFingerprint local;
  VIGIE_ASSIGN_OR_RETURN(local, DecodeLocal(value));
  return local_.Add(entry, local);
}

// They are in no checkpoint: reading them takes less time than their index, which is built anew.
absl::Status Catalog::LoadLocal() {
  constexpr size_t kSealAfter = 1000;  // pictures: what is sealed is small, what is not is scanned
  const ListTable lists = *lists_.Acquire();
  size_t added = 0;
  VIGIE_RETURN_IF_ERROR(
      store_.ScanLocal([&](EntryNumber entry, std::string_view value) -> absl::Status {
        const bool known = entry > 0 && entry <= last_entry_ && table_.Entry(entry).list != 0;
        // What another program adds or changes meanwhile is left out.
        if (!known && options_.beside_writer) return absl::OkStatus();
        if (!known) return Damaged();
        if (!IsSearched(table_.Entry(entry), lists)) return absl::OkStatus();
        const absl::Status status = AddLocal(entry, value);
        if (ReasonOf(status) == "HASH_MALFORMED") return Damaged();
        VIGIE_RETURN_IF_ERROR(status);
        return ++added % kSealAfter == 0 ? local_.Maintain() : absl::OkStatus();
      }));
  return local_.Maintain(/*seal_all=*/true);
}

absl::StatusOr<LocalFound> Catalog::FindLocal(const LocalFingerprint& upload,
                                              absl::FunctionRef<bool(const ListRecord&)> wanted,
                                              absl::FunctionRef<bool()> go_on) const {
  const auto join = [&](EntryNumber entry) -> std::optional<JoinedLocal> {
    JoinedLocal joined{.match = {}, .entry = table_.Entry(entry), .list = nullptr};
    joined.entry.state = StateAt(joined.entry.state, joined.entry.expires_us, clock_.Now());
    joined.list = FindList(joined.entry.list);
    const bool takes_part = joined.list != nullptr && joined.list->deleted_us == 0 &&
                            joined.list->local && Acts(joined.entry.state);
    return takes_part && wanted(*joined.list) ? std::optional(std::move(joined)) : std::nullopt;
  };
  LocalSearchResult result;
  VIGIE_ASSIGN_OR_RETURN(
      result, local_.Search(
                  upload, {}, [&](EntryNumber entry) { return join(entry).has_value(); }, go_on));
  LocalFound found{
      .matches = {}, .places = result.places, .complete = result.complete && result.left_out == 0};
  for (LocalMatch& match : result.matches) {
    auto joined = join(match.entry);
    if (!joined.has_value()) continue;
    joined->match = std::move(match);
    found.matches.push_back(*std::move(joined));
  }
  return found;
}

}  // namespace vigie
