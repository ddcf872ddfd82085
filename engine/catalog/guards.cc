// Catalog: what is near a new entry, for its submitter and for reviewers.
#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/catalog/canary.h"
#include "engine/catalog/catalog.h"
#include "engine/catalog/entry_life.h"

namespace vigie {
namespace {

constexpr size_t kMaxNotices = 8;  // about duplicates of one entry
// A flood of near copies must not make a search hold them all.
constexpr size_t kChunk = 64;
constexpr size_t kMaxHits = 64 * kChunk;

// The PDQ values of several entries.
struct Values {
  std::vector<Pdq256> codes;
  std::vector<size_t> owners;  // of codes[i]: which entry

  explicit Values(std::span<const EntryRecord* const> entries) {
    for (size_t i = 0; i < entries.size(); ++i) {
      if (entries[i] == nullptr) continue;
      for (const Fingerprint& fingerprint : entries[i]->fingerprints) {
        if (fingerprint.algorithm != Algorithm::kPdq) continue;
        codes.push_back(PdqOf(fingerprint));
        owners.push_back(i);
      }
    }
  }
};

// Calls `search` with parts of the values and the number of the first.
template <typename Search>
absl::Status InChunks(const Values& values, const Search& search) {
  const std::span<const Pdq256> all = values.codes;
  for (size_t begin = 0; begin < all.size(); begin += kChunk) {
    VIGIE_RETURN_IF_ERROR(search(all.subspan(begin, std::min(kChunk, all.size() - begin)), begin));
  }
  return absl::OkStatus();
}

// By distance, each entry once: its nearest.
void KeepNearest(std::vector<Neighbour>& near) {
  std::sort(near.begin(), near.end(), [](const Neighbour& a, const Neighbour& b) {
    return std::tie(a.of, a.entry, a.distance) < std::tie(b.of, b.entry, b.distance);
  });
  near.erase(std::unique(near.begin(), near.end(),
                         [](const Neighbour& a, const Neighbour& b) {
                           return a.of == b.of && a.entry == b.entry;
                         }),
             near.end());
  std::sort(near.begin(), near.end(), [](const Neighbour& a, const Neighbour& b) {
    return std::tie(a.of, a.distance, a.entry) < std::tie(b.of, b.distance, b.entry);
  });
}

// One notice for all conflicts: of the nearest that the submitter may know.
void NoteConflict(const ListRecord& list, const Neighbour& near, std::vector<Notice>* notices) {
  Notice notice{.code = NoticeCode::kAllowConflict,
                .message =
                    "it would match a picture that is known to be harmless: it is taken, "
                    "and will be reviewed"};
  if (near.list->organisation == list.organisation) {
    notice.entry = near.entry;
    notice.list_id = near.list->id;
    notice.distance = near.distance;
  }
  if (notices->empty()) {
    notices->push_back(std::move(notice));
  } else if (notices->front().entry == 0 && notice.entry != 0) {
    notices->front() = std::move(notice);
  }
}

void NoteDuplicate(const Neighbour& near, std::vector<Notice>* notices) {
  if (notices->size() >= kMaxNotices) return;
  notices->push_back({.code = NoticeCode::kDuplicate,
                      .message = absl::StrCat(
                          "your list ", near.list->id,
                          near.distance == 0 ? " has this picture" : " has a picture very like it"),
                      .entry = near.entry,
                      .list_id = near.list->id,
                      .distance = near.distance});
}

}  // namespace

bool HasConflict(const UploadResult& result) {
  return !result.notices.empty() && result.notices.front().code == NoticeCode::kAllowConflict;
}

absl::StatusOr<std::vector<Neighbour>> Catalog::FindNeighbours(
    std::span<const EntryRecord* const> entries, int max_distance,
    const std::function<bool(const ListRecord&)>& wanted) const {
  std::vector<Neighbour> near;
  const auto add = [&](size_t of, JoinedHit hit) {
    if (!wanted(*hit.list)) return;
    near.push_back({of, hit.row.entry, hit.entry.state, std::move(hit.list), hit.distance});
  };
  const Values values(max_distance < 0 ? std::span<const EntryRecord* const>() : entries);
  VIGIE_RETURN_IF_ERROR(
      InChunks(values, [&](std::span<const Pdq256> codes, size_t first) -> absl::Status {
        SearchResult found;
        VIGIE_ASSIGN_OR_RETURN(found, index_.Search(codes, max_distance, kMaxHits));
        const auto lists = lists_.Acquire();
        for (const Hit& hit : found.hits) {
          auto joined = Join(hit.row, *lists);
          if (!joined.has_value()) continue;
          joined->distance = hit.distance;
          add(values.owners[first + hit.query], *std::move(joined));
        }
        return absl::OkStatus();
      }));
  for (size_t i = 0; i < entries.size(); ++i) {
    if (entries[i] == nullptr) continue;
    for (const Fingerprint& print : entries[i]->fingerprints) {
      if (print.algorithm == Algorithm::kPdq || digests_.Unused(print.algorithm)) continue;
      for (JoinedHit& hit : FindCopies(print.algorithm, print.value)) add(i, std::move(hit));
    }
  }
  return near;
}

absl::StatusOr<std::vector<Neighbour>> Catalog::FindAllowed(
    std::span<const EntryRecord* const> entries, int max_distance) {
  const std::vector<ListNumber> allow_lists = lists_.Acquire()->allow_lists();
  EntryNumber last = 0;
  {
    const std::lock_guard lock(publication_);
    last = last_entry_;
  }
  VIGIE_RETURN_IF_ERROR(allowed_.Refresh(store_, allow_lists, last));
  std::vector<Neighbour> near;
  const Values values(entries);
  VIGIE_RETURN_IF_ERROR(
      InChunks(values, [&](std::span<const Pdq256> codes, size_t first) -> absl::Status {
        std::vector<AllowSet::Near> found;
        VIGIE_ASSIGN_OR_RETURN(found, allowed_.Find(codes, max_distance, kMaxHits));
        const auto lists = lists_.Acquire();
        for (const AllowSet::Near& hit : found) {
          const EntryFacts facts = table_.Entry(hit.entry);
          const EntryState state = StateAt(facts.state, facts.expires_us, clock_.Now());
          auto list = lists->ByNumber(facts.list);
          if (list == nullptr || list->deleted_us != 0 || !Acts(state)) continue;
          near.push_back(
              {values.owners[first + hit.query], hit.entry, state, std::move(list), hit.distance});
        }
        return absl::OkStatus();
      }));
  return near;
}

absl::Status Catalog::LoadQuota() {
  std::vector<EventRecord> submissions;
  VIGIE_ASSIGN_OR_RETURN(submissions, store_.ReadSubmissions(Quota::Horizon(clock_.Now())));
  for (const EventRecord& event : submissions) {
    quota_.Count(event.organisation, int64_t{event.last_entry} - event.entry + 1, event.time_us);
  }
  return absl::OkStatus();
}

Quota::Room Catalog::RoomFor(const Principal& caller) const {
  if (caller.daily_entries <= 0) return {.entries = INT64_MAX};
  return quota_.RoomFor(caller.organisation, caller.daily_entries, clock_.Now());
}

absl::Status Catalog::AddNotices(const ListRecord& list, std::span<UploadResult> results) {
  bool conflicts = false;
  bool duplicates = false;
  {
    const auto lists = lists_.Acquire();
    conflicts = list.kind == ListKind::kBlock && !lists->allow_lists().empty();
    duplicates = options_.find_duplicates && lists->HasSibling(list);
  }
  if (!conflicts && !duplicates) return absl::OkStatus();
  std::vector<const EntryRecord*> entries;
  for (const UploadResult& result : results) {
    entries.push_back(result.status.ok() ? &result.entry : nullptr);
  }
  std::vector<Neighbour> near;
  if (conflicts) {
    VIGIE_ASSIGN_OR_RETURN(near, FindAllowed(entries, list.max_distance));
  }
  // Digests are in one index of all lists, values of ALLOW lists have been looked up already.
  const auto wanted = [&](const ListRecord& other) {
    return (conflicts && other.kind == ListKind::kAllow) ||
           (duplicates && other.organisation == list.organisation && other.kind == list.kind &&
            other.number != list.number);
  };
  std::vector<Neighbour> more;
  VIGIE_ASSIGN_OR_RETURN(more,
                         FindNeighbours(entries, duplicates ? kDuplicateDistance : -1, wanted));
  near.insert(near.end(), std::make_move_iterator(more.begin()),
              std::make_move_iterator(more.end()));
  KeepNearest(near);
  for (const Neighbour& one : near) {
    // The search for duplicates may look farther than the list does.
    if (one.list->kind == list.kind || one.distance > list.max_distance) continue;
    NoteConflict(list, one, &results[one.of].notices);
  }
  for (const Neighbour& one : near) {
    if (one.list->kind == list.kind) NoteDuplicate(one, &results[one.of].notices);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Neighbour>> Catalog::FindRelated(const EntryRecord& entry) const {
  std::shared_ptr<const ListRecord> list;
  bool allow_lists = false;
  {
    const auto lists = lists_.Acquire();
    list = lists->ByNumber(entry.list);
    allow_lists = !lists->allow_lists().empty();
  }
  if (list == nullptr) return std::vector<Neighbour>();
  const EntryRecord* const entries[] = {&entry};
  const int widest =
      allow_lists ? std::max(kDuplicateDistance, list->max_distance) : kDuplicateDistance;
  std::vector<Neighbour> near;
  VIGIE_ASSIGN_OR_RETURN(near, FindNeighbours(entries, widest, [](const ListRecord& other) {
                           return other.organisation != kServerOrganisation;
                         }));
  std::erase_if(near, [&](const Neighbour& one) {
    const int most = one.list->kind == list->kind ? kDuplicateDistance : list->max_distance;
    return one.entry == entry.number || one.distance > most;
  });
  KeepNearest(near);
  return near;
}

}  // namespace vigie
